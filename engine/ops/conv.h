// Convolutions of images [batch, height, width, channels]. The family is closed under
// differentiation. Weights lie with their channels last, too; files hold them as PyTorch does:
// engine/ops/conv.h says "weight [a, h, w, b]" where a file has [a, b, h, w].
#pragma once
#include "engine/ops/matmul.h"

namespace imago::ops {

// Rows and columns of something.
struct Size2 {
  Index h, w;
  Size2(Index both) : h(both), w(both) {}
  Size2(Index height, Index width) : h(height), w(width) {}
  bool operator==(const Size2&) const = default;
};

// As PyTorch's arguments.
struct ConvOptions {
  Size2 stride = 1, padding = 0, dilation = 1;
  Index groups = 1;          // divides both numbers of channels
  Size2 output_padding = 0;  // conv_transpose2d only: rows and columns more, below and to the right
};

// activation(conv(x) + bias), by cross-correlation. x [n, h, w, in], weight [out, kh, kw, in /
// groups], bias [out] or undefined. Gives [n, h', w', out] with h' = (h + 2 padding - dilation (kh
// - 1) - 1) / stride + 1, rounded down. Error (usage) where that is not positive.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              const ConvOptions& options = {}, Activation activation = Activation::none);

// The adjoint of conv2d by x, with a bias and an activation of its own. x [n, h, w, in], weight
// [in, kh, kw, out / groups], bias [out] or undefined. Gives [n, h', w', out] with h' = (h - 1)
// stride - 2 padding + dilation (kh - 1) + output_padding + 1.
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                        const ConvOptions& options = {}, Activation activation = Activation::none);

}  // namespace imago::ops
