// The Frechet distance of a batch from known moments as a loss. Not here: the distance as a figure
// (models/measures/frechet.h).
#pragma once
#include "engine/ops/linalg.h"
#include "models/measures/moments.h"

namespace imago::models {

// |m - m2|^2 + tr(S + S2 - 2 (S S2)^(1/2)) with m, S of the batch and m2, S2 the target's; twice
// differentiable. A batch is a biased sample: the fewer rows it has, the more its distance exceeds
// the distribution's.
class FrechetLoss {
 public:
  explicit FrechetLoss(const Moments& target, int ddof = 1);  // Error (usage) unless 0 or 1
  // x [n, d] of at least two rows, any floating dtype and device: a scalar of that dtype there. The
  // trace is that of trace_sqrt_product where n > d and both covariances are definite, else the
  // nuclear norm of the cross-Gram; what they factor goes to the cpu, in float64.
  Tensor operator()(const Tensor& x) const;

 private:
  Tensor mean_, covariance_, factor_;  // factor [k, d], covariance = factor^T factor
  double trace_ = 0;
  int ddof_;
};

}  // namespace imago::models
