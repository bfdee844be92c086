// Rows of features as a measure of pairs reads them: checked once, left where and as they are, and
// handed out in tiles of float64. Not here: measures, and rows copied to the host
// (models/measures/rows.h).
#pragma once
#include <string>
#include <vector>

#include "engine/core/tensor.h"

namespace imago::models {

class RowSet {
 public:
  // x: [n, d], n and d at least 1, any floating dtype and device; kept as it is or as that dtype.
  // Error (usage) for another shape
  // or dtype; Error (data) naming the first row that is not finite.
  RowSet(const Tensor& x, std::string where) : RowSet(x, std::move(where), x.dtype()) {}
  RowSet(const Tensor& x, std::string where, DType as);
  Index count() const { return x_.size(0); }
  Index width() const { return x_.size(1); }
  Device device() const { return x_.device(); }
  const Tensor& values() const { return x_; }
  const std::string& where() const { return where_; }
  // float64, on the device.
  Tensor tile(Index first, Index last) const;
  Tensor rows(const std::vector<Index>& index) const;
  Tensor mean() const;  // [d], float64

 private:
  Tensor x_;
  std::string where_;
};
// Error (usage) unless both have as many features and are on one device.
void check_pair(const RowSet& x, const RowSet& y);

}  // namespace imago::models
