// The activations that products and convolutions apply to their results in the same pass, and their
// gradients. Not here: activations as ops of their own, which are engine/ops/pointwise.h.
#pragma once
#include <vector>

#include "engine/ops/matmul.h"
#include "kernels/gemm.h"

namespace imago::fused {

using ops::Activation;

Epilogue epilogue(Activation a);
// The same by a plain op: the composite.
Tensor activate(const Tensor& x, Activation a);
// {g activation'(y), its sum over rows if with_bias}, g and y [rows, cols], y the activation's
// output. Differentiable; piecewise linear activations have no gradient by y.
std::vector<Tensor> activation_gradient(const Tensor& g, const Tensor& y, Activation a,
                                        bool with_bias);

}  // namespace imago::fused
