#include "engine/core/allocator.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "kernels/runtime.h"

namespace imago {
namespace {

std::size_t rounded(std::size_t bytes) {
  std::size_t size = 64;
  if (bytes > 16384) return (bytes + 16383) / 16384 * 16384;
  while (size < bytes) size *= 2;
  return size;
}

}  // namespace

CachingAllocator::CachingAllocator(Allocate allocate, Release release, bool caching)
    : allocate_(std::move(allocate)), release_(std::move(release)), caching_(caching) {}

void* CachingAllocator::allocate(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const std::size_t size = caching_ ? rounded(bytes) : std::max<std::size_t>(bytes, 1);
  void* p = nullptr;
  std::size_t got = size;
  if (const auto it = free_.lower_bound(size); it != free_.end() && it->first < 2 * size) {
    got = it->first, p = it->second;
    free_.erase(it);
    stats_.cached -= got;
  } else {
    if (stats_.limit && stats_.active + stats_.cached + size > stats_.limit) {
      drop_cached(size);
      if (stats_.active + size > stats_.limit) return nullptr;
    }
    p = allocate_(size);
    if (!p && !free_.empty()) {
      drop_cached(SIZE_MAX);
      p = allocate_(size);
    }
    if (!p) return nullptr;
    stats_.device_allocations++;
  }
  sizes_[p] = got;
  stats_.active += got;
  stats_.peak = std::max(stats_.peak, stats_.active + stats_.cached);
  return p;
}

void CachingAllocator::release(void* p) {
  const std::lock_guard lock(mutex_);
  const auto it = sizes_.find(p);
  if (it == sizes_.end()) return;
  const std::size_t size = it->second;
  sizes_.erase(it);
  stats_.active -= size;
  if (caching_) {
    free_.emplace(size, p);
    stats_.cached += size;
  } else {
    release_(p);
  }
}

// Gives cached blocks back to the device, largest first, until wanted bytes are.
void CachingAllocator::drop_cached(std::size_t wanted) {
  for (std::size_t dropped = 0; !free_.empty() && dropped < wanted;) {
    const auto last = std::prev(free_.end());
    dropped += last->first;
    stats_.cached -= last->first;
    release_(last->second);
    free_.erase(last);
  }
}
MemoryStats CachingAllocator::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}
void CachingAllocator::reset_peak() {
  const std::lock_guard lock(mutex_);
  stats_.peak = stats_.active + stats_.cached;
}
void CachingAllocator::set_limit(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  stats_.limit = bytes;
}
void CachingAllocator::empty_cache() {
  const std::lock_guard lock(mutex_);
  drop_cached(SIZE_MAX);
}

bool debug_mode() {
  static const bool on = [] {
    const char* v = std::getenv("IMAGO_DEBUG");
    return v && *v && std::strcmp(v, "0") != 0;
  }();
  return on;
}

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kCaching = false;
#else
constexpr bool kCaching = true;
#endif
constexpr std::size_t kCanary =
    64;  // bytes on each side of a block in debug mode; keeps the alignment
constexpr int kCanaryByte = 0xC5;

// Of one device; never destroyed, since tensors may outlive every static object.
struct DeviceMemory {
  Device device;
  CachingAllocator blocks;
  std::mutex mutex;
  std::unordered_map<void*, std::size_t> guarded;  // sizes of blocks with canaries
  explicit DeviceMemory(Device d)
      : device(d),
        blocks([d](std::size_t n) { return runtime::allocate(d.backend, d.index, n); },
               [d](void* p) {  // reached while errors unwind and at exit: must not throw
                 try {
                   runtime::synchronize(runtime::compute_stream(d.backend, d.index));
                   runtime::release(d.backend, d.index, p);
                 } catch (const DeviceError&) {  // a failed device says so at its next call
                 }
               },
               kCaching) {
    // The system promises more than it has, and ends the process when that is touched.
    if (d.backend == Backend::cpu)
      blocks.set_limit(runtime::device_info(d.backend, d.index).memory);
  }
};
DeviceMemory& memory_of(Device d) {
  static std::mutex mutex;
  static auto* all = new std::vector<std::unique_ptr<DeviceMemory>>;
  const std::lock_guard lock(mutex);
  for (auto& m : *all)
    if (m->device == d) return *m;
  return *all->emplace_back(std::make_unique<DeviceMemory>(d));
}
void check_canaries(DeviceMemory& m, char* block, std::size_t bytes) {
  const Device d = m.device;
  unsigned char edge[2 * kCanary];
  try {
    const Stream s = runtime::compute_stream(d.backend, d.index);
    runtime::copy(s, edge, Backend::cpu, block, d.backend, kCanary);
    runtime::copy(s, edge + kCanary, Backend::cpu, block + kCanary + bytes, d.backend, kCanary);
  } catch (const DeviceError&) {  // the device failed before; that error is on its way
    return;
  }
  for (std::size_t i = 0; i < 2 * kCanary; i++)
    if (edge[i] != kCanaryByte) {
      const long at = i < kCanary ? long(i) - long(kCanary) : long(bytes + i - kCanary);
      std::fprintf(stderr, "imago: memory overwritten on %s, byte %ld of a block of %zu bytes\n",
                   name(d).c_str(), at, bytes);
      std::abort();
    }
}

}  // namespace

MemoryStats memory_stats(Device d) { return memory_of(d).blocks.stats(); }
void reset_peak_memory(Device d) { memory_of(d).blocks.reset_peak(); }
void set_memory_limit(Device d, std::size_t bytes) { memory_of(d).blocks.set_limit(bytes); }
void empty_cache(Device d) { memory_of(d).blocks.empty_cache(); }

void* allocate(Device d, std::size_t bytes) {
  DeviceMemory& m = memory_of(d);
  const std::size_t extra = debug_mode() ? 2 * kCanary : 0;
  char* p =
      bytes > SIZE_MAX - extra ? nullptr : static_cast<char*>(m.blocks.allocate(bytes + extra));
  if (!p) {
    const MemoryStats s = m.blocks.stats();
    std::string room = concat(s.active, " bytes in use, ", s.cached, " cached");
    if (s.limit) room += concat(", limit ", s.limit);
    throw Error(ErrorKind::device, {"out of memory", name(d), concat(bytes, " bytes"), room,
                                    "use a smaller batch or model, or a device with more memory"});
  }
  if (!extra) return p;
  const Stream s = runtime::compute_stream(d.backend, d.index);
  runtime::fill(s, p, kCanaryByte, bytes + extra);
  runtime::fill(s, p + kCanary, 0xFF, bytes);  // all bits set is NaN in both floating types
  const std::lock_guard lock(m.mutex);
  m.guarded[p + kCanary] = bytes;
  return p + kCanary;
}

void release(Device d, void* p) noexcept {
  DeviceMemory& m = memory_of(d);
  if (debug_mode()) {
    std::size_t bytes = 0;
    char* block = static_cast<char*>(p) - kCanary;
    {
      const std::lock_guard lock(m.mutex);
      bytes = m.guarded[p];
      m.guarded.erase(p);
    }
    check_canaries(m, block, bytes);
    p = block;
  }
  m.blocks.release(p);
}

}  // namespace imago
