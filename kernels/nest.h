// The parallel pattern for operands with strides: a loop nest whose rows are its last dimension.
// Included by kernel sources after backend.h. Its bodies are named function objects, not KERNEL
// lambdas: nvcc cannot nest extended lambdas.
#pragma once
#include "kernels/strides.h"

namespace imago::IMAGO_BACKEND {

// Where row r of the nest begins in each operand.
template <int N>
struct Offsets {
  Index v[N];
};
template <int N>
DEVICE inline Offsets<N> offsets(const Strides<N>& nest, Index r) {
  Offsets<N> o{};
  for (int d = nest.rank - 2; d > 0; d--) {
    const Index q = quotient(r, nest.size[d]), i = r - q * nest.size[d];
    for (int k = 0; k < N; k++) o.v[k] += i * nest.stride[k][d];
    r = q;
  }
  if (nest.rank > 1)
    for (int k = 0; k < N; k++) o.v[k] += r * nest.stride[k][0];
  return o;
}
template <int N>
Index count(const Strides<N>& nest) {
  Index n = 1;
  for (int d = 0; d < nest.rank; d++) n *= nest.size[d];
  return n;
}

// f(offsets of the row, i, c) for element c of a row, i its number in the whole nest.
#if IMAGO_ON_CPU
template <int N, class F>
void for_each_nested(Stream, const Strides<N>& nest, F f) {
  constexpr Index kSegment = 4096;  // a long row is shared among threads
  const Index n = count(nest), cols = nest.size[nest.rank - 1], rows = cols ? n / cols : 0;
  const Index segments = (cols + kSegment - 1) / kSegment;
#pragma omp parallel for schedule(static) firstprivate(f) if (parallel : n > kGrain)
  for (Index u = 0; u < rows * segments; u++) {
    const Index r = segments == 1 ? u : u / segments, begin = (u - r * segments) * kSegment;
    const Index end = cols - begin < kSegment ? cols : begin + kSegment;
    const Offsets<N> o = offsets(nest, r);
#pragma omp simd
    for (Index c = begin; c < end; c++) f(o, r * cols + c, c);
  }
}
#else
template <int N, class F>
struct Nested {
  Strides<N> nest;
  F f;
  DEVICE void operator()(Index i) const {
    const Index cols = nest.size[nest.rank - 1], r = nest.rank == 1 ? 0 : quotient(i, cols);
    f(offsets(nest, r), i, i - r * cols);
  }
};
template <int N, class F>
void for_each_nested(Stream s, const Strides<N>& nest, F f) {
  for_each(s, count(nest), Nested<N, F>{nest, f});
}
#endif

}  // namespace imago::IMAGO_BACKEND
