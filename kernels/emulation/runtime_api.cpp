// The emulated CUDA runtime: one device whose memory is the heap. Knows which pointers are the
// device's, and refuses a copy that says otherwise; knows no kernels.
#include "kernels/emulation/runtime_api.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>

namespace imago::emu {

struct EmulatedStream {};

namespace {

constexpr std::size_t kMemory = std::size_t(4) << 30;

struct Memory {
  std::mutex mutex;
  std::map<std::uintptr_t, std::size_t> blocks;  // address, bytes
  std::size_t used = 0;
  std::set<cudaStream_t> streams;
};
Memory& memory() {
  static Memory* const m = new Memory;  // outlives every exit handler
  return *m;
}
thread_local cudaError_t last_error = cudaSuccess;

// All of [p, p + bytes) lies in one block of the device, or none of it in any.
bool on_side(Memory& m, const void* p, std::size_t bytes, bool device) {
  const auto at = reinterpret_cast<std::uintptr_t>(p);
  auto after = m.blocks.upper_bound(at);
  if (device) {
    if (after == m.blocks.begin()) return false;
    --after;
    return at + bytes <= after->first + after->second;
  }
  if (after != m.blocks.end() && after->first < at + bytes) return false;
  if (after == m.blocks.begin()) return true;
  --after;
  return after->first + after->second <= at;
}

}  // namespace

cudaError_t set_last_error(cudaError_t e) {
  if (e != cudaSuccess) last_error = e;
  return e;
}
bool is_stream(cudaStream_t s) {
  const std::lock_guard lock(memory().mutex);
  return memory().streams.count(s) != 0;
}

const char* cudaGetErrorString(cudaError_t e) {
  switch (e) {
    case cudaSuccess: return "no error";
    case cudaErrorInvalidValue: return "invalid argument";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorInvalidConfiguration: return "invalid configuration argument";
    case cudaErrorInvalidDeviceFunction: return "invalid device function";
    case cudaErrorInvalidDevice: return "invalid device ordinal";
    case cudaErrorInvalidResourceHandle: return "invalid resource handle";
  }
  return "unrecognized error code";
}
cudaError_t cudaGetLastError() {
  const cudaError_t e = last_error;
  last_error = cudaSuccess;
  return e;
}
cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  return set_last_error(device == 0 ? cudaSuccess : cudaErrorInvalidDevice);
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return set_last_error(cudaErrorInvalidDevice);
  *properties = {"emulated CUDA", kMemory};
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  const std::lock_guard lock(memory().mutex);
  *free = kMemory - memory().used;
  *total = kMemory;
  return cudaSuccess;
}
cudaError_t cudaMalloc(void** p, std::size_t bytes) {
  *p = nullptr;
  if (bytes == 0) return cudaSuccess;
  Memory& m = memory();
  const std::lock_guard lock(m.mutex);
  if (bytes > kMemory - m.used || posix_memalign(p, 256, bytes) != 0)
    return set_last_error(cudaErrorMemoryAllocation);
  std::memset(*p, 0xFF, bytes);
  m.blocks[reinterpret_cast<std::uintptr_t>(*p)] = bytes;
  m.used += bytes;
  return cudaSuccess;
}
cudaError_t cudaFree(void* p) {
  if (!p) return cudaSuccess;
  Memory& m = memory();
  const std::lock_guard lock(m.mutex);
  const auto block = m.blocks.find(reinterpret_cast<std::uintptr_t>(p));
  if (block == m.blocks.end()) return set_last_error(cudaErrorInvalidValue);
  m.used -= block->second;
  m.blocks.erase(block);
  std::free(p);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t s) {
  if (!is_stream(s)) return set_last_error(cudaErrorInvalidResourceHandle);
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  {
    const std::lock_guard lock(memory().mutex);
    if (!on_side(memory(), to, bytes, to_device) || !on_side(memory(), from, bytes, from_device))
      return set_last_error(cudaErrorInvalidValue);
  }
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* to, int byte, std::size_t bytes, cudaStream_t s) {
  if (!is_stream(s)) return set_last_error(cudaErrorInvalidResourceHandle);
  {
    const std::lock_guard lock(memory().mutex);
    if (!on_side(memory(), to, bytes, true)) return set_last_error(cudaErrorInvalidValue);
  }
  std::memset(to, byte, bytes);
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* s, unsigned) {
  const std::lock_guard lock(memory().mutex);
  *s = new EmulatedStream;
  memory().streams.insert(*s);
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t s) {
  return set_last_error(is_stream(s) ? cudaSuccess : cudaErrorInvalidResourceHandle);
}

}  // namespace imago::emu
