// The parallel patterns on the host: OpenMP threads outside, compiler SIMD inside. Included by
// kernels/backend.h only. Traps, each measured: firstprivate(f), or every access goes through the
// closure's address; if (parallel : n > kGrain), or small loops pay for threads; a Vec is summed as
// scalars, gcc does not vectorise a struct's declare reduction (8 times slower); no inner array or
// loop in a SIMD body. Every partition is a function of the sizes alone, never of the number of
// threads: the same bits with any number of them.
#pragma once
#include "kernels/philox.h"

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

inline Index quotient(Index i, Index d) { return i / d; }  // the device's avoids 64-bit division

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

// 4 * Index(j): 4 * j could wrap for all gcc knows, and it would not vectorise. z in a function of
// its own: a local of the SIMD loop itself would become an array.
inline void store_normals(float* e, PhiloxKey key, uint64_t block, uint32_t j) {
  const Normal4 z = normals(philox(key, block, j));
  e[4 * Index(j)] = z.v[0];
  e[4 * Index(j) + 1] = z.v[1];
  e[4 * Index(j) + 2] = z.v[2];
  e[4 * Index(j) + 3] = z.v[3];
}
inline void store_uniforms(float* e, PhiloxKey key, uint64_t block, uint32_t j) {
  const Philox b = philox(key, block, j);
  e[4 * Index(j)] = uniform(b.v[0]);
  e[4 * Index(j) + 1] = uniform(b.v[1]);
  e[4 * Index(j) + 2] = uniform(b.v[2]);
  e[4 * Index(j) + 3] = uniform(b.v[3]);
}
// Blocks first, first + 1, ... of a draw into e, four elements a block. Compiled once, flattened:
// inlined into every user, gcc gives up inlining what is inside, and a draw is ten times slower.
[[gnu::noinline, gnu::flatten]] inline void fill_normal_blocks(float* e, PhiloxKey key,
                                                               uint64_t first, uint32_t blocks) {
#pragma omp simd
  for (uint32_t j = 0; j < blocks; j++) store_normals(e, key, first, j);
}
[[gnu::noinline, gnu::flatten]] inline void fill_uniform_blocks(float* e, PhiloxKey key,
                                                                uint64_t first, uint32_t blocks) {
#pragma omp simd
  for (uint32_t j = 0; j < blocks; j++) store_uniforms(e, key, first, j);
}
// A few blocks more rather than a scalar loop for the last ones.
inline uint32_t whole_vectors(Index blocks) { return uint32_t((blocks + 15) / 16 * 16); }
template <class Fill, class F>
void for_each_random(Index n, PhiloxKey key, Fill fill, F f) {
  constexpr Index B = 128;  // Philox blocks of a tile
#pragma omp parallel for schedule(static) firstprivate(f, fill) if (parallel : n > kGrain / 4)
  for (Index t = 0; t < n; t += 4 * B) {
    alignas(64) float e[4 * B];
    const Index m = n - t < 4 * B ? n - t : 4 * B;
    fill(e, key, uint64_t(t / 4), whole_vectors((m + 3) / 4));
#pragma omp simd
    for (Index i = 0; i < m; i++) f(t + i, e[i]);
  }
}
// f(i, e) with e standard normal, element i of the draw at key.
template <class F>
void for_each_normal(Stream, Index n, PhiloxKey key, F f) {
  for_each_random(n, key, fill_normal_blocks, f);
}
// f(i, u) with u uniform in [0, 1).
template <class F>
void for_each_uniform(Stream, Index n, PhiloxKey key, F f) {
  for_each_random(n, key, fill_uniform_blocks, f);
}

// The largest of what is added to it; NaN if any is. The sum type of max, for every reduction
// below.
template <class T>
struct Max {
  T v = -T(INFINITY);
  Max& operator+=(const Max& o) {
    const T a = v, b = o.v, larger = b > a ? b : a;
    v = b != b ? b : larger;  // two choices between values: one with || would be a branch
    return *this;
  }
};

