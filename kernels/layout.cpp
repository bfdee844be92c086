// Strided copies, transposes in tiles, padding.
#include "kernels/layout.h"

#include "kernels/backend.h"
#include "kernels/nest.h"

namespace imago::IMAGO_BACKEND {
namespace layout {

template <class T>
struct Strided {
  T* out;
  const T* in;
  Index to, from;
  DEVICE void operator()(const Offsets<2>& o, Index, Index c) const {
    out[o.v[0] + to * c] = in[o.v[1] + from * c];
  }
};
// The innermost stride as a constant, so that the compiler vectorises.
template <class T, int Step>
struct Contiguous {
  T* out;
  const T* in;
  DEVICE void operator()(const Offsets<2>& o, Index, Index c) const {
    out[o.v[0] + c] = in[o.v[1] + Step * c];
  }
};

constexpr int kTile = 32;

#if IMAGO_ON_CPU
// A tile goes through a buffer whose rows are one element longer, because a power of two between
// rows would map them all to one cache set.
template <class T>
void transpose_tile(const T* in, T* out, Index rows, Index cols, Index r0, Index c0) {
  T tile[kTile][kTile + 1];
  const Index m = rows - r0 < kTile ? rows - r0 : kTile, n = cols - c0 < kTile ? cols - c0 : kTile;
  for (Index r = 0; r < m; r++)
    for (Index c = 0; c < n; c++) tile[r][c] = in[(r0 + r) * cols + c0 + c];
  for (Index c = 0; c < n; c++)
    for (Index r = 0; r < m; r++) out[(c0 + c) * rows + r0 + r] = tile[r][c];
}
template <class T>
void transpose_tiles(Stream, const Transpose<T>& p) {
  const Index down = (p.rows + kTile - 1) / kTile, across = (p.cols + kTile - 1) / kTile;
  const Index tiles = p.batch * down * across;
#pragma omp parallel for schedule(static) if (parallel : p.batch * p.rows * p.cols > kGrain)
  for (Index t = 0; t < tiles; t++) {
    const Index b = t / (down * across), r = t / across % down, c = t % across,
                at = b * p.rows * p.cols;
    transpose_tile(p.in + at, p.out + at, p.rows, p.cols, r * kTile, c * kTile);
  }
}
#else
// Blocks of 32 x 8 threads; both sides are read and written along their rows. The extra column
// keeps a warp's accesses down a column of the tile in different banks.
constexpr int kTileRows = 8;
template <class T>
__global__ void transpose_kernel(Transpose<T> p, Index down, Index across) {
  SHARED(T, tile, [kTile][kTile + 1]);
  const Index x = threadIdx.x, y = threadIdx.y;
  for (Index t = blockIdx.x; t < p.batch * down * across; t += gridDim.x) {
    const Index b = t / (down * across), r0 = t / across % down * kTile, c0 = t % across * kTile;
    const T* in = p.in + b * p.rows * p.cols;
    T* out = p.out + b * p.rows * p.cols;
    for (Index i = y; i < kTile; i += kTileRows)
      if (r0 + i < p.rows && c0 + x < p.cols) tile[i][x] = in[(r0 + i) * p.cols + c0 + x];
    __syncthreads();
    for (Index i = y; i < kTile; i += kTileRows)
      if (c0 + i < p.cols && r0 + x < p.rows) out[(c0 + i) * p.rows + r0 + x] = tile[x][i];
    __syncthreads();
  }
}
template <class T>
void transpose_tiles(Stream s, const Transpose<T>& p) {
  const Index down = (p.rows + kTile - 1) / kTile, across = (p.cols + kTile - 1) / kTile;
  const Index tiles = p.batch * down * across;
  if (tiles > 0)
    IMAGO_LAUNCH(transpose_kernel<T>, blocks(tiles, 1), dim3(kTile, kTileRows), 0, s, p, down,
                 across);
}
#endif

}  // namespace layout

template <class T>
void copy_strided(Stream s, const Copy<T>& p) {
  const Index to = p.nest.stride[0][p.nest.rank - 1], from = p.nest.stride[1][p.nest.rank - 1];
  if (to == 1 && from == 1)
    return for_each_nested(s, p.nest, layout::Contiguous<T, 1>{p.out, p.in});
  if (to == 1 && from == 0)
    return for_each_nested(s, p.nest, layout::Contiguous<T, 0>{p.out, p.in});
  for_each_nested(s, p.nest, layout::Strided<T>{p.out, p.in, to, from});
}
template <class T>
void transpose(Stream s, const Transpose<T>& p) {
  layout::transpose_tiles(s, p);
}
template <class T>
void pad(Stream s, const Pad<T>& p) {
  const Index width = p.before + p.cols + p.after;
  for_each(
      s, p.rows, width, KERNEL(Index r, Index c) {
        const Index k = c - p.before;
        p.out[r * width + c] = k >= 0 && k < p.cols ? p.in[r * p.cols + k] : p.value;
      });
}

#define IMAGO_MOVE(T)                                      \
  template void copy_strided<T>(Stream, const Copy<T>&);   \
  template void transpose<T>(Stream, const Transpose<T>&); \
  template void pad<T>(Stream, const Pad<T>&);
IMAGO_MOVE(uint8_t)
IMAGO_MOVE(uint32_t)
IMAGO_MOVE(uint64_t)
#undef IMAGO_MOVE

}  // namespace imago::IMAGO_BACKEND
