#include "engine/ops/linalg.h"

#include <algorithm>

#include "kernels/linalg.h"

namespace imago::linalg {
namespace {

// A copy to work in.
Tensor checked(const char* op, const Tensor& a, bool square) {
  if (a.dtype() != DType::f64 || a.device() != cpu_device)
    op_error(op, "a float64 tensor on the cpu", concat(a.dtype(), " on ", a.device()));
  if (a.rank() != 2 || (square && a.size(0) != a.size(1)))
    op_error(op, square ? "[n, n]" : "[m, n]", concat(a.shape()));
  const Tensor copy = Tensor::empty(a.shape(), DType::f64);
  copy.copy_(a.detach());
  return copy;
}

}  // namespace

std::optional<Tensor> cholesky(const Tensor& a) {
  const Tensor l = checked("cholesky", a, true);
  if (!host::cholesky(l.size(0), l.data<double>())) return {};
  return l;
}
Eigen symmetric_eigen(const Tensor& a) {
  const Tensor vectors = checked("symmetric_eigen", a, true),
               values = Tensor::empty({a.size(0)}, DType::f64);
  host::symmetric_eigen(a.size(0), vectors.data<double>(), values.data<double>());
  return {values, vectors};
}
Tensor singular_values(const Tensor& a) {
  const Tensor work = checked("singular_values", a, false),
               s = Tensor::empty({std::min(a.size(0), a.size(1))}, DType::f64);
  host::singular_values(a.size(0), a.size(1), work.data<double>(), s.data<double>());
  return s;
}

}  // namespace imago::linalg
