#include "tests/fuzz/archive.h"

#include "engine/io/zip.h"
#include "tests/fuzz/packing.h"

namespace imago::fuzz {
namespace {

std::span<const std::byte> bytes_of(const std::string& s) { return std::as_bytes(std::span(s)); }

// The true checksum in every entry of the directory.
void repair(std::string& bytes) {
  try {
    std::size_t at = 0;
    for (const io::ZipEntry& e : io::zip_entries(bytes_of(bytes), "in")) {
      at = bytes.find("PK\1\2", at);
      if (at == bytes.npos || e.header + 30 > bytes.size()) return;
      const auto two = [&](std::size_t i) {
        return std::size_t((unsigned char)bytes[i]) | std::size_t((unsigned char)bytes[i + 1]) << 8;
      };
      const std::size_t data = e.header + 30 + two(e.header + 26) + two(e.header + 28);
      if (data > bytes.size()) return;
      std::string content = bytes.substr(data, e.compressed);
      if (e.method == 8)
        content = unpacked(content, Packing::raw, std::min<std::size_t>(e.size, 1 << 20));
      const std::uint32_t crc = crc_of(content);
      for (std::size_t i = 0; i < 4; i++) bytes[at + 16 + i] = char(crc >> (8 * i));
      at += 46;
    }
  } catch (const Error&) {
  }
}

}  // namespace

std::string mutated_archive(std::string bytes, const Mutation& change, Random& random) {
  if (random() % 2) {
    change(bytes);
    repair(bytes);
    return bytes;
  }
  // One entry's name or contents altered, in an archive written anew.
  try {
    io::ZipWriter zip("out");
    const auto entries = io::zip_entries(bytes_of(bytes), "in");
    const std::size_t chosen = entries.empty() ? 0 : random() % (entries.size() + 1);
    for (std::size_t i = 0; i < entries.size(); i++) {
      const io::Bytes contents = io::zip_read(bytes_of(bytes), entries[i], "in");
      std::string text(reinterpret_cast<const char*>(contents.data()), contents.size());
      std::string name = entries[i].name;
      if (i == chosen && random() % 8)
        change(text);
      else if (i == chosen)
        change(name);
      zip.add(name, bytes_of(text), random() % 2);
      if (i == chosen && random() % 16 == 0) zip.add("x" + name, bytes_of(text), true);
    }
    const io::Bytes out = zip.finish();
    return {reinterpret_cast<const char*>(out.data()), out.size()};
  } catch (const Error&) {
    change(bytes);
    return bytes;
  }
}

}  // namespace imago::fuzz
