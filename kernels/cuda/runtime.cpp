// Devices, streams and memory through the CUDA runtime, or through its emulation. No kernels, no
// caching.
#include "kernels/runtime.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <vector>

#include "kernels/backend.h"

namespace imago::IMAGO_BACKEND {
namespace {

constexpr int kMaxDevices = 64;
#if IMAGO_ON_EMU
constexpr Backend kBackend = Backend::emulated;
#else
constexpr Backend kBackend = Backend::cuda;
#endif

struct Streams {
  std::once_flag created;
  cudaStream_t compute = nullptr, copy = nullptr;
};

// Created on first use and kept: at exit the driver may be gone before any destructor of ours runs.
Streams& streams(int device) {
  static auto* const all = new std::array<Streams, kMaxDevices>;
  if (device < 0 || device >= kMaxDevices)
    throw DeviceError("device " + std::to_string(device) + "; expected 0 to " +
                      std::to_string(kMaxDevices - 1));
  Streams& s = (*all)[std::size_t(device)];
  std::call_once(s.created, [&] {
    check(cudaSetDevice(device), "cudaSetDevice");
    check(cudaStreamCreateWithFlags(&s.compute, cudaStreamNonBlocking), "cudaStreamCreate");
    check(cudaStreamCreateWithFlags(&s.copy, cudaStreamNonBlocking), "cudaStreamCreate");
  });
  return s;
}

// Each host thread has its own scratch on each stream, or two threads' two-pass kernels could
// interleave. What an ended thread leaves is taken over by the next. Blocks that were outgrown
// stay: a captured graph may hold their address; sizes double, so they add up to less than the last
// one.
struct Scratch {
  cudaStream_t stream = nullptr;
  void* memory = nullptr;
  std::size_t bytes = 0;
  std::vector<void*> outgrown;
};
struct FreeScratch {
  std::mutex mutex;
  std::vector<Scratch> blocks;
};
FreeScratch& free_scratch() {
  static auto* const f = new FreeScratch;
  return *f;
}
struct ThreadScratch {
  std::vector<Scratch> blocks;
  ~ThreadScratch() {
    const std::lock_guard lock(free_scratch().mutex);
    for (auto& b : blocks) free_scratch().blocks.push_back(std::move(b));
  }
  Scratch& on(cudaStream_t stream) {
    for (auto& b : blocks)
      if (b.stream == stream) return b;
    blocks.push_back({stream, nullptr, 0, {}});
    auto& shared = free_scratch();
    const std::lock_guard lock(shared.mutex);
    const auto left = std::find_if(shared.blocks.begin(), shared.blocks.end(),
                                   [&](const Scratch& b) { return b.stream == stream; });
    if (left != shared.blocks.end()) {
      blocks.back() = std::move(*left);
      shared.blocks.erase(left);
    }
    return blocks.back();
  }
};

}  // namespace

int device_count() {
  int n = 0;
  if (cudaGetDeviceCount(&n) != cudaSuccess) {
    (void)cudaGetLastError();
    return 0;
  }
  return n < kMaxDevices ? n : kMaxDevices;
}

DeviceInfo device_info(int device) {
  check(cudaSetDevice(device), "cudaSetDevice");
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
  DeviceInfo info;
  info.name = properties.name;
  check(cudaMemGetInfo(&info.memory_free, &info.memory), "cudaMemGetInfo");
  return info;
}

Stream compute_stream(int device) { return {kBackend, device, streams(device).compute}; }
Stream copy_stream(int device) { return {kBackend, device, streams(device).copy}; }

void* allocate(int device, std::size_t bytes) {
  check(cudaSetDevice(device), "cudaSetDevice");
  void* p = nullptr;
  const cudaError_t e = cudaMalloc(&p, bytes ? bytes : 1);
  if (e == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();  // the caller frees its cache and tries again
    return nullptr;
  }
  check(e, "cudaMalloc");
  return p;
}

void release(int device, void* p) {
  check(cudaSetDevice(device), "cudaSetDevice");
  check(cudaFree(p), "cudaFree");
}

void copy(Stream s, void* to, bool to_device, const void* from, bool from_device,
          std::size_t bytes) {
  if (bytes == 0) return;
  check(cudaSetDevice(s.device), "cudaSetDevice");
  const auto kind = to_device     ? from_device ? cudaMemcpyDeviceToDevice : cudaMemcpyHostToDevice
                    : from_device ? cudaMemcpyDeviceToHost
                                  : cudaMemcpyHostToHost;
  check(cudaMemcpyAsync(to, from, bytes, kind, raw(s)), "cudaMemcpyAsync");
  if (!to_device || !from_device) synchronize(s);
}

void fill(Stream s, void* to, int byte, std::size_t bytes) {
  if (bytes == 0) return;
  check(cudaSetDevice(s.device), "cudaSetDevice");
  check(cudaMemsetAsync(to, byte, bytes, raw(s)), "cudaMemsetAsync");
}

void synchronize(Stream s) {
  check(cudaSetDevice(s.device), "cudaSetDevice");
  check(cudaStreamSynchronize(raw(s)), "cudaStreamSynchronize");
}

void* scratch(Stream s, std::size_t bytes) {
  thread_local ThreadScratch mine;
  Scratch& block = mine.on(raw(s));
  if (bytes <= block.bytes) return block.memory;
  const std::size_t size = std::max({bytes, 2 * block.bytes, std::size_t(1) << 16});
  void* memory = allocate(s.device, size);
  if (!memory) throw DeviceError("no memory for " + std::to_string(size) + " bytes of scratch");
  if (block.memory) block.outgrown.push_back(block.memory);
  block.memory = memory;
  block.bytes = size;
  return memory;
}

}  // namespace imago::IMAGO_BACKEND
