// Philox words, uniforms and normals on the host: equal bit for bit to those of the kernels, on
// every machine. For shuffles, generated data and static binarisation. Not here: draws of tensors,
// which are engine/ops/random.h.
#pragma once
#include <array>
#include <cstdint>

#include "kernels/kernel.h"

namespace imago {

std::array<std::uint32_t, 4> philox_words(PhiloxKey key, std::uint64_t block);
std::array<float, 4> philox_normals(PhiloxKey key, std::uint64_t block);
// sine and cosine of 2 pi t for any finite t; float arithmetic without a library call, good to
// 4e-7.
struct SinCos {
  float sin, cos;
};
SinCos portable_sincos_2pi(double turns);
double portable_exp(double x);  // |x| <= 16, to about 1e-14
double portable_log(double x);  // x > 0, normal, to about 1e-15

// What a host stream is for. A run's own Generator has subsequence 0, so the streams never meet.
enum class Purpose : std::uint64_t {
  shuffle = 1,
  hold_out = 2,
  binarize = 3,
  generate = 4,
  replay = 8,
  reweigh = 9
};

// The words of one subsequence, in order.
class HostStream {
 public:
  HostStream(std::uint64_t seed, Purpose purpose, std::uint64_t number = 0)
      : key_{seed, std::uint64_t(purpose) << 48 | number, 0} {}
  std::uint32_t word();
  float uniform() { return float(word() >> 8) * 0x1p-24f; }  // [0, 1), 24 bits
  float normal();                                            // takes whole blocks of its own
  std::uint32_t below(std::uint32_t n);                      // uniform in [0, n), exactly; n > 0

 private:
  PhiloxKey key_;
  std::array<std::uint32_t, 4> words_{};
  std::array<float, 4> normals_{};
  int left_ = 0, normals_left_ = 0;
};

}  // namespace imago
