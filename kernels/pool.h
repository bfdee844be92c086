// Pooling of images [batch, height, width, channels]: windows of x, each of which gives a pixel of
// y. Not here: pooling over whole images, which is a mean over axes.
#pragma once
#include "kernels/kernel.h"

namespace imago {

// Window (oy, ox) begins at pixel (oy stride_h - pad_h, likewise) of x; what lies outside adds
// nothing.
struct PoolShape {
  Index batch = 0, height = 0, width = 0, channels = 0;
  Index out_height = 0, out_width = 0;
  Index kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0;
};

// Reads x once for each window over it at most, writes y and place. Every window must meet the
// image. place: row width + column of the first largest in its image; a NaN counts as the largest.
template <class T>
struct MaxPool {
  PoolShape shape;
  const T* x;
  T* y;          // [batch, out_height, out_width, channels]
  Index* place;  // likewise
};
IMAGO_KERNEL(max_pool, MaxPool)

// pool_gather: y = x at place. pool_scatter, its adjoint: x = the sum of y over the windows that
// took it. Each reads place and one image, writes the other.
template <class T>
struct PoolPlaces {
  PoolShape shape;
  const T* in;
  const Index* place;
  T* out;
};
IMAGO_KERNEL(pool_gather, PoolPlaces)
IMAGO_KERNEL(pool_scatter, PoolPlaces)

// sum_pool: y = scale times the sum of the window. sum_pool_adjoint: x = scale times the sum of y
// over the windows that hold it.
template <class T>
struct SumPool {
  PoolShape shape;
  const T* in;
  T* out;
  T scale;
};
IMAGO_KERNEL(sum_pool, SumPool)
IMAGO_KERNEL(sum_pool_adjoint, SumPool)

}  // namespace imago
