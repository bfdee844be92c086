// Counts the bytes that malloc and operator new hand out. Under the address sanitizer its hooks
// report them; elsewhere the C library's functions are wrapped here, so that libpng's and zlib's
// memory counts as well.
#include <malloc.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "tests/fuzz/target.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

namespace imago::fuzz {
namespace {

constexpr long long kNoLimit = std::numeric_limits<long long>::max();
std::atomic<long long> held{0}, limit{kNoLimit};

void count(long long bytes) {
  const long long now = held.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  if (bytes <= 0 || now <= limit.load(std::memory_order_relaxed)) return;
  limit = kNoLimit;  // what follows may allocate
  std::fprintf(stderr, "broken promise: %lld bytes in one request, beyond the memory allowed\n",
               bytes);
  std::abort();
}

}  // namespace

MemoryLimit::MemoryLimit(std::size_t bytes) { limit = held + (long long)bytes; }
MemoryLimit::~MemoryLimit() { limit = kNoLimit; }

}  // namespace imago::fuzz

#ifdef __SANITIZE_ADDRESS__

extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*allocated)(const volatile void*,
                                                                           std::size_t),
                                                         void (*freed)(const volatile void*));
extern "C" std::size_t __sanitizer_get_allocated_size(const volatile void*);

namespace {
[[maybe_unused]] const int installed = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t n) { imago::fuzz::count((long long)n); },
    [](const volatile void* p) {
      if (p) imago::fuzz::count(-(long long)__sanitizer_get_allocated_size(p));
    });
}

#else

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);
}
namespace {
long long size_of(void* p) { return p ? (long long)malloc_usable_size(p) : 0; }
void* counted(void* p) {
  imago::fuzz::count(size_of(p));
  return p;
}
}  // namespace
extern "C" {
void* malloc(std::size_t n) { return counted(__libc_malloc(n)); }
void* calloc(std::size_t n, std::size_t each) { return counted(__libc_calloc(n, each)); }
void* realloc(void* p, std::size_t n) {
  const long long before = size_of(p);
  void* q = __libc_realloc(p, n);
  if (q || !n) imago::fuzz::count(size_of(q) - before);
  return q;
}
void* memalign(std::size_t alignment, std::size_t n) {
  return counted(__libc_memalign(alignment, n));
}
void* aligned_alloc(std::size_t alignment, std::size_t n) { return memalign(alignment, n); }
int posix_memalign(void** p, std::size_t alignment, std::size_t n) {
  *p = memalign(alignment, n);
  return *p ? 0 : ENOMEM;
}
void free(void* p) {
  imago::fuzz::count(-size_of(p));
  __libc_free(p);
}
}

#endif
