// The parallel patterns on the device, and so in the emulation: the same names and meaning as
// kernels/cpu/patterns.h. Included by kernels/backend.h only. Every partition is a function of the
// sizes alone, and sums are trees or two passes, never atomics: the same bits in every run. Indices
// are 64-bit; loops stride over the grid, whatever its size.
#pragma once
#include "kernels/cuda/launch.h"
#include "kernels/philox.h"

namespace imago::IMAGO_BACKEND {

constexpr int kBlock = 256, kWarp = 32;
constexpr unsigned kAll = 0xffffffffu;  // lanes
constexpr Index kMaxGrid = 132 * 16;    // blocks that fill the largest device, twice over

template <class T, int K>
struct Vec {
  T v[K];
  DEVICE Vec& operator+=(const Vec& o) {
    for (int k = 0; k < K; k++) v[k] += o.v[k];
    return *this;
  }
};

// The largest of what is added to it; NaN if any is. The sum type of max, for every reduction
// below.
template <class T>
struct Max {
  T v = -T(INFINITY);
  DEVICE Max& operator+=(const Max& o) {
    const T a = v, b = o.v, larger = b > a ? b : a;
    v = b != b ? b : larger;  // two choices between values: one with || would be a branch
    return *this;
  }
};

// Blocks for n things, per of them a block: at least one.
inline unsigned blocks(Index n, Index per) {
  const Index b = n / per + (n % per != 0);
  return unsigned(b < 1 ? 1 : b < kMaxGrid ? b : kMaxGrid);
}
DEVICE inline Index thread_of_grid() { return Index(blockIdx.x) * blockDim.x + threadIdx.x; }
DEVICE inline Index threads_of_grid() { return Index(gridDim.x) * blockDim.x; }

// ---- one call for each element

template <class F>
__global__ void for_each_kernel(Index n, F f) {
  for (Index i = thread_of_grid(); i < n; i += threads_of_grid()) f(i);
}
// f(i) for 0 <= i < n.
template <class F>
void for_each(Stream s, Index n, F f) {
  if (n > 0) IMAGO_LAUNCH(for_each_kernel<F>, blocks(n, kBlock), kBlock, 0, s, n, f);
}

// i / d. A 64-bit division costs many times a 32-bit one.
DEVICE inline Index quotient(Index i, Index d) {
  return uint64_t(i | d) >> 32 ? i / d : Index(uint32_t(i) / uint32_t(d));
}
template <class F>
__global__ void for_each_2d_kernel(Index n, Index cols, F f) {
  for (Index i = thread_of_grid(); i < n; i += threads_of_grid()) {
    const Index r = quotient(i, cols);
    f(r, i - r * cols);
  }
}
// f(r, c) for every element of a [rows, cols] matrix.
template <class F>
void for_each(Stream s, Index rows, Index cols, F f) {
  const Index n = rows * cols;
  if (n > 0) IMAGO_LAUNCH(for_each_2d_kernel<F>, blocks(n, kBlock), kBlock, 0, s, n, cols, f);
}

// ---- random draws

DEVICE inline Normal4 draw(PhiloxKey key, Index block) {
  return normals(philox(key, uint64_t(block)));
}
struct NormalDraw {
  static DEVICE Normal4 run(PhiloxKey key, Index block) { return draw(key, block); }
};
struct UniformDraw {
  static DEVICE Normal4 run(PhiloxKey key, Index block) {
    const Philox w = philox(key, uint64_t(block));
    return {{uniform(w.v[0]), uniform(w.v[1]), uniform(w.v[2]), uniform(w.v[3])}};
  }
};
template <class Draw, class F>
__global__ void for_each_random_kernel(Index n, PhiloxKey key, F f) {
  for (Index b = thread_of_grid(); 4 * b < n; b += threads_of_grid()) {
    const Normal4 e = Draw::run(key, b);
    for (int k = 0; k < 4; k++)
      if (4 * b + k < n) f(4 * b + k, e.v[k]);
  }
}
template <class Draw, class F>
void for_each_random(Stream s, Index n, PhiloxKey key, F f) {
  if (n > 0)
    IMAGO_LAUNCH((for_each_random_kernel<Draw, F>), blocks(n, 4 * kBlock), kBlock, 0, s, n, key, f);
}
// f(i, e) with e standard normal, element i of the draw at key.
template <class F>
void for_each_normal(Stream s, Index n, PhiloxKey key, F f) {
  for_each_random<NormalDraw>(s, n, key, f);
}
// f(i, u) with u uniform in [0, 1).
template <class F>
void for_each_uniform(Stream s, Index n, PhiloxKey key, F f) {
  for_each_random<UniformDraw>(s, n, key, f);
}
template <class F>
struct ByGroup {
  Index members, cols;
  F f;
  DEVICE void operator()(Index i, float e) const {
    const Index r = quotient(i, cols);
    f(quotient(r, members), r, i - r * cols, e);
  }
};
// For rows in groups, b = r / members: f(b, r, c, e) with e element r * cols + c of the draw at
// key.
template <class F>
void for_each_normal(Stream s, Index groups, Index members, Index cols, PhiloxKey key, F f) {
  for_each_random<NormalDraw>(s, groups * members * cols, key, ByGroup<F>{members, cols, f});
}
template <class F>
void for_each_uniform(Stream s, Index groups, Index members, Index cols, PhiloxKey key, F f) {
  for_each_random<UniformDraw>(s, groups * members * cols, key, ByGroup<F>{members, cols, f});
}

// ---- sums inside a block. A is any plain struct with operator+= whose A{} adds nothing.

// A's value in the lane whose number differs by the bit offset, word by word.
template <class A>
DEVICE inline A shuffle_xor(const A& a, int offset) {
  static_assert(sizeof(A) % 4 == 0);
  struct Words {
    uint32_t v[sizeof(A) / 4];
  };
  Words w = __builtin_bit_cast(Words, a);
  for (auto& word : w.v) word = __shfl_xor_sync(kAll, word, offset);
  return __builtin_bit_cast(A, w);
}
// In every lane. The whole warp calls it.
template <class A>
DEVICE inline A warp_sum(A a) {
  for (int offset = kWarp / 2; offset; offset /= 2) a += shuffle_xor(a, offset);
  return a;
}
// In every thread of a block of kBlock. The whole block calls it.
template <class A>
DEVICE inline A block_sum(A a) {
  SHARED(A, part, [kBlock / kWarp]);
  a = warp_sum(a);
  __syncthreads();  // what an earlier call left has been read
  if (threadIdx.x % kWarp == 0) part[threadIdx.x / kWarp] = a;
  __syncthreads();
  const int lane = int(threadIdx.x % kWarp);
  return warp_sum(lane < kBlock / kWarp ? part[lane] : A{});
}

// ---- rows

// What works on one row in for_each_row: a thread, a warp, or a block, by the length of rows. All
// its threads run the body.
struct Row {
  int thread, width;
  // Sum of f(c) for 0 <= c < n, known to all.
  template <class A, class F>
  DEVICE A sum(Index n, F f) const {
    A a{};
    for (Index c = thread; c < n; c += width) a += f(c);
    return width == 1 ? a : width == kWarp ? warp_sum(a) : block_sum(a);
  }
  // f(c) for 0 <= c < n. The same thread serves the same c each time, so that it sees what it wrote
  // there.
  template <class F>
  DEVICE void each(Index n, F f) const {
    for (Index c = thread; c < n; c += width) f(c);
  }
  // Is this the thread that serves c? Exactly one is.
  DEVICE bool serves(Index c) const { return c % width == thread; }
};
template <class F>
__global__ void for_each_row_kernel(Index rows, int width, F f) {
  const int rows_of_block = kBlock / width;
  const Row row{int(threadIdx.x) % width, width};
  for (Index r = Index(blockIdx.x) * rows_of_block + threadIdx.x / width; r < rows;
       r += Index(gridDim.x) * rows_of_block)
    f(row, r);
}
// f(row, r) for every row; cols is about how much each() is given.
template <class F>
void for_each_row(Stream s, Index rows, Index cols, F f) {
  const int width = cols <= 4 ? 1 : cols <= 2 * kBlock ? kWarp : kBlock;
  if (rows > 0)
    IMAGO_LAUNCH(for_each_row_kernel<F>, blocks(rows, kBlock / width), kBlock, 0, s, rows, width,
                 f);
}

template <class A, class F, class G>
struct RowSum {
  Index cols;
  F f;
  G g;
  DEVICE void operator()(Row row, Index r) const {
    const A a = row.sum<A>(cols, [this, r](Index c) { return f(r, c); });
    if (row.thread == 0) g(r, a);
  }
};
// Row p of part is piece p % parts of row p / parts.
template <class A, class F>
struct RowPart {
  Index cols, parts;
  A* part;
  F f;
  DEVICE void operator()(Row row, Index p) const {
    const Index r = p / parts, k = p % parts, begin = cols * k / parts;
    const A a = row.sum<A>(cols * (k + 1) / parts - begin,
                           [this, r, begin](Index c) { return f(r, begin + c); });
    if (row.thread == 0) part[p] = a;
  }
};
template <class A>
struct Parts {
  const A* part;
  Index parts;
  DEVICE A operator()(Index r, Index k) const { return part[r * parts + k]; }
};
// g(r, sum over c of f(r, c)). Few long rows are shared out among blocks first.
template <class A, class F, class G>
void row_reduce(Stream s, Index rows, Index cols, F f, G g) {
  constexpr Index kPiece = 16 * kBlock;  // elements a block sums at least
  const Index most = cols / kPiece, want = rows > 0 ? kMaxGrid / 2 / rows : 0;
  const Index parts = want < most ? want : most;
  if (parts < 2) return for_each_row(s, rows, cols, RowSum<A, F, G>{cols, f, g});
  A* part = static_cast<A*>(scratch(s, size_t(rows * parts) * sizeof(A)));
  for_each_row(s, rows * parts, cols / parts, RowPart<A, F>{cols, parts, part, f});
  for_each_row(s, rows, parts, RowSum<A, Parts<A>, G>{parts, {part, parts}, g});
}

template <class F>
struct OnlyRow {
  F f;
  DEVICE auto operator()(Index, Index i) const { return f(i); }
};
template <class G>
struct OnlyResult {
  G g;
  template <class A>
  DEVICE void operator()(Index, const A& a) const {
    g(a);
  }
};
// g(sum over i of f(i)), once.
template <class A, class F, class G>
void reduce_all(Stream s, Index n, F f, G g) {
  row_reduce<A>(s, 1, n, OnlyRow<F>{f}, OnlyResult<G>{g});
}

template <class A, class F, class G>
struct RowSumNormal {
  Index members, cols;
  PhiloxKey key;
  F f;
  G g;
  DEVICE void operator()(Row row, Index r) const {
    const Index b = r / members, begin = r * cols, first = begin / 4;
    const Index blocks = (begin + cols + 3) / 4 - first;
    const A a = row.sum<A>(blocks, [this, b, r, begin, first](Index block) {
      const Normal4 e = draw(key, first + block);
      A four{};
      for (int k = 0; k < 4; k++) {
        const Index c = 4 * (first + block) + k - begin;
        if (c >= 0 && c < cols) four += f(b, r, c, e.v[k]);
      }
      return four;
    });
    if (row.thread == 0) g(r, a);
  }
};
// g(r, sum over c of f(b, r, c, e)).
template <class A, class F, class G>
void row_reduce_normal(Stream s, Index groups, Index members, Index cols, PhiloxKey key, F f, G g) {
  const RowSumNormal<A, F, G> body{members, cols, key, f, g};
  for_each_row(s, groups * members, cols / 4, body);
}

template <class A, class F, class G>
struct GroupSumNormal {
  Index members, cols;
  PhiloxKey key;
  F f;
  G g;
  DEVICE void operator()(Index b, Index c) const {
    A a{};
    for (Index r = b * members; r < (b + 1) * members; r++) {
      const Index i = r * cols + c;
      const Normal4 e = draw(key, i / 4);
      a += f(r, c, i % 4 < 2 ? i % 2 ? e.v[1] : e.v[0] : i % 2 ? e.v[3] : e.v[2]);
    }
    g(b, c, a);
  }
};
// g(b, c, sum over the group's rows r = b members .. b members + members - 1 of f(r, c, e)), rows
// added in order. Each element's Philox block is computed for that element alone: latents are
// small.
template <class A, class F, class G>
void group_reduce_normal(Stream s, Index groups, Index members, Index cols, PhiloxKey key, F f,
                         G g) {
  for_each(s, groups, cols, GroupSumNormal<A, F, G>{members, cols, key, f, g});
}

// ---- columns: a block of 32 x 8 threads sums 32 columns of a slab of rows; the slabs are added in
// order.

constexpr int kSlabThreads = 8;
template <class A, class F, class Store>
__global__ void column_kernel(Index outer, Index rows, Index cols, Index slab, F f, Store store) {
  SHARED(A, tile, [kSlabThreads][kWarp]);
  const Index begin = Index(blockIdx.y) * slab, end = begin + slab < rows ? begin + slab : rows;
  const Index tiles = (cols + kWarp - 1) / kWarp;
  for (Index t = blockIdx.x; t < outer * tiles; t += gridDim.x) {
    const Index o = t / tiles, c = t % tiles * kWarp + threadIdx.x;
    A a{};
    if (c < cols)
      for (Index r = begin + threadIdx.y; r < end; r += kSlabThreads) a += f(o, r, c);
    tile[threadIdx.y][threadIdx.x] = a;
    __syncthreads();
    if (threadIdx.y == 0 && c < cols) {
      for (int y = 1; y < kSlabThreads; y++) a += tile[y][threadIdx.x];
      store(blockIdx.y, o, c, a);
    }
    __syncthreads();  // before tile is written again
  }
}
template <class A>
struct StorePart {
  A* part;  // [slabs, outer, cols]
  Index outer, cols;
  DEVICE void operator()(Index slab, Index o, Index c, const A& a) const {
    part[(slab * outer + o) * cols + c] = a;
  }
};
template <class G>
struct StoreResult {
  G g;
  template <class A>
  DEVICE void operator()(Index, Index o, Index c, const A& a) const {
    g(o, c, a);
  }
};
template <class A, class G>
struct AddSlabs {
  const A* part;
  Index slabs, outer, cols;
  G g;
  DEVICE void operator()(Index o, Index c) const {
    A a{};
    for (Index i = 0; i < slabs; i++) a += part[(i * outer + o) * cols + c];
    g(o, c, a);
  }
};
// g(o, c, sum over r of f(o, r, c)) for outer matrices of [rows, cols].
template <class A, class F, class G>
void column_reduce(Stream s, Index outer, Index rows, Index cols, F f, G g) {
  const Index tiles = outer * ((cols + kWarp - 1) / kWarp);
  if (tiles <= 0) return;
  const dim3 block(kWarp, kSlabThreads);
  const Index want = kMaxGrid / 2 / tiles, most = rows / (8 * kSlabThreads);
  const Index slabs = want < most ? want : most;
  if (slabs < 2) {
    IMAGO_LAUNCH((column_kernel<A, F, StoreResult<G>>), blocks(tiles, 1), block, 0, s, outer, rows,
                 cols, rows, f, {g});
    return;
  }
  A* part = static_cast<A*>(scratch(s, size_t(slabs * outer * cols) * sizeof(A)));
  IMAGO_LAUNCH((column_kernel<A, F, StorePart<A>>), dim3(blocks(tiles, 1), unsigned(slabs)), block,
               0, s, outer, rows, cols, (rows + slabs - 1) / slabs, f, {part, outer, cols});
  for_each(s, outer, cols, AddSlabs<A, G>{part, slabs, outer, cols, g});
}
template <class F>
struct OnlyMatrix {
  F f;
  DEVICE auto operator()(Index, Index r, Index c) const { return f(r, c); }
};
template <class G>
struct OnlyColumns {
  G g;
  template <class A>
  DEVICE void operator()(Index, Index c, const A& a) const {
    g(c, a);
  }
};
// g(c, sum over r of f(r, c)).
template <class A, class F, class G>
void column_reduce(Stream s, Index rows, Index cols, F f, G g) {
  column_reduce<A>(s, 1, rows, cols, OnlyMatrix<F>{f}, OnlyColumns<G>{g});
}

// ---- lists of tensors: their descriptions are kernel parameters, as many as fit in 4 KiB.

constexpr Index kChunk = 16 * kBlock;  // elements of one tensor that a block takes at a time
template <class Item, int N>
struct Table {
  int count = 0;
  Index chunks = 0;
  Index first[N];  // chunk of items[t]
  Item items[N];
};
// The item of a chunk: the last whose first chunk is not after it.
template <class Item, int N>
DEVICE int item_of(const Table<Item, N>& table, Index chunk) {
  int low = 0, high = table.count;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (table.first[middle] <= chunk ? low : high) = middle;
  }
  return low;
}
template <class Item, int N, class F>
__global__ void multi_tensor_kernel(Table<Item, N> table, F f) {
  for (Index k = blockIdx.x; k < table.chunks; k += gridDim.x) {
    const int t = item_of(table, k);
    const Index begin = (k - table.first[t]) * kChunk, n = table.items[t].n;
    const Index end = begin + kChunk < n ? begin + kChunk : n;
    for (Index i = begin + threadIdx.x; i < end; i += kBlock) f(table.items[t], i);
  }
}
template <class A, class Item, int N, class F>
__global__ void multi_tensor_sum_kernel(Table<Item, N> table, A* part, F f) {
  for (Index k = blockIdx.x; k < table.chunks; k += gridDim.x) {
    const int t = item_of(table, k);
    const Index begin = (k - table.first[t]) * kChunk, n = table.items[t].n;
    const Index end = begin + kChunk < n ? begin + kChunk : n;
    A a{};
    for (Index i = begin + threadIdx.x; i < end; i += kBlock) a += f(table.items[t], i);
    a = block_sum(a);
    if (threadIdx.x == 0) part[k] = a;
  }
}
template <class Item, class F>
constexpr int table_size() {
  return int((4000 - sizeof(F)) / (sizeof(Item) + sizeof(Index)));
}
// run(table) for tables that hold all items that are not empty; the number of chunks before each
// table as second argument.
template <int N, class Item, class Run>
void for_each_table(const Item* items, Index count, Run run) {
  Table<Item, N> table;
  Index before = 0;
  for (Index t = 0; t < count; t++) {
    if (items[t].n > 0) {
      table.first[table.count] = table.chunks;
      table.items[table.count++] = items[t];
      table.chunks += (items[t].n + kChunk - 1) / kChunk;
    }
    if (table.count == N || (t + 1 == count && table.count > 0)) {
      run(table, before);
      before += table.chunks;
      table.count = 0;
      table.chunks = 0;
    }
  }
}
// f(item, i) for 0 <= i < item.n of every item in items, which is host memory.
template <class Item, class F>
void multi_tensor(Stream s, const Item* items, Index count, F f) {
  constexpr int N = table_size<Item, F>();
  for_each_table<N>(items, count, [&](const Table<Item, N>& table, Index) {
    IMAGO_LAUNCH((multi_tensor_kernel<Item, N, F>), blocks(table.chunks, 1), kBlock, 0, s, table,
                 f);
  });
}
// g(sum over every item's elements of f(item, i)).
template <class A, class Item, class F, class G>
void multi_tensor_reduce(Stream s, const Item* items, Index count, F f, G g) {
  constexpr int N = table_size<Item, F>();
  Index chunks = 0;
  for (Index t = 0; t < count; t++) chunks += (items[t].n + kChunk - 1) / kChunk;
  A* part = static_cast<A*>(scratch(s, size_t(chunks) * sizeof(A)));
  for_each_table<N>(items, count, [&](const Table<Item, N>& table, Index before) {
    IMAGO_LAUNCH((multi_tensor_sum_kernel<A, Item, N, F>), blocks(table.chunks, 1), kBlock, 0, s,
                 table, part + before, f);
  });
  // One block, because a second partial pass would write the same scratch.
  using Finish = RowSum<A, Parts<A>, OnlyResult<G>>;
  for_each_row(s, 1, chunks, Finish{chunks, {part, chunks}, {g}});
}

}  // namespace imago::IMAGO_BACKEND
