// Bytes of small files of every format the program reads, made by hand, so that each part can be
// wrong. Not here: any code of the library's.
#pragma once
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace imago::test {

inline std::string little(std::uint64_t v, int bytes) {
  std::string s;
  for (int i = 0; i < bytes; i++) s += char(v >> 8 * i);
  return s;
}
inline std::string big(std::uint64_t v, int bytes) {
  const std::string s = little(v, bytes);
  return {s.rbegin(), s.rend()};
}
template <class T>
std::string bytes_of(const std::vector<T>& values) {
  std::string s(values.size() * sizeof(T), '\0');
  std::memcpy(s.data(), values.data(), s.size());
  return s;
}
inline std::string floats(const std::vector<float>& v) { return bytes_of(v); }
inline std::string doubles(const std::vector<double>& v) { return bytes_of(v); }
inline std::string noise(std::size_t n) {
  std::mt19937 bits{7};
  std::string s;
  while (s.size() < n) s += char(bits() % 256);
  return s;
}

inline std::string idx(int type, const std::vector<std::uint32_t>& sizes, const std::string& body) {
  std::string s{'\0', '\0', char(type), char(sizes.size())};
  for (const std::uint32_t n : sizes) s += big(n, 4);
  return s + body;
}
inline std::string npy(const std::string& type, const std::string& shape, const std::string& body,
                       int version = 1) {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
  return "\x93NUMPY" + std::string{char(version), '\0'} +
         little(header.size(), version == 1 ? 2 : 4) + header + body;
}

inline std::uint32_t crc32_of(const std::string& s) {
  std::uint32_t crc = ~0u;
  for (const char c : s) {
    crc ^= std::uint8_t(c);
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
  }
  return ~crc;
}
// Deflate's block without compression, the last one; less than 64 KiB.
inline std::string deflate(const std::string& s) {
  return "\1" + little(s.size(), 2) + little(~s.size(), 2) + s;
}
inline std::string gzip(const std::string& s) {
  return std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10) + deflate(s) + little(crc32_of(s), 4) +
         little(s.size(), 4);
}
inline std::string zip(const std::vector<std::pair<std::string, std::string>>& entries,
                       bool deflated) {
  std::string file, directory;
  for (const auto& [name, body] : entries) {
    const std::string packed = deflated ? deflate(body) : body;
    const std::string common = little(20, 2) + little(0, 2) + little(deflated ? 8 : 0, 2) +
                               little(0, 4) + little(crc32_of(body), 4) + little(packed.size(), 4) +
                               little(body.size(), 4) + little(name.size(), 2) + little(0, 2);
    directory += "PK\1\2" + little(20, 2) + common + little(0, 8) + little(0, 2) +
                 little(file.size(), 4) + name;
    file += "PK\3\4" + common + name + packed;
  }
  return file + directory + "PK\5\6" + little(0, 4) + little(entries.size(), 2) +
         little(entries.size(), 2) + little(directory.size(), 4) + little(file.size(), 4) +
         little(0, 2);
}

}  // namespace imago::test
