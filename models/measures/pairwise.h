// What is measured between all pairs of two sets of rows: distances, cosines, the maximum mean
// discrepancy. Here as matrices [n, m], for the batches of training. Not here: losses of models.
#pragma once
#include <functional>

#include "engine/core/tensor.h"

namespace imago::models {

// Euclidean norms of the rows of x [n, ...]: [n]. The derivative of a norm at 0 is 0.
Tensor row_norms(const Tensor& x);
// |x_i - y_j|^2 of rows [n, D] and [m, D]: [n, m], at least 0.
Tensor squared_distances(const Tensor& x, const Tensor& y);
// The mean of a square matrix over i != j. Error (usage) where it has fewer than two rows.
Tensor off_diagonal_mean(const Tensor& k);
// The unbiased estimate of MMD^2 under a kernel, given as its matrix of two sets of rows (Gretton
// et al. 2012, equation 3). It may be negative.
using KernelMatrix = std::function<Tensor(const Tensor& x, const Tensor& y)>;
Tensor mmd2(const KernelMatrix& kernel, const Tensor& x, const Tensor& y);
// The mean over i != j of the squared cosine of the angle between rows i and j of x [n, D]: the
// pulling-away term of Zhao et al. 2017, equation 4.
Tensor pulling_away(const Tensor& x);

}  // namespace imago::models
