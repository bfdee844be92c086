// Pooling and resampling of images [batch, height, width, channels], each with its adjoint, so that
// every order of differentiation is there.
#pragma once
#include "engine/ops/conv.h"

namespace imago::ops {

// Windows of so many rows and columns, `stride` apart (0: the window's own size), over the image
// with `padding`, at most half a window, around it. h' = (h + 2 padding - window) / stride + 1,
// rounded down. Error (usage) where that is not positive.
struct PoolOptions {
  Size2 stride = 0, padding = 0;
};
// The largest of each window; the gradient goes to the first of the largest. NaN if there is one.
Tensor max_pool2d(const Tensor& x, Size2 window, const PoolOptions& options = {});
// The mean of each window, padding counted as zeros.
Tensor avg_pool2d(const Tensor& x, Size2 window, const PoolOptions& options = {});

// nearest takes the pixel at o h / h' rounded down (computed exactly; PyTorch's float may be one
// off at odd ratios); bilinear as PyTorch with align_corners false. Neither smooths before
// shrinking.
enum class Interpolation { nearest, bilinear };
Tensor interpolate(const Tensor& x, Size2 size, Interpolation mode);

// [n, h, w, c r r] to [n, h r, w r, c] and back: channel c r r + i r + j is row i, column j of the
// block.
Tensor pixel_shuffle(const Tensor& x, Index r);
Tensor pixel_unshuffle(const Tensor& x, Index r);

}  // namespace imago::ops
