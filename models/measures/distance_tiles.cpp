#include "models/measures/distance_tiles.h"

#include "engine/ops/ops.h"
#include "models/measures/pairwise.h"

namespace imago::models {

DistanceTiles::DistanceTiles(const RowSet& x, const RowSet& y)
    : x_(x), y_(y), centre_((x.mean() + y.mean()) / 2) {}

Tensor DistanceTiles::squared(Index i0, Index i1, Index j0, Index j1) const {
  constexpr Index few = 16;  // features up to which a pass for each is no slower than the product
  const Tensor x = x_.tile(i0, i1) - centre_, y = y_.tile(j0, j1) - centre_;
  if (x_.width() > few) return squared_distances(x, y);
  Tensor sum;
  for (Index c = 0; c < x_.width(); c++) {
    const Tensor one = ops::square(ops::slice(x, 1, c, c + 1) -
                                   ops::reshape(ops::slice(y, 1, c, c + 1), {1, j1 - j0}));
    sum = sum ? sum + one : one;
  }
  return sum;
}

}  // namespace imago::models
