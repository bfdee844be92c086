// Mean and covariance of features that arrive in parts, in one pass, in float64. Not here: the
// distances made of them (models/measures/frechet.h) and their files
// (models/measures/statistics.h).
#pragma once
#include <string>
#include <vector>

#include "engine/core/tensor.h"

namespace imago::models {

// What is known of a set of features; float64 on the cpu.
struct Moments {
  Tensor mean, covariance;  // [d], [d, d] with divisor n - ddof
  // [n, d] with covariance = rows^T rows, where n <= d: more exact than the covariance then, which
  // is singular. Undefined elsewhere.
  Tensor rows = {};
  Index count = 0;  // n; 0: not known
};

struct MomentOptions {
  int ddof = 1;  // 0 or 1: the covariance's divisor is n - ddof
  // The mean is summed row after row in float32, as numpy.mean does with float32 features.
  bool float32_mean = false;
};

// Moments of rows that arrive in parts, of any sizes: they do not show. Memory d^2 for the sums and
// max(d + 1, 1024) d for rows that are not in them yet. 1 / 2 of the flops of a GEMM of the rows by
// themselves.
class MomentSum {
 public:
  explicit MomentSum(Index features, std::string where = "features", MomentOptions = {});
  // rows: [n, d], any floating dtype and device. Error (usage) for another shape; Error (data)
  // naming the first row that is not finite, counted over all parts.
  void add(const Tensor& rows);
  // What another worker has summed of other rows, with equal features and options: Error (usage)
  // otherwise. Equal to adding those rows here but for rounding.
  void merge(const MomentSum& other);
  Index count() const { return folded_ + waiting_; }
  Index features() const { return features_; }
  Moments moments() const;  // Error (data) for fewer than two rows

 private:
  template <class T>
  void add_rows(const T* rows, Index n);
  void fold_block();
  void fold_sums(Index n, const double* mean);  // of n rows whose scatter is in the sum already
  Index features_, folded_ = 0, waiting_ = 0;
  std::string where_;
  MomentOptions options_;
  std::vector<double> block_;  // rows not yet in the sums
  std::vector<double> mean_,
      scatter_;  // of the folded rows; of a symmetric matrix the lower triangle
  std::vector<float> sum32_;
};

}  // namespace imago::models