// Sum of f over [begin, end), short enough for one accumulator a SIMD lane.
template <class A, class F>
struct Sum {
  [[gnu::flatten]] static A run(Index begin, Index end, F f) {
    A a{};
#pragma omp simd reduction(+ : a)
    for (Index i = begin; i < end; i++) a += f(i);
    return a;
  }
};
template <class T, int K, class F>
struct Sum<Vec<T, K>, F> {
  static_assert(K <= 4);
  [[gnu::flatten]] static Vec<T, K> run(Index begin, Index end, F f) {
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
template <class T, class F>
struct Sum<Max<T>, F> {
  [[gnu::flatten]] static Max<T> run(Index begin, Index end, F f) {
    T m = -T(INFINITY);
    int bad = 0;  // the SIMD maximum drops NaN
#pragma omp simd reduction(max : m) reduction(| : bad)
    for (Index i = begin; i < end; i++) {
      const T x = f(i).v;
      m = x > m ? x : m;
      bad |= x != x;
    }
    return {bad ? T(NAN) : m};
  }
};
// Longer sums are halved down to kLeaf terms: the error of a float sum grows with the logarithm of
// its length.
constexpr Index kLeaf = 1024;
template <class A, class F>
A pairwise_sum(Index begin, Index end, F f) {
  if (end - begin <= kLeaf) return Sum<A, F>::run(begin, end, f);
  const Index middle = begin + (end - begin) / 2;
  A a = pairwise_sum<A>(begin, middle, f);
  a += pairwise_sum<A>(middle, end, f);
  return a;
}
template <class A, class F>
A sum(Index begin, Index end, F f) {
  if (end - begin <= kLeaf) return Sum<A, F>::run(begin, end, f);  // inlined at the caller
  return pairwise_sum<A>(begin, end, f);
}

// Sum of n parts, n a power of two, added as a tree.
template <class A>
A add_halves(A* part, Index n) {
  for (Index half = n / 2; half; half /= 2)
    for (Index k = 0; k < half; k++) part[k] += part[k + half];
  return part[0];
}

// g(r, sum over c of f(r, c)).
template <class A, class F, class G>
void row_reduce(Stream, Index rows, Index cols, F f, G g) {
  constexpr Index kFew = 16, kParts = 64;
  if (rows < kFew && cols > 16 * kGrain) {  // few long rows: each in kParts pieces
    A part[kFew * kParts];
#pragma omp parallel for schedule(static) firstprivate(f)
    for (Index t = 0; t < rows * kParts; t++) {
      const Index r = t / kParts, k = t % kParts;
      part[t] =
          sum<A>(cols * k / kParts, cols * (k + 1) / kParts, [f, r](Index c) { return f(r, c); });
    }
    for (Index r = 0; r < rows; r++) g(r, add_halves(part + r * kParts, kParts));
    return;
  }
#pragma omp parallel for schedule(static) firstprivate(f, g) if (parallel : rows * cols > kGrain)
  for (Index r = 0; r < rows; r++) g(r, sum<A>(0, cols, [f, r](Index c) { return f(r, c); }));
}

// What works on one row in for_each_row: here one thread, on a device a warp or a block, whose
// threads all run the body.
struct Row {
  // Sum of f(c) for 0 <= c < n, known to all.
  template <class A, class F>
  A sum(Index n, F f) const {
    return IMAGO_BACKEND::sum<A>(0, n, f);
  }
  // f(c) for 0 <= c < n. The same thread serves the same c each time, so that it sees what it wrote
  // there.
  template <class F>
  void each(Index n, F f) const {
#pragma omp simd
    for (Index c = 0; c < n; c++) f(c);
  }
  // Is this the thread that serves c? Exactly one is.
  bool serves(Index) const { return true; }
};
// f(row, r) for every row; cols is about how much each() is given.
template <class F>
void for_each_row(Stream, Index rows, Index cols, F f) {
#pragma omp parallel for schedule(static) firstprivate(f) if (parallel : rows * (cols + 1) > kGrain)
  for (Index r = 0; r < rows; r++) f(Row{}, r);
}

// Sums of f(r, c) over rows [begin, end) into a[0, cols), four rows at a time.
template <class A, class F>
void add_rows(Index begin, Index end, Index cols, A* a, F f) {
  Index r = begin;
  for (; r + 4 <= end; r += 4)
#pragma omp simd
    for (Index c = 0; c < cols; c++) {
      A low = f(r, c), high = f(r + 2, c);
      low += f(r + 1, c);
      high += f(r + 3, c);
      low += high;
      a[c] += low;
    }
  for (; r < end; r++)
#pragma omp simd
    for (Index c = 0; c < cols; c++) a[c] += f(r, c);
}
// g(o, c, sum over r of f(o, r, c)) for outer matrices of [rows, cols]. Tiles of columns, and slabs
// of rows where these are too few to share out; the slabs are added in order.
template <class A, class F, class G>
void column_reduce(Stream, Index outer, Index rows, Index cols, F f, G g) {
  constexpr Index W = 128, kBlock = 256, kSlabRows = 64, kTasks = 32,
                  kPartials = (1 << 16) / Index(sizeof(A));
  const Index tiles = (cols + W - 1) / W, n = outer * tiles;
  if (!n) return;
  // Sums rows [begin, end) of tile t into a.
  const auto tile = [f, rows, cols, tiles](Index t, Index slab, Index slabs, A* a) {
    const Index o = t / tiles, c0 = t % tiles * W, w = cols - c0 < W ? cols - c0 : W;
    const Index end = rows * (slab + 1) / slabs;
    for (Index c = 0; c < w; c++) a[c] = A{};
    for (Index r = rows * slab / slabs; r < end; r += kBlock) {
      A b[W]{};
      add_rows(r, end - r < kBlock ? end : r + kBlock, w, b,
               [=](Index i, Index c) { return f(o, i, c0 + c); });
      for (Index c = 0; c < w; c++) a[c] += b[c];
    }
  };
  const auto least = [](Index a, Index b) { return a < b ? a : b; };
  const Index slabs = least(least(kTasks / n, rows / kSlabRows), kPartials / (n * W));
  if (slabs < 2) {
#pragma omp parallel for schedule(static) firstprivate(tile, g) if (parallel \
                                                                    : n * rows * W > kGrain)
    for (Index t = 0; t < n; t++) {
      A a[W];
      tile(t, 0, 1, a);
      const Index o = t / tiles, c0 = t % tiles * W, w = cols - c0 < W ? cols - c0 : W;
      for (Index c = 0; c < w; c++) g(o, c0 + c, a[c]);
    }
    return;
  }
  alignas(64) unsigned char bytes[kPartials * sizeof(A)];
  A* part = reinterpret_cast<A*>(bytes);
#pragma omp parallel for schedule(static) firstprivate(tile) if (parallel : n * rows * W > kGrain)
  for (Index t = 0; t < n * slabs; t++) tile(t / slabs, t % slabs, slabs, part + t * W);
  for (Index t = 0; t < n; t++) {
    const Index o = t / tiles, c0 = t % tiles * W, w = cols - c0 < W ? cols - c0 : W;
    A* a = part + t * slabs * W;
    for (Index s = 1; s < slabs; s++)
      for (Index c = 0; c < w; c++) a[c] += a[s * W + c];
    for (Index c = 0; c < w; c++) g(o, c0 + c, a[c]);
  }
}
// g(c, sum over r of f(r, c)).
template <class A, class F, class G>
void column_reduce(Stream s, Index rows, Index cols, F f, G g) {
  column_reduce<A>(
      s, 1, rows, cols, [f](Index, Index r, Index c) { return f(r, c); },
      [g](Index, Index c, A a) { g(c, a); });
}

// g(sum over i of f(i)).
template <class A, class F, class G>
void reduce_all(Stream, Index n, F f, G g) {
  if (n <= kGrain) return g(sum<A>(0, n, f));
  constexpr Index B = 256;  // pieces: a fixed number, hence deterministic
  A part[B];
#pragma omp parallel for schedule(static) firstprivate(f)
  for (Index b = 0; b < B; b++) part[b] = sum<A>(n * b / B, n * (b + 1) / B, f);
  g(add_halves(part, B));
}

// --- rows of draws

constexpr Index kTile = 512;  // normals a thread holds
constexpr Index kTileSpace = kTile + 64;

// Elements [begin, end) of the draw at key, end - begin <= kTile, into e, which holds kTileSpace;
// where number begin is.
template <class Fill>
const float* fill_elements(float* e, PhiloxKey key, Index begin, Index end, Fill fill) {
  fill(e, key, uint64_t(begin / 4), whole_vectors((end + 3) / 4 - begin / 4));
  return e + begin % 4;
}
inline const float* fill_normals(float* e, PhiloxKey key, Index begin, Index end) {
  return fill_elements(e, key, begin, end, fill_normal_blocks);
}
inline Index rows_of_tile(Index cols) { return cols < 1 ? kTile : cols < kTile ? kTile / cols : 1; }

// For rows in groups, b = r / members: f(b, r, c, e) with e element r * cols + c of the draw at
// key.
template <class Fill, class F>
void for_each_random(Index groups, Index members, Index cols, PhiloxKey key, Fill fill, F f) {
  const Index rows = groups * members, step = rows_of_tile(cols);
#pragma omp parallel for schedule(static) firstprivate(f, fill) if (parallel \
                                                                    : rows * cols > kGrain / 4)
  for (Index t = 0; t < rows; t += step) {
    const Index last = t + step < rows ? t + step : rows;
    alignas(64) float e[kTileSpace];
    for (Index begin = t * cols; begin < last * cols; begin += kTile) {
      const Index end = begin + kTile < last * cols ? begin + kTile : last * cols;
      const float* z = fill_elements(e, key, begin, end, fill);
      for (Index i = begin; i < end;) {  // one row, or what of it is in the tile
        const Index r = i / cols, b = r / members, c = i - r * cols;
        const Index n = (r + 1) * cols < end ? cols - c : end - i;
#pragma omp simd
        for (Index k = 0; k < n; k++) f(b, r, c + k, z[k]);
        i += n, z += n;
      }
    }
  }
}
template <class F>
void for_each_normal(Stream, Index groups, Index members, Index cols, PhiloxKey key, F f) {
  for_each_random(groups, members, cols, key, fill_normal_blocks, f);
}
template <class F>
void for_each_uniform(Stream, Index groups, Index members, Index cols, PhiloxKey key, F f) {
  for_each_random(groups, members, cols, key, fill_uniform_blocks, f);
}

