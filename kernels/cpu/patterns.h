// The parallel patterns on the host: OpenMP threads outside, compiler SIMD inside. Included by kernels/backend.h only.
// Traps, each measured: firstprivate(f), or every access goes through the closure's address; if (parallel : n > kGrain),
// or small loops pay for threads; a Vec is summed as scalars, gcc does not vectorise a struct's declare reduction (8 times
// slower); no inner array or loop in a SIMD body. Every partition is a function of the sizes alone, never of the number of
// threads: the same bits with any number of them.
#pragma once
namespace imago::IMAGO_BACKEND {

constexpr Index kGrain = 1 << 14;  // elements below which one thread is faster

template <class T, int K>
struct Vec {
  T v[K];
  Vec& operator+=(const Vec& o) {
    for (int k = 0; k < K; k++) v[k] += o.v[k];
    return *this;
  }
};

// f(i) for 0 <= i < n.
template <class F>
void for_each(Stream, Index n, F f) {
#pragma omp parallel for simd schedule(static) firstprivate(f) if (parallel : n > kGrain)
  for (Index i = 0; i < n; i++) f(i);
}

// f(r, c) for every element of a [rows, cols] matrix.
template <class F>
void for_each(Stream, Index rows, Index cols, F f) {
#pragma omp parallel for schedule(static) firstprivate(f) if (parallel : rows * cols > kGrain)
  for (Index r = 0; r < rows; r++)
#pragma omp simd
    for (Index c = 0; c < cols; c++) f(r, c);
}

inline void store_normals(float* e, PhiloxKey key, uint64_t block, uint32_t j) {
  const Normal4 z = normals(philox(key, block, j));  // a local of the simd loop itself would become an array
  e[4 * j] = z.v[0];
  e[4 * j + 1] = z.v[1];
  e[4 * j + 2] = z.v[2];
  e[4 * j + 3] = z.v[3];
}
inline void store_uniforms(float* e, PhiloxKey key, uint64_t block, uint32_t j) {
  const Philox b = philox(key, block, j);
  e[4 * j] = uniform(b.v[0]);
  e[4 * j + 1] = uniform(b.v[1]);
  e[4 * j + 2] = uniform(b.v[2]);
  e[4 * j + 3] = uniform(b.v[3]);
}
template <class Store, class F>
void for_each_random(Index n, PhiloxKey key, Store store, F f) {
  constexpr Index B = 128;  // Philox blocks of a tile
#pragma omp parallel for schedule(static) firstprivate(f, store) if (parallel : n > kGrain / 4)
  for (Index t = 0; t < n; t += 4 * B) {
    alignas(64) float e[4 * B];
#pragma omp simd
    for (uint32_t j = 0; j < B; j++) store(e, key, uint64_t(t / 4), j);
    const Index m = n - t < 4 * B ? n - t : 4 * B;
#pragma omp simd
    for (Index i = 0; i < m; i++) f(t + i, e[i]);
  }
}
// f(i, e) with e standard normal, element i of the draw at key.
template <class F>
void for_each_normal(Stream, Index n, PhiloxKey key, F f) {
  for_each_random(n, key, [](float* e, PhiloxKey k, uint64_t b, uint32_t j) { store_normals(e, k, b, j); }, f);
}
// f(i, u) with u uniform in [0, 1).
template <class F>
void for_each_uniform(Stream, Index n, PhiloxKey key, F f) {
  for_each_random(n, key, [](float* e, PhiloxKey k, uint64_t b, uint32_t j) { store_uniforms(e, k, b, j); }, f);
}

// Sum of f over [begin, end).
template <class A, class F>
struct Sum {
  static A run(Index begin, Index end, F f) {
    A a{};
#pragma omp simd reduction(+ : a)
    for (Index i = begin; i < end; i++) a += f(i);
    return a;
  }
};
template <class T, int K, class F>
struct Sum<Vec<T, K>, F> {
  static_assert(K <= 4);
  static Vec<T, K> run(Index begin, Index end, F f) {
    T a[4]{}, a0{}, a1{}, a2{}, a3{};
#pragma omp simd reduction(+ : a0, a1, a2, a3)
    for (Index i = begin; i < end; i++) {
      const Vec<T, K> v = f(i);
      a0 += v.v[0];
      if constexpr (K > 1) a1 += v.v[1];
      if constexpr (K > 2) a2 += v.v[2];
      if constexpr (K > 3) a3 += v.v[3];
    }
    a[0] = a0, a[1] = a1, a[2] = a2, a[3] = a3;
    Vec<T, K> r;
    for (int k = 0; k < K; k++) r.v[k] = a[k];
    return r;
  }
};
template <class A, class F>
A sum(Index begin, Index end, F f) { return Sum<A, F>::run(begin, end, f); }

// g(r, sum over c of f(r, c)).
template <class A, class F, class G>
void row_reduce(Stream, Index rows, Index cols, F f, G g) {
#pragma omp parallel for schedule(static) firstprivate(f, g) if (parallel : rows * cols > kGrain)
  for (Index r = 0; r < rows; r++) g(r, sum<A>(0, cols, [&](Index c) { return f(r, c); }));
}

// g(c, sum over r of f(r, c)), rows added in order.
template <class A, class F, class G>
void column_reduce(Stream, Index rows, Index cols, F f, G g) {
  constexpr Index W = 64;  // columns of a tile
#pragma omp parallel for schedule(static) firstprivate(f, g) if (parallel : rows * cols > kGrain)
  for (Index t = 0; t < cols; t += W) {
    const Index w = cols - t < W ? cols - t : W;
    A a[W]{};
    for (Index r = 0; r < rows; r++)
#pragma omp simd
      for (Index c = 0; c < w; c++) a[c] += f(r, t + c);
    for (Index c = 0; c < w; c++) g(t + c, a[c]);
  }
}

// g(sum over i of f(i)).
template <class A, class F, class G>
void reduce_all(Stream, Index n, F f, G g) {
  constexpr Index B = 256;  // blocks: a fixed number, hence deterministic
  A part[B]{};
#pragma omp parallel for schedule(static) firstprivate(f) if (parallel : n > kGrain)
  for (Index b = 0; b < B; b++) part[b] = sum<A>(n * b / B, n * (b + 1) / B, f);
  A a{};
  for (Index b = 0; b < B; b++) a += part[b];
  g(a);
}

}  // namespace imago::IMAGO_BACKEND
