// Squared distances between the rows of two sets, a tile at a time, for what is averaged over many
// of them. Not here: single distances that decide something (models/measures/manifold.cpp).
#pragma once
#include "models/measures/row_set.h"

namespace imago::models {

class DistanceTiles {
 public:
  // Both must outlive it.
  DistanceTiles(const RowSet& x, const RowSet& y);
  // float64 [i1 - i0, j1 - j0]. Of few features coordinate by coordinate, else by a product about
  // a common centre, which is off by rounding of the squared norms about it; at least 0.
  Tensor squared(Index i0, Index i1, Index j0, Index j1) const;

 private:
  const RowSet &x_, &y_;
  Tensor centre_;  // [d]
};

}  // namespace imago::models