// g(r, sum over c of f(b, r, c, e)).
template <class A, class F, class G>
void row_reduce_normal(Stream, Index groups, Index members, Index cols, PhiloxKey key, F f, G g) {
  const Index rows = groups * members, step = rows_of_tile(cols);
#pragma omp parallel for schedule(static) firstprivate(f, g) if (parallel \
                                                                 : rows * cols > kGrain / 4)
  for (Index t = 0; t < rows; t += step) {
    const Index last = t + step < rows ? t + step : rows;
    alignas(64) float e[kTileSpace];
    if (cols <= kTile) {
      const float* z = fill_normals(e, key, t * cols, last * cols);
      for (Index r = t; r < last; r++, z += cols) {
        const Index b = r / members;
        g(r, sum<A>(0, cols, [f, b, r, z](Index c) { return f(b, r, c, z[c]); }));
      }
    } else {
      const Index b = t / members;
      A a{};
      for (Index begin = 0; begin < cols; begin += kTile) {
        const Index end = begin + kTile < cols ? begin + kTile : cols;
        const float* z = fill_normals(e, key, t * cols + begin, t * cols + end);
        a += sum<A>(0, end - begin,
                    [f, b, t, begin, z](Index c) { return f(b, t, begin + c, z[c]); });
      }
      g(t, a);
    }
  }
}

