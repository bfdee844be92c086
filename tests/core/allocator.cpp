#include "engine/core/allocator.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "engine/core/tensor.h"

namespace imago {
namespace {

// A device of 1 MiB that counts.
struct FakeDevice {
  std::size_t used = 0;
  std::map<void*, std::size_t> blocks;
  CachingAllocator allocator{[this](std::size_t n) -> void* {
                               if (used + n > 1 << 20) return nullptr;
                               void* p = std::malloc(n);
                               blocks[p] = n, used += n;
                               return p;
                             },
                             [this](void* p) {
                               used -= blocks.at(p);
                               blocks.erase(p);
                               std::free(p);
                             },
                             true};
  ~FakeDevice() {
    allocator.empty_cache();
    EXPECT_EQ(used, 0u) << "blocks never given back";
  }
};

TEST(CachingAllocator, ReusesAFreedBlock) {
  FakeDevice d;
  void* a = d.allocator.allocate(1000);
  d.allocator.release(a);
  EXPECT_EQ(d.allocator.allocate(900), a);
  EXPECT_EQ(d.allocator.stats().device_allocations, 1u);
  d.allocator.release(a);
}
TEST(CachingAllocator, DoesNotWasteHalfABlock) {
  FakeDevice d;
  void* big = d.allocator.allocate(200000);
  d.allocator.release(big);
  void* small = d.allocator.allocate(1000);
  EXPECT_NE(small, big);
  d.allocator.release(small);
}
TEST(CachingAllocator, CountsActiveCachedPeak) {
  FakeDevice d;
  void* a = d.allocator.allocate(16384 * 2);
  void* b = d.allocator.allocate(16384);
  EXPECT_EQ(d.allocator.stats().active, 49152u);
  d.allocator.release(a);
  EXPECT_EQ(d.allocator.stats().active, 16384u);
  EXPECT_EQ(d.allocator.stats().cached, 32768u);
  EXPECT_EQ(d.allocator.stats().peak, 49152u);
  d.allocator.release(b);
  d.allocator.empty_cache();
  EXPECT_EQ(d.allocator.stats().cached, 0u);
  d.allocator.reset_peak();
  EXPECT_EQ(d.allocator.stats().peak, 0u);
}
TEST(CachingAllocator, GivesTheCacheBackBeforeItFails) {
  FakeDevice d;
  void* a = d.allocator.allocate(600000);
  d.allocator.release(a);
  void* b = d.allocator.allocate(900000);
  EXPECT_NE(b, nullptr);
  EXPECT_EQ(d.allocator.allocate(900000), nullptr);
  d.allocator.release(b);
}
TEST(CachingAllocator, KeepsTheLimit) {
  FakeDevice d;
  d.allocator.set_limit(65536);
  void* a = d.allocator.allocate(40000);
  EXPECT_EQ(d.allocator.allocate(40000), nullptr);
  d.allocator.release(a);
  void* b = d.allocator.allocate(60000);
  EXPECT_NE(b, nullptr);
  d.allocator.release(b);
}
TEST(CachingAllocator, ZeroBytesHaveAnAddress) {
  FakeDevice d;
  void* a = d.allocator.allocate(0);
  void* b = d.allocator.allocate(0);
  EXPECT_NE(a, nullptr);
  EXPECT_NE(a, b);
  d.allocator.release(a);
  d.allocator.release(b);
}

// The limit and the peak of a real device, put back as they were.
TEST(Memory, LimitAndPeakOfADevice) {
  const std::size_t before = memory_stats(cpu_device).limit;
  EXPECT_GT(before, std::size_t(1) << 24) << "the cpu's is its memory";
  constexpr std::size_t size = 4 << 20;
  { const Storage s(cpu_device, size); }
  EXPECT_GE(memory_stats(cpu_device).peak, size);
  empty_cache(cpu_device);
  reset_peak_memory(cpu_device);
  EXPECT_EQ(memory_stats(cpu_device).peak, memory_stats(cpu_device).active);
  EXPECT_LT(memory_stats(cpu_device).peak, size);
  {
    const Storage s(cpu_device, size);
    EXPECT_GE(memory_stats(cpu_device).peak, size);
  }
  empty_cache(cpu_device);
  set_memory_limit(cpu_device, memory_stats(cpu_device).active + size / 2);
  EXPECT_THROW(Storage(cpu_device, size), Error);
  { const Storage s(cpu_device, size / 4); }
  set_memory_limit(cpu_device, 0);  // none
  { const Storage s(cpu_device, size); }
  set_memory_limit(cpu_device, before);
  EXPECT_EQ(memory_stats(cpu_device).limit, before);
}

TEST(Memory, OutOfMemorySaysWhatAndWhatToDo) {
  try {
    Storage s(cpu_device, std::size_t(1) << 60);
    FAIL() << "allocated an exbibyte";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::device);
    EXPECT_NE(std::string(e.what()).find("out of memory"), std::string::npos);
    EXPECT_NE(std::string(e.what()).find("smaller batch"), std::string::npos);
  }
}

// Canaries: a store behind the end is found when the block is released. Needs IMAGO_DEBUG=1 from
// the start of the process.
TEST(MemoryDeathTest, DebugModeFindsAStoreBehindTheEnd) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "AddressSanitizer reports the store itself";
#endif
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        setenv("IMAGO_DEBUG", "1", 1);
        Storage s(cpu_device, 100);
        static_cast<volatile char*>(s.data)[100] = 1;
      },
      "memory overwritten on cpu, byte 100 of a block of 100 bytes");
}

}  // namespace
}  // namespace imago
