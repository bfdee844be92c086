#include "engine/ops/spectral.h"

#include <limits>

#include "engine/ops/ops.h"

namespace imago::ops {
namespace {

// W as it lies, rows first or last: a product by it transposes by a flag.
Tensor matrix(const char* op, const Tensor& weight, Rows rows) {
  if (!weight.defined() || weight.rank() < 2 || !is_floating(weight.dtype()))
    op_error(op, "a floating weight of two dimensions or more",
             weight.defined() ? imago::concat(weight.dtype(), " ", weight.shape())
                              : "an undefined tensor");
  return rows == Rows::first ? reshape(weight, {weight.size(0), -1})
                             : reshape(weight, {-1, weight.size(-1)});
}
// W x or, transposed, W^T x, as a vector.
Tensor product(const Tensor& matrix, const Tensor& x, bool transpose) {
  return reshape(matmul(matrix, reshape(x, {-1, 1}), transpose), {-1});
}
Tensor unit(const Tensor& x) {
  const Tensor norm = sqrt(sum(square(x)));
  return div(x, clamp(norm, 1e-12, std::numeric_limits<double>::infinity()));
}

}  // namespace

Tensor spectral_norm(const Tensor& weight, const Tensor& u, const Tensor& v, Rows rows) {
  const Tensor w = matrix("spectral_norm", weight, rows);
  const Index height = w.size(rows == Rows::first ? 0 : 1), width = w.numel() / height;
  if (u.shape() != Shape{height} || v.shape() != Shape{width})
    op_error("spectral_norm",
             imago::concat("vectors of shapes ", Shape{height}, " and ", Shape{width},
                           " for a weight ", weight.shape()),
             imago::concat(u.shape(), " and ", v.shape()));
  return sum(mul(u, product(w, v, rows == Rows::last)));
}

Tensor spectral_normalize(const Tensor& weight, const Tensor& u, const Tensor& v, Rows rows) {
  return div(weight, spectral_norm(weight, u, v, rows));
}

SingularVectors power_iteration(const Tensor& weight, const Tensor& v, Rows rows) {
  const NoGrad no_grad;
  const Tensor w = matrix("power_iteration", weight, rows);
  const Tensor u = unit(product(w, v, rows == Rows::last));
  return {u, unit(product(w, u, rows == Rows::first))};
}

}  // namespace imago::ops
