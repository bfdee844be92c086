// Matrix products. Transposes are flags of the GEMM, never copies; the family is closed under
// differentiation.
#pragma once
#include "engine/autograd/autograd.h"

namespace imago::ops {

// op(a) op(b) over the last two dimensions. Batch dimensions equal, or one side has none (it is
// then shared).
Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a = false, bool transpose_b = false);

enum class Activation { none, relu, leaky_relu, tanh, sigmoid };
// activation(x W^T + b). x [..., in], weight [out, in], bias [out] or undefined. The bias and the
// activation are applied in the epilogue of the GEMM. leaky_relu has slope 0.2.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias,
              Activation activation = Activation::none);

}  // namespace imago::ops
