#include "engine/random/host.h"

#include <cmath>

// The kernels' own header, in a namespace of this file.
#define IMAGO_BACKEND host_random
#define DEVICE
#include "kernels/philox.h"
#undef DEVICE
#undef IMAGO_BACKEND

namespace imago {

std::array<std::uint32_t, 4> philox_words(PhiloxKey key, std::uint64_t block) {
  const host_random::Philox b = host_random::philox(key, block);
  return {b.v[0], b.v[1], b.v[2], b.v[3]};
}
std::array<float, 4> philox_normals(PhiloxKey key, std::uint64_t block) {
  const host_random::Normal4 z = host_random::normals(host_random::philox(key, block));
  return {z.v[0], z.v[1], z.v[2], z.v[3]};
}

SinCos portable_sincos_2pi(double turns) {
  SinCos r;
  host_random::sincos_2pi(float(turns - std::floor(turns)), &r.sin, &r.cos);
  return r;
}

// exp(x / 64) by its series, squared six times: operations that round alike everywhere, which
// std::exp need not.
double portable_exp(double x) {
  const double t = x / 64;
  double y = 1;
  for (int k = 12; k > 0; k--) y = std::fma(y * t, 1. / k, 1.);
  for (int k = 0; k < 6; k++) y *= y;
  return y;
}

// x = 2^e m with m within a factor of sqrt 2 of 1; log m = 2 atanh((m - 1) / (m + 1)) by its
// series.
double portable_log(double x) {
  int e;
  double m = std::frexp(x, &e);
  if (m < .70710678118654752) m *= 2, e--;
  const double s = (m - 1) / (m + 1), square = s * s;
  double sum = 0;
  for (int k = 23; k > 0; k -= 2) sum = std::fma(sum, square, 1. / k);
  return std::fma(.69314718055994531, e, 2 * s * sum);
}

std::uint32_t HostStream::word() {
  if (!left_) {
    words_ = philox_words(key_, 0);
    key_.offset++;
    left_ = 4;
  }
  return words_[std::size_t(4 - left_--)];
}
float HostStream::normal() {
  if (!normals_left_) {
    normals_ = philox_normals(key_, 0);
    key_.offset++;
    normals_left_ = 4;
  }
  return normals_[std::size_t(4 - normals_left_--)];
}

// Lemire 2019: the high half of a product, words in the short part rejected.
std::uint32_t HostStream::below(std::uint32_t n) {
  std::uint64_t product = std::uint64_t(word()) * n;
  if (std::uint32_t(product) < n) {
    const std::uint32_t threshold = -n % n;
    while (std::uint32_t(product) < threshold) product = std::uint64_t(word()) * n;
  }
  return std::uint32_t(product >> 32);
}

}  // namespace imago
