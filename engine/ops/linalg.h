// Factorisations of float64 matrices on the cpu, outside the graph. Not here: products, which are
// engine/ops/matmul.h.
#pragma once
#include <optional>

#include "engine/core/tensor.h"

namespace imago::linalg {

// Every argument is float64, on the cpu, and of finite values; Error (usage) for another dtype,
// device or shape.

// L [n, n], lower, a = L L^T; nothing where a [n, n], symmetric, is not positive definite to
// rounding.
std::optional<Tensor> cholesky(const Tensor& a);
// Of a symmetric a [n, n]: values [n], rising; row i of vectors [n, n] belongs to values[i].
struct Eigen {
  Tensor values, vectors;
};
Eigen symmetric_eigen(const Tensor& a);
Tensor singular_values(const Tensor& a);  // of a [m, n]: [min(m, n)], falling

}  // namespace imago::linalg
