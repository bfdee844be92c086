// Traces of square roots, differentiable: what the Frechet distance is made of. Computed in float64
// on the cpu whatever the dtype and device. Not here: factorisations (engine/ops/linalg.h), the
// distance itself (models/measures).
#pragma once
#include "engine/autograd/autograd.h"

namespace imago::ops {

// tr (a b)^(1/2), a scalar, of symmetric matrices [n, n]: a positive definite, b positive
// semi-definite, and definite too where it requires a gradient: Error (usage) otherwise. Gradients
// are symmetric; with T a T = b they are T / 2 and T^-1 / 2, and their own gradient is a Lyapunov
// solve. A third derivative is refused.
Tensor trace_sqrt_product(const Tensor& a, const Tensor& b);

// The sum of the singular values of a [m, n], a scalar; tr (S1 S2)^(1/2) of F1 F2^T with
// S = F^T F. The gradient is U V^T of a = U S V^T, without the singular values that are 0 to
// rounding: there the sum has a kink, and this is the smallest of its subgradients. A third
// derivative is refused.
Tensor nuclear_norm(const Tensor& a);

}  // namespace imago::ops
