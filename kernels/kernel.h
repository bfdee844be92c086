// What a kernel is: an argument struct of raw pointers and sizes, run on a Stream by the back-end
// the stream names. Not here: tensors, allocation, shapes checks; those belong to engine/.
#pragma once
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "kernels/config.h"  // generated: IMAGO_HAS_CUDA, IMAGO_HAS_EMULATED, IMAGO_HAS_CPU_LEVELS

namespace imago {

using Index = std::int64_t;

enum class Backend : std::uint8_t { cpu, cuda, emulated };

// An ordered queue of work on one device. handle is a cudaStream_t on cuda and emulated, unused on
// cpu.
struct Stream {
  Backend backend = Backend::cpu;
  int device = 0;
  void* handle = nullptr;
};

// A device or library call failed; the message names the call and the library's own words.
struct DeviceError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
[[noreturn]] inline void missing_backend(const char* name) {
  throw DeviceError(std::string(name) +
                    " is not part of this build of imago; see IMAGO_CUDA in CMakeLists.txt");
}

// Philox4x32-10 position: element i of a draw is lane i % 4 of block offset + i / 4 (words equal
// cuRAND's for the same seed, subsequence and offset / 4).
struct PhiloxKey {
  std::uint64_t seed = 0, subsequence = 0, offset = 0;
};

// 3: AVX2 + FMA (x86-64-v3), 4: AVX-512 (x86-64-v4). Chosen once; IMAGO_CPU_LEVEL=3 lowers it.
// Throws DeviceError below 3.
int cpu_level();

}  // namespace imago

// IMAGO_KERNEL(name, Args) declares name(Stream, const Args<T>&) in every back-end's namespace and,
// in imago::kernels, the dispatcher that engine/ calls. The definition stands once, in
// kernels/<family>.cpp.
#if IMAGO_HAS_CPU_LEVELS
#define IMAGO_CPU_CALL(call) (cpu_level() >= 4 ? cpu_v4::call : cpu_v3::call)
#else
#define IMAGO_CPU_CALL(call) cpu::call
#endif
#if IMAGO_HAS_CUDA
#define IMAGO_CUDA_CALL(call) cuda::call
#else
#define IMAGO_CUDA_CALL(call) missing_backend("cuda")
#endif
#if IMAGO_HAS_EMULATED
#define IMAGO_EMULATED_CALL(call) emu::call
#else
#define IMAGO_EMULATED_CALL(call) missing_backend("emulated cuda")
#endif
#define IMAGO_DISPATCH(backend, call)                         \
  switch (backend) {                                          \
    case Backend::cpu: return IMAGO_CPU_CALL(call);           \
    case Backend::cuda: return IMAGO_CUDA_CALL(call);         \
    case Backend::emulated: return IMAGO_EMULATED_CALL(call); \
  }

#define IMAGO_KERNEL(name, Args)                                               \
  IMAGO_KERNEL_DECLARE_(template <class T> void name(Stream, const Args<T>&);) \
  namespace kernels {                                                          \
  template <class T>                                                           \
  inline void name(Stream s, const Args<T>& p) {                               \
    IMAGO_DISPATCH(s.backend, name(s, p))                                      \
  }                                                                            \
  }
// The same for a struct of two types (source, destination).
#define IMAGO_KERNEL2(name, Args)                                                          \
  IMAGO_KERNEL_DECLARE_(template <class T, class U> void name(Stream, const Args<T, U>&);) \
  namespace kernels {                                                                      \
  template <class T, class U>                                                              \
  inline void name(Stream s, const Args<T, U>& p) {                                        \
    IMAGO_DISPATCH(s.backend, name(s, p))                                                  \
  }                                                                                        \
  }
#if IMAGO_HAS_CPU_LEVELS
#define IMAGO_KERNEL_DECLARE_CPU_(...) \
  namespace cpu_v3 {                   \
  __VA_ARGS__                          \
  }                                    \
  namespace cpu_v4 {                   \
  __VA_ARGS__                          \
  }
#else
#define IMAGO_KERNEL_DECLARE_CPU_(...) \
  namespace cpu {                      \
  __VA_ARGS__                          \
  }
#endif
#define IMAGO_KERNEL_DECLARE_(...)                                      \
  IMAGO_KERNEL_DECLARE_CPU_(__VA_ARGS__) namespace cuda { __VA_ARGS__ } \
  namespace emu {                                                       \
  __VA_ARGS__                                                           \
  }
