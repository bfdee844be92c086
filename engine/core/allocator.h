// Memory of every device behind one caching policy: freed blocks are kept and given again, best fit
// first. Not here: what a block holds; see Storage in tensor.h.
#pragma once
#include <functional>
#include <map>
#include <mutex>
#include <unordered_map>

#include "engine/core/types.h"

namespace imago {

struct MemoryStats {
  std::size_t active = 0;  // bytes in use now
  std::size_t cached = 0;  // bytes kept for reuse
  std::size_t peak = 0;    // most bytes ever held from the device, active and cached together
  // Bytes that active and cached may reach; 0: none. At first the cpu's is all memory there is.
  std::size_t limit = 0;
  std::uint64_t device_allocations =
      0;  // calls that reached the device: constant in a steady state
};
MemoryStats memory_stats(Device);
void reset_peak_memory(Device);
void set_memory_limit(Device, std::size_t bytes);
void empty_cache(Device);  // gives every cached block back to the device

// The policy, apart from any device. Blocks are rounded up (to powers of two below 16 KiB, to 16
// KiB above); a cached block serves a request when it is less than twice as large. Thread-safe.
class CachingAllocator {
 public:
  using Allocate = std::function<void*(std::size_t)>;  // nullptr when there is no memory
  using Release = std::function<void(void*)>;
  // caching false: every block goes to the device and back, at its exact size (under
  // AddressSanitizer, so that it sees the bounds).
  CachingAllocator(Allocate allocate, Release release, bool caching);
  void* allocate(
      std::size_t bytes);  // nullptr when there is no memory, the cache given back and tried again
  void release(void*);
  MemoryStats stats() const;
  void reset_peak();
  void set_limit(std::size_t bytes);
  void empty_cache();

 private:
  void drop_cached(std::size_t wanted);
  Allocate allocate_;
  Release release_;
  bool caching_;
  mutable std::mutex mutex_;
  std::multimap<std::size_t, void*> free_;
  std::unordered_map<void*, std::size_t> sizes_;  // of blocks in use
  MemoryStats stats_;
};

// IMAGO_DEBUG=1: canaries around every block and NaN in fresh memory, checked on release; index
// checks on devices.
bool debug_mode();

void* allocate(
    Device, std::size_t bytes);  // Error (device) with sizes and a remedy when there is no memory
void release(Device, void*) noexcept;

}  // namespace imago
