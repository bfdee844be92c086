// PNG pictures.
#include "engine/io/png.h"

#include <algorithm>

#include "tests/fuzz/packing.h"
#include "tests/fuzz/target.h"

namespace imago::fuzz {
namespace {

std::size_t number(const std::string& bytes, std::size_t at) {
  std::size_t n = 0;
  for (std::size_t i = 0; i < 4; i++) n = n << 8 | std::uint8_t(bytes[at + i]);
  return n;
}

void check(const std::string& bytes) {
  const auto in = std::as_bytes(std::span(bytes));
  const io::Bytes file(in.begin(), in.end());
  io::Image a;
  // The pixels and their rows as the header tells them, unless it lies; libpng's own memory, which
  // ends at a colour profile of 8 MB.
  std::size_t pixels = 0;
  if (bytes.size() >= 24) pixels = (number(bytes, 16) * 3 + 8) * number(bytes, 20);
  const std::size_t memory =
      9'000'000 + bytes.size() * 8 + std::min(pixels, bytes.size() * 1032 * 26);
  if (!accepts(ErrorKind::data, memory, [&] { a = io::png::decode(file, "in.png"); })) return;
  require(a.pixels.size() == std::size_t(a.height * a.width * a.channels), "pixels are missing");
  const io::Image b = io::png::decode(io::png::encode(a, "out.png"), "out.png");
  require(a.height == b.height && a.width == b.width && a.channels == b.channels &&
              a.pixels == b.pixels,
          "a picture reads back different");
}

struct Chunk {
  std::string type, data;
};
std::string word(std::size_t v) {
  std::string s;
  for (int i = 3; i >= 0; i--) s += char(v >> (8 * i));
  return s;
}

// A chunk, or the pixels below the compression, altered; sizes and checksums true.
std::string mutate(std::string bytes, const Mutation& change, Random& random) {
  if (bytes.size() < 8 || random() % 8 == 0) {
    change(bytes);
    return bytes;
  }
  std::vector<Chunk> chunks;
  for (std::size_t at = 8; at + 8 <= bytes.size();) {
    const std::size_t size = number(bytes, at);
    chunks.push_back({bytes.substr(at + 4, 4), bytes.substr(at + 8, size)});
    at += 12 + size;
  }
  if (chunks.empty()) return bytes;
  const std::size_t chosen = random() % chunks.size();
  Chunk& c = chunks[chosen];
  switch (random() % 8) {
    case 0: chunks.push_back(Chunk(c)); break;
    case 1: std::swap(c, chunks[random() % chunks.size()]); break;
    case 2: change(c.type); break;
    case 3:
      if (chunks.size() > 3) chunks.erase(chunks.begin() + std::ptrdiff_t(chosen));
      break;
    default:
      if (c.type == "IDAT" && random() % 4) {
        std::string pixels = unpacked(c.data, Packing::zlib);
        change(pixels);
        c.data = packed(pixels, Packing::zlib);
      } else {
        change(c.data);
      }
  }
  std::string out = bytes.substr(0, 8);
  for (Chunk& each : chunks) {
    each.type.resize(4, 'a');
    const std::string body = each.type + each.data;
    out += word(each.data.size()) + body + word(crc_of(body));
  }
  return out;
}

const Registered registered({"png", check, mutate});

}  // namespace
}  // namespace imago::fuzz
