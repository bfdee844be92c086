// Tells gcc that glibc's libmvec holds vector versions of these functions. <math.h> says so only
// under -ffast-math, which would also drop NaN and infinity; these declarations do not. x86-64
// glibc >= 2.35; elsewhere empty.
#pragma once
#include <math.h>
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__) && \
    (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 35)
#define IMAGO_VECTOR(name)                                           \
  __attribute__((simd("notinbranch"))) double name(double) noexcept; \
  __attribute__((simd("notinbranch"))) float name##f(float) noexcept;
#define IMAGO_VECTOR2(name)                                                  \
  __attribute__((simd("notinbranch"))) double name(double, double) noexcept; \
  __attribute__((simd("notinbranch"))) float name##f(float, float) noexcept;
// clang-format off
extern "C" {
IMAGO_VECTOR(exp)
IMAGO_VECTOR(log)
IMAGO_VECTOR(expm1) IMAGO_VECTOR(log1p) IMAGO_VECTOR(tanh) IMAGO_VECTOR(erf) IMAGO_VECTOR(sin)
    IMAGO_VECTOR(cos) IMAGO_VECTOR(tan) IMAGO_VECTOR2(pow) IMAGO_VECTOR2(atan2)
}
// clang-format on
#undef IMAGO_VECTOR
#undef IMAGO_VECTOR2
#endif
