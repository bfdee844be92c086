// Sums of kernels over all pairs of two sets of rows, a tile at a time. Not here: the figures made
// of them (models/measures/kid.h, models/measures/mmd.h).
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "engine/ops/pairs.h"

namespace imago::models {

struct PairTerm {
  PairKernel kind;
  double scale;
};
struct PairTiles {
  Index n, m;           // rows of the two sets
  bool within = false;  // they are one set: pairs i != j, of which half are computed
  Device device = {};
  // What the kernels are of, for rows [i0, i1) and [j0, j1): float64 [i1 - i0, j1 - j0].
  std::function<Tensor(Index i0, Index i1, Index j0, Index j1)> tile;
};
// The sum over pairs of the sum of the terms. go_on(pairs): told after each tile how many pairs it
// served; false: give up, there is no sum.
std::optional<double> pair_sum(const PairTiles& p, const std::vector<PairTerm>& terms,
                               const std::function<bool(double pairs)>& go_on);

}  // namespace imago::models
