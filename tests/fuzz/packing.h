// Compressed bytes opened and closed again, for mutations below the compression. Not here: the
// project's own inflater, which is under test.
#pragma once
#include <string>

namespace imago::fuzz {

enum class Packing { raw, zlib, gzip };
// As much as can be inflated, at most `limit` bytes; checksums are not looked at.
std::string unpacked(const std::string& bytes, Packing, std::size_t limit = 1 << 16);
std::string packed(const std::string& bytes, Packing);
std::uint32_t crc_of(const std::string& bytes);

}  // namespace imago::fuzz
