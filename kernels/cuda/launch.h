// The one way to launch a __global__ function, on the device and in the emulation, and shared
// memory for it. No patterns here.
#pragma once
#if IMAGO_ON_EMU
#include "kernels/emulation/simt.h"
#else
#include <cuda_runtime.h>
#endif

#include <string>

#include "kernels/runtime.h"

#if !IMAGO_ON_EMU
// Raw bytes, because __shared__ takes no type with an initialiser.
#define SHARED(T, name, extent)                                             \
  using name##_type = T extent;                                             \
  __shared__ __align__(16) unsigned char name##_bytes[sizeof(name##_type)]; \
  name##_type& name = *reinterpret_cast<name##_type*>(name##_bytes)
#define DYNAMIC_SHARED(T, name)                                         \
  extern __shared__ __align__(16) unsigned char imago_dynamic_shared[]; \
  T* const name = reinterpret_cast<T*>(imago_dynamic_shared)
#endif

// IMAGO_LAUNCH((kernel<A, B>), grid, block, dynamic shared bytes, stream, arguments...)
#define IMAGO_LAUNCH(kernel, ...) launch(#kernel, kernel, __VA_ARGS__)
// More than 48 KiB of shared memory for a kernel's launches.
#define IMAGO_ALLOW_SHARED(kernel, bytes) allow_shared(#kernel, kernel, bytes)

namespace imago::IMAGO_BACKEND {

inline void check(cudaError_t e, const char* call) {
  if (e == cudaSuccess) return;
  (void)cudaGetLastError();  // or the next launch would be blamed
  throw DeviceError(std::string(call) + ": " + cudaGetErrorString(e));
}
inline cudaStream_t raw(Stream s) { return static_cast<cudaStream_t>(s.handle); }

template <class T>
struct Same {
  using type = T;
};

template <class... P>
void launch(const char* name, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, Stream s,
            typename Same<P>::type... arguments) {
  static_assert((sizeof(P) + ... + 0) <= 4096, "kernel parameters beyond CUDA's 4 KiB");
  check(cudaSetDevice(s.device), "cudaSetDevice");
#if IMAGO_ON_EMU
  auto body = [&] { kernel(arguments...); };
  void (*call)(void*) = [](void* b) { (*static_cast<decltype(body)*>(b))(); };
  launch_emulated(name, grid, block, shared, raw(s), kernel ? call : nullptr, &body);
#else
  // clang-format off
  kernel<<<grid, block, shared, raw(s)>>>(arguments...);
  // clang-format on
#endif
  check(cudaGetLastError(), name);
}

template <class... P>
void allow_shared(const char* name, [[maybe_unused]] void (*kernel)(P...), int bytes) {
#if IMAGO_ON_EMU
  allow_shared_emulated(name, size_t(bytes));
  check(cudaGetLastError(), name);
#else
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), name);
#endif
}

}  // namespace imago::IMAGO_BACKEND
