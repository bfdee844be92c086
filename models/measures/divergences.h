// Divergences of two densities given on the cells of a grid. Not here: the densities of samples.
#pragma once
#include "engine/core/tensor.h"

namespace imago::models {

struct Divergences {
  double kl = 0;          // KL(p || q), nats; infinite where q is 0 and p is not
  double reverse_kl = 0;  // KL(q || p)
  double js = 0;          // Jensen-Shannon: at most log 2
};
// log_p, log_q: of one shape, the logarithms of the densities in cells of one size, up to a
// constant each: both are normalised over the grid. -inf is a density of 0. Error (usage) for
// different shapes or none; Error (data) naming the first cell that is NaN or +inf, and where a
// density is 0 everywhere.
Divergences divergences(const Tensor& log_p, const Tensor& log_q);

}  // namespace imago::models
