#include "models/measures/frechet_loss.h"

#include <cmath>

#include "engine/ops/ops.h"
#include "engine/ops/trace_root.h"

namespace imago::models {

FrechetLoss::FrechetLoss(const Moments& target, int ddof)
    : mean_(target.mean), covariance_(target.covariance), ddof_(ddof) {
  if (ddof != 0 && ddof != 1)
    throw Error(ErrorKind::usage, {"wrong ddof", "Frechet loss", "0 or 1", concat(ddof)});
  const NoGrad no_grad;
  factor_ =
      target.rows.defined() ? target.rows : linalg::factor(linalg::pivoted_cholesky(covariance_));
  const double* v = covariance_.data<double>();
  for (Index i = 0; i < mean_.numel(); i++) trace_ += v[i * (mean_.numel() + 1)];
}

Tensor FrechetLoss::operator()(const Tensor& x) const {
  const Index d = mean_.numel(), n = x.rank() == 2 ? x.size(0) : 0;
  if (n < 2 || x.size(1) != d || !is_floating(x.dtype()))
    throw Error(ErrorKind::usage, {"wrong features", "Frechet loss",
                                   concat("[N, ", d, "] with at least two rows, floating"),
                                   concat(x.shape(), ", ", x.dtype())});
  const Tensor y = ops::cast(x, DType::f64), mean = ops::mean(y, {0}),
               centred = (y - mean) / std::sqrt(double(n - ddof_));
  const auto there = [&](const Tensor& t) { return t.to(x.device()); };
  Tensor root;
  if (n > d && factor_.size(0) == d) {
    const Tensor covariance = ops::matmul(centred, centred, true);
    if (linalg::cholesky(covariance.detach().to(cpu_device)))
      root = ops::trace_sqrt_product(covariance, there(covariance_));
  }
  if (!root.defined())
    root = factor_.size(0) ? ops::nuclear_norm(ops::matmul(centred, there(factor_), false, true))
                           : Tensor::scalar(0, DType::f64, x.device());
  return ops::cast(ops::sum(ops::square(mean - there(mean_))) + ops::sum(ops::square(centred)) +
                       trace_ - root * 2,
                   x.dtype());
}

}  // namespace imago::models
