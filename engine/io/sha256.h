// SHA-256 (FIPS 180-4), by which published files are known. Not here: fingerprints of arrays, which
// are engine/io/fingerprint.h.
#pragma once
#include <cstddef>
#include <span>
#include <string>

namespace imago::io {

std::string sha256(std::span<const std::byte> bytes);  // 64 hexadecimal digits

}  // namespace imago::io
