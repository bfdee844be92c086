// Dispatch of the runtime by back-end, and the choice of the cpu level.
#include "kernels/runtime.h"

#include <algorithm>
#include <cstdlib>

namespace imago {

namespace {
int processor_level() {
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                  __builtin_cpu_supports("avx512cd");
  return v4 ? 4 : v3 ? 3 : 2;
}
int allowed_level() {
  const char* text = std::getenv("IMAGO_CPU_LEVEL");
  if (!text || !*text) return 4;
  if (text[0] < '2' || text[0] > '4' || text[1])
    throw DeviceError(std::string("IMAGO_CPU_LEVEL is '") + text + "', expected 2, 3 or 4");
  return text[0] - '0';
}
}  // namespace

int cpu_level() {
  static const int level = std::min(processor_level(), allowed_level());
  if (level < 3)
    throw DeviceError(allowed_level() < 3
                          ? "IMAGO_CPU_LEVEL is 2, expected 3 or 4: kernels need x86-64-v3"
                          : "this processor lacks AVX2, FMA or BMI2, expected x86-64-v3 or newer; "
                            "imago cannot run here");
  return level;
}

namespace runtime {
namespace {
[[noreturn]] void missing(Backend b) {
  missing_backend(b == Backend::cuda ? "cuda" : "emulated cuda");
}
}  // namespace

#if IMAGO_HAS_CUDA
#define CASE_CUDA(call) \
  case Backend::cuda:   \
    return cuda::call;
#else
#define CASE_CUDA(call) \
  case Backend::cuda:   \
    missing(Backend::cuda);
#endif
#if IMAGO_HAS_EMULATED
#define CASE_EMULATED(call) \
  case Backend::emulated:   \
    return emu::call;
#else
#define CASE_EMULATED(call) \
  case Backend::emulated:   \
    missing(Backend::emulated);
#endif
#define DISPATCH(b, call) \
  switch (b) {            \
    case Backend::cpu:    \
      return host::call;  \
      CASE_CUDA(call)     \
      CASE_EMULATED(call) \
  }                       \
  missing(b)

int device_count(Backend b) {
#if !IMAGO_HAS_CUDA
  if (b == Backend::cuda) return 0;
#endif
#if !IMAGO_HAS_EMULATED
  if (b == Backend::emulated) return 0;
#endif
  DISPATCH(b, device_count());
}
DeviceInfo device_info(Backend b, int device) { DISPATCH(b, device_info(device)); }
Stream compute_stream(Backend b, int device) { DISPATCH(b, compute_stream(device)); }
Stream copy_stream(Backend b, int device) { DISPATCH(b, copy_stream(device)); }
void* allocate(Backend b, int device, std::size_t bytes) { DISPATCH(b, allocate(device, bytes)); }
void release(Backend b, int device, void* p) { DISPATCH(b, release(device, p)); }
void copy(Stream s, void* to, Backend to_backend, const void* from, Backend from_backend,
          std::size_t bytes) {
  if (!bytes) return;
  DISPATCH(s.backend,
           copy(s, to, to_backend != Backend::cpu, from, from_backend != Backend::cpu, bytes));
}
void fill(Stream s, void* to, int byte, std::size_t bytes) {
  if (!bytes) return;
  DISPATCH(s.backend, fill(s, to, byte, bytes));
}
void synchronize(Stream s) { DISPATCH(s.backend, synchronize(s)); }

}  // namespace runtime
}  // namespace imago
