// The Frechet distance of two sets of features: that of the Gaussians with their means and
// covariances. Exact, in float64, on the cpu. Not here: the networks that features come from.
#pragma once
#include <string>
#include <vector>

#include "engine/core/tensor.h"

namespace imago::models {

// What is known of a set of features; float64 on the cpu.
struct Moments {
  Tensor mean, covariance;  // [d], [d, d] with divisor n - 1
  // [n, d] with covariance = rows^T rows, where n <= d: more exact than the covariance then, which
  // is singular. Undefined elsewhere.
  Tensor rows;
};
// Moments of rows that arrive in parts, of any sizes: they do not show.
class MomentSum {
 public:
  explicit MomentSum(Index features, std::string where = "features");
  // rows: [n, d], any floating dtype and device. Error (usage) for another shape; Error (data)
  // naming the first row that is not finite, counted over all parts.
  void add(const Tensor& rows);
  Index count() const { return folded_ + Index(block_.size()) / features_; }
  Moments moments() const;  // Error (data) for fewer than two rows

 private:
  void fold(const Tensor& centred, const Tensor& mean);
  Index features_, folded_ = 0;
  std::string where_;
  std::vector<double> block_;  // rows not yet in the sums
  Tensor mean_, scatter_;      // of the folded rows
};

struct Frechet {
  // |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)); rounding may leave it a little below 0.
  double distance = 0;
  // How each covariance was factored, one word where both alike: cholesky; eigen, where singular;
  // samples, where n <= d.
  std::string method;
};
// Error (usage) where the numbers of features differ. The trace of the square root is the sum of
// the singular values of F1 F2^T with S = F^T F: unlike roots of the eigenvalues of a product of
// covariances, its small terms are good to the rounding of the large ones.
Frechet frechet_distance(const Moments& a, const Moments& b);
Frechet frechet_distance(const Tensor& x, const Tensor& y);  // [n, d], [m, d]

}  // namespace imago::models
