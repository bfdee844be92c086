// Devices, memory and streams, the same calls for every back-end. No kernels and no caching here:
// engine/core/allocator does the caching.
#pragma once
#include "kernels/kernel.h"

namespace imago {

struct DeviceInfo {
  std::string name;                         // as the driver or /proc/cpuinfo says it
  std::size_t memory = 0, memory_free = 0;  // bytes
  int threads = 0;                          // that kernels run on; of the cpu only
};

namespace runtime {
int device_count(Backend);  // 0 when the back-end is not built or no device answers; never throws
DeviceInfo device_info(Backend, int device);
Stream compute_stream(Backend, int device);  // created on first use; never the default stream
Stream copy_stream(Backend, int device);
void* allocate(Backend, int device,
               std::size_t bytes);  // nullptr when there is no memory; 64-byte aligned at least
void release(Backend, int device, void*);
// Copies bytes between any two places (host memory: Backend::cpu). Ordered on s; returns before it
// is done when s is a device's stream and both ends are on the device, and after it is done
// otherwise.
void copy(Stream s, void* to, Backend to_backend, const void* from, Backend from_backend,
          std::size_t bytes);
void fill(Stream s, void* to, int byte, std::size_t bytes);
void synchronize(Stream s);  // waits; throws DeviceError if anything queued before failed
}  // namespace runtime

// Per back-end, implemented in kernels/cpu/runtime.cpp and kernels/cuda/runtime.cpp (the latter
// compiled as cuda and emu).
#define IMAGO_DECLARE_RUNTIME(B)                                                            \
  namespace B {                                                                             \
  int device_count();                                                                       \
  DeviceInfo device_info(int device);                                                       \
  Stream compute_stream(int device);                                                        \
  Stream copy_stream(int device);                                                           \
  void* allocate(int device, std::size_t bytes);                                            \
  void release(int device, void*);                                                          \
  void copy(Stream, void* to, bool to_device, const void* from, bool from_device,           \
            std::size_t bytes);                                                             \
  void fill(Stream, void*, int byte, std::size_t bytes);                                    \
  void synchronize(Stream);                                                                 \
  /* Memory for a kernel's partial sums, valid until the stream's next kernel; grows, never \
   * shrinks. */                                                                            \
  void* scratch(Stream, std::size_t bytes);                                                 \
  }
IMAGO_DECLARE_RUNTIME(host)
IMAGO_DECLARE_RUNTIME(cuda)
IMAGO_DECLARE_RUNTIME(emu)
#undef IMAGO_DECLARE_RUNTIME

}  // namespace imago
