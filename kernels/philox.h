// Philox4x32-10 (Salmon et al. 2011) and normals from it, in float arithmetic whose every operation
// is correctly rounded on every target: explicit fma, no a * b + c left for a compiler to contract,
// no library call. Hence bit-equal on cpu, cuda and emulation. Included by kernels/backend.h only.
#pragma once
namespace imago::IMAGO_BACKEND {

// b when either is NaN: one instruction everywhere, unlike fmax.
template <class T>
DEVICE inline T maximum(T a, T b) {
  return a > b ? a : b;
}
template <class T>
DEVICE inline T minimum(T a, T b) {
  return a < b ? a : b;
}

struct Philox {
  uint32_t v[4];
};
DEVICE inline void philox_round(Philox& c, uint32_t k0, uint32_t k1) {
  const uint64_t a = uint64_t(0xD2511F53u) * c.v[0], b = uint64_t(0xCD9E8D57u) * c.v[2];
  c = {
      {uint32_t(b >> 32) ^ c.v[1] ^ k0, uint32_t(b), uint32_t(a >> 32) ^ c.v[3] ^ k1, uint32_t(a)}};
}
// Block number key.offset + add: four words.
DEVICE inline Philox philox(PhiloxKey key, uint64_t block, uint32_t add = 0) {
  const uint64_t counter = key.offset + block;
  const uint32_t lo = uint32_t(counter) + add, hi = uint32_t(counter >> 32) + (lo < add);
  const uint32_t k0 = uint32_t(key.seed), k1 = uint32_t(key.seed >> 32);
  Philox c{{lo, hi, uint32_t(key.subsequence), uint32_t(key.subsequence >> 32)}};
  // Written out: gcc does not unroll before it vectorises.
  // clang-format off
#define IMAGO_ROUND(i) philox_round(c, k0 + i * 0x9E3779B9u, k1 + i * 0xBB67AE85u);
  IMAGO_ROUND(0u) IMAGO_ROUND(1u) IMAGO_ROUND(2u) IMAGO_ROUND(3u) IMAGO_ROUND(4u)
  IMAGO_ROUND(5u) IMAGO_ROUND(6u) IMAGO_ROUND(7u) IMAGO_ROUND(8u) IMAGO_ROUND(9u)
  // clang-format on
#undef IMAGO_ROUND
          return c;
}

DEVICE inline float bits_float(uint32_t u) { return __builtin_bit_cast(float, u); }
DEVICE inline uint32_t float_bits(float x) { return __builtin_bit_cast(uint32_t, x); }

// Uniform in [0, 1) with 24 bits, exact in float.
DEVICE inline float uniform(uint32_t word) { return float(word >> 8) * 0x1p-24f; }

// ln x of a normal x > 0: x = m 2^e, m in [sqrt(1/2), sqrt(2)); Cephes polynomial.
DEVICE inline float log_portable(float x) {
  const int32_t e = int32_t(float_bits(x) - 0x3f3504f3u) >> 23;
  const float f = bits_float(float_bits(x) - (uint32_t(e) << 23)) - 1.f, z = f * f, k = float(e);
  float p = 7.0376836292e-2f;
  p = fmaf(p, f, -1.1514610310e-1f);
  p = fmaf(p, f, 1.1676998740e-1f);
  p = fmaf(p, f, -1.2420140846e-1f);
  p = fmaf(p, f, 1.4249322787e-1f);
  p = fmaf(p, f, -1.6668057665e-1f);
  p = fmaf(p, f, 2.0000714765e-1f);
  p = fmaf(p, f, -2.4999993993e-1f);
  p = fmaf(p, f, 3.3333331174e-1f);
  float y = fmaf(k, -2.12194440e-4f, (p * f) * z);
  y = fmaf(-.5f, z, y);
  return fmaf(k, .693359375f, f + y);
}
// sin and cos of 2 pi t, 0 <= t <= 1.
DEVICE inline void sincos_2pi(float t, float* s, float* c) {
  const int32_t q = int32_t(fmaf(t, 4.f, .5f));  // nearest quarter turn
  const float a = fmaf(float(q), -.25f, t) * 6.28318530717958647692f,
              z = a * a;  // |a| <= pi / 4, subtraction exact
  float u = fmaf(fmaf(-1.9515295891e-4f, z, 8.3321608736e-3f), z, -1.6666654611e-1f);
  const float sn = fmaf(u * z, a, a);
  u = fmaf(fmaf(2.443315711809948e-5f, z, -1.388731625493765e-3f), z, 4.166664568298827e-2f);
  const float cs = fmaf(u * z, z, fmaf(-.5f, z, 1.f));
  const float x = q & 1 ? cs : sn, y = q & 1 ? sn : cs;
  *s = bits_float(float_bits(x) ^ (uint32_t(q & 2) << 30));
  *c = bits_float(float_bits(y) ^ (uint32_t((q + 1) & 2) << 30));
}
struct Normal4 {
  float v[4];
};
// Box-Muller with cuRAND's uniforms, (word + 1/2) 2^-32 in (0, 1].
DEVICE inline void box_muller(uint32_t b0, uint32_t b1, float* z0, float* z1) {
  const float u = fmaf(float(b0), 0x1p-32f, 0x1p-33f), t = fmaf(float(b1), 0x1p-32f, 0x1p-33f);
  const float r = sqrtf(-2.f * log_portable(u));
  float s, c;
  sincos_2pi(t, &s, &c);
  *z0 = r * s;
  *z1 = r * c;
}
DEVICE inline Normal4 normals(const Philox& b) {
  Normal4 z;
  box_muller(b.v[0], b.v[1], &z.v[0], &z.v[1]);
  box_muller(b.v[2], b.v[3], &z.v[2], &z.v[3]);
  return z;
}

}  // namespace imago::IMAGO_BACKEND