// g(b, c, sum over the group's rows r = b members .. b members + members - 1 of f(r, c, e)), rows
// added in order.
template <class A, class F, class G>
void group_reduce_normal(Stream, Index groups, Index members, Index cols, PhiloxKey key, F f, G g) {
#pragma omp parallel for schedule(static) \
    firstprivate(f, g) if (parallel       \
                           : groups * members * cols > kGrain / 4)
  for (Index b = 0; b < groups; b++) {
    alignas(64) float e[kTileSpace];
    A a[kTile];
    for (Index t = 0; t < cols; t += kTile) {
      const Index w = cols - t < kTile ? cols - t : kTile;
      for (Index c = 0; c < w; c++) a[c] = A{};
      const Index step = w == cols ? rows_of_tile(cols) : 1, last = (b + 1) * members;
      for (Index r = b * members; r < last; r += step) {
        const Index n = last - r < step ? last - r : step;  // rows of this tile
        const float* z = fill_normals(e, key, r * cols + t, (r + n - 1) * cols + t + w);
        for (Index k = 0; k < n; k++)
#pragma omp simd
          for (Index c = 0; c < w; c++) a[c] += f(r + k, t + c, z[k * cols + c]);
      }
#pragma omp simd
      for (Index c = 0; c < w; c++) g(b, t + c, a[c]);
    }
  }
}

// --- lists of tensors

constexpr Index kChunk = 1 << 13;  // elements of one tensor that one thread takes at a time

// f(item, i) for 0 <= i < item.n of every item in items.
template <class Item, class F>
void multi_tensor(Stream, const Item* items, Index count, F f) {
  Index total = 0;
  for (Index t = 0; t < count; t++) total += items[t].n;
#pragma omp parallel firstprivate(f) if (parallel : total > kGrain)
  for (Index t = 0; t < count; t++) {
    const Item item = items[t];
#pragma omp for schedule(static) nowait
    for (Index begin = 0; begin < item.n; begin += kChunk) {
      const Index end = begin + kChunk < item.n ? begin + kChunk : item.n;
#pragma omp simd
      for (Index i = begin; i < end; i++) f(item, i);
    }
  }
}

// g(sum over every item's elements of f(item, i)), the same bits with any number of threads.
template <class A, class Item, class F, class G>
void multi_tensor_reduce(Stream, const Item* items, Index count, F f, G g) {
  A all{};
  for (Index t = 0; t < count; t++) {
    const Item item = items[t];
    reduce_all<A>(
        Stream{}, item.n, [f, item](Index i) { return f(item, i); }, [&](A a) { all += a; });
  }
  g(all);
}

}  // namespace imago::IMAGO_BACKEND
