// What library calls on the host share: work cut into jobs by the sizes alone, each done by one
// thread, and the keys and scratch of the primitives that threads keep. Not here: the calls.
#pragma once
#include <omp.h>

#include <array>
#include <cstddef>
#include <exception>
#include <vector>

#include "kernels/kernel.h"

namespace imago::host {

// The threads of this one, set for a scope. OpenMP keeps that number for each thread: no one else
// sees it.
class Threads {
 public:
  explicit Threads(int n) : before_(omp_get_max_threads()) { omp_set_num_threads(n); }
  ~Threads() { omp_set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

// f(job) for 0 <= job < jobs; the first exception of one is thrown again when all are done.
template <class F>
void run_jobs(Index jobs, bool parallel, F f) {
  std::exception_ptr failure;
#pragma omp parallel for schedule(dynamic, 1) if (parallel)
  for (Index job = 0; job < jobs; job++) {
    try {  // nothing may leave a parallel region
      f(job);
    } catch (...) {
#pragma omp critical(imago_jobs)
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

// Where piece i of g begins in n.
inline Index piece(Index n, Index g, Index i) { return n * i / g; }

// All that a primitive depends on.
template <std::size_t N>
using KeyOf = std::array<Index, N>;
struct KeyHash {
  template <std::size_t N>
  std::size_t operator()(const KeyOf<N>& key) const {
    std::uint64_t h = 0xcbf29ce484222325u;
    for (const Index v : key) h = (h ^ std::uint64_t(v)) * 0x100000001b3u, h ^= h >> 29;
    return std::size_t(h);
  }
};

struct alignas(64) Line {
  std::byte bytes[64];
};
// Memory of 64-byte lines that grows and never shrinks.
class Scratch {
 public:
  void* of(std::size_t bytes) {
    if (lines_.size() * sizeof(Line) < bytes) lines_.resize(bytes / sizeof(Line) + 1);
    return lines_.data();
  }

 private:
  std::vector<Line> lines_;
};
// For the primitive that the thread runs now.
inline void* primitive_scratch(std::size_t bytes) {
  thread_local Scratch scratch;
  return scratch.of(bytes);
}

}  // namespace imago::host
