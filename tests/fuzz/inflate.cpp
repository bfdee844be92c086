// The inflater by itself: format, declared size and sizes of the reads come from the input.
#include "engine/io/inflate.h"

#include <algorithm>

#include "tests/fuzz/packing.h"
#include "tests/fuzz/target.h"

namespace imago::fuzz {
namespace {

// bytes: [flags][size, little endian, 3][piece][the stream]. flags: 1 gzip.
constexpr std::size_t kHead = 5;

io::Bytes inflate(std::span<const std::byte> in, bool gzip, std::size_t size, std::size_t piece) {
  using Format = io::Inflater::Format;
  io::Bytes out(size);
  io::Inflater inflater(in, gzip ? Format::gzip : Format::raw, "in", 0);
  for (std::size_t at = 0; at < size; at += piece)
    inflater.read(out.data() + at, std::min(piece, size - at), "values");
  inflater.finish();
  return out;
}

void check(const std::string& bytes) {
  if (bytes.size() < kHead) return;
  const auto byte = [&](std::size_t i) { return std::size_t((unsigned char)bytes[i]); };
  const bool gzip = byte(0) & 1;
  const std::size_t size = byte(1) | byte(2) << 8 | byte(3) << 16;
  const auto in = std::as_bytes(std::span(bytes)).subspan(kHead);
  io::Bytes out;
  const bool accepted = accepts(ErrorKind::data, (1 << 17) + size,
                                [&] { out = inflate(in, gzip, size, 1 + byte(4) * 37); });
  if (accepted) {
    // What callers ask before they allocate must never refuse what can be read.
    require(io::can_inflate_to(size, in.size()), "a ratio beyond deflate's");
    require(inflate(in, gzip, size, size + 1) == out, "the pieces of a read matter");
    require(inflate(gzip ? io::deflate_gzip(out) : io::deflate_raw(out), gzip, size, 1000) == out,
            "what is deflated inflates to something else");
  }
}

std::string mutate(std::string bytes, const Mutation& change, Random& random) {
  if (bytes.size() < kHead || random() % 4 == 0) {
    change(bytes);
    return bytes;
  }
  std::string head = bytes.substr(0, kHead), stream = bytes.substr(kHead);
  const Packing packing = head[0] & 1 ? Packing::gzip : Packing::raw;
  if (random() % 2) {
    std::string plain = unpacked(stream, packing);
    change(plain);
    stream = packed(plain, packing);
  } else {
    change(stream);
  }
  // The declared size: mostly the true one.
  if (random() % 4) {
    const std::size_t size = unpacked(stream, packing, 1 << 20).size();
    for (std::size_t i = 0; i < 3; i++) head[1 + i] = char(size >> (8 * i));
  }
  return head + stream;
}

const Registered registered({"inflate", check, mutate});

}  // namespace
}  // namespace imago::fuzz
