// A fingerprint of arrays: tells one set of values from another. Not a cryptographic hash.
#pragma once
#include <cstdint>
#include <string>

#include "engine/io/host_array.h"

namespace imago::io {

// 64 bits of all that was added, in this order.
class Fingerprint {
 public:
  void add(const void* bytes, std::size_t n) {
    const auto* p = static_cast<const unsigned char*>(bytes);
    mix(n);
    for (; n >= 8; n -= 8, p += 8) {
      std::uint64_t word = 0;
      for (int k = 7; k >= 0; k--) word = word << 8 | p[k];
      mix(word);
    }
    std::uint64_t rest = 0;
    for (std::size_t k = n; k > 0; k--) rest = rest << 8 | p[k - 1];
    mix(rest);
  }
  void add(const HostArray& a) {
    mix(std::uint64_t(a.dtype));
    for (const Index d : a.shape) mix(std::uint64_t(d));
    add(a.bytes.data(), a.bytes.size());
  }
  std::string str() const {  // 16 hexadecimal digits
    std::string s;
    for (int shift = 60; shift >= 0; shift -= 4) s += "0123456789abcdef"[state_ >> shift & 15];
    return s;
  }

 private:
  void mix(std::uint64_t v) {
    state_ = (state_ ^ v) * 0x9E3779B97F4A7C15u;
    state_ ^= state_ >> 32;
  }
  std::uint64_t state_ = 0x243F6A8885A308D3u;
};

}  // namespace imago::io
