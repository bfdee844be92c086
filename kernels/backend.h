// Included first by every kernel source. The build defines IMAGO_BACKEND: cpu (or cpu_v3, cpu_v4),
// cuda, or emu (the CUDA code on the host). All that kernels reach lives in namespace
// imago::IMAGO_BACKEND, so that no inline function compiled with one target's flags can replace
// another's at link time. For the same reason: no std containers or algorithms here.
#pragma once
#include <cmath>
#include <cstdint>

#include "kernels/kernel.h"

namespace imago::IMAGO_BACKEND {
// The float overloads: with <cmath> alone, ::exp(float) is the double function.
using std::ceil, std::cos, std::erf, std::exp, std::expm1, std::fabs, std::floor, std::fma,
    std::isfinite, std::log, std::log1p, std::pow, std::round, std::sin, std::sqrt, std::tanh,
    std::tan, std::atan;
}  // namespace imago::IMAGO_BACKEND

#define IMAGO_IS_CPU_cpu 1
#define IMAGO_IS_CPU_cpu_v3 1
#define IMAGO_IS_CPU_cpu_v4 1
#define IMAGO_IS_EMU_emu 1
#define IMAGO_CONCAT_(a, b) a##b
#define IMAGO_CONCAT(a, b) IMAGO_CONCAT_(a, b)
#define IMAGO_ON_CPU IMAGO_CONCAT(IMAGO_IS_CPU_, IMAGO_BACKEND)
#define IMAGO_ON_EMU IMAGO_CONCAT(IMAGO_IS_EMU_, IMAGO_BACKEND)

// KERNEL(args) { body }: the body of a pattern; captures by value. DEVICE: a function that kernels
// call.
#if IMAGO_ON_CPU
#define DEVICE
#define KERNEL [=]
#include "kernels/cpu/libmvec.h"
#include "kernels/cpu/patterns.h"
#else
#define DEVICE __device__
#define KERNEL [=] __device__
#include "kernels/cuda/patterns.h"
#endif

// Explicit instantiation of kernels for the two floating types.
#define IMAGO_INSTANTIATE(name, Args)                    \
  template void name<float>(Stream, const Args<float>&); \
  template void name<double>(Stream, const Args<double>&);
