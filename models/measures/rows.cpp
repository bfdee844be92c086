#include "models/measures/rows.h"

#include <algorithm>
#include <cmath>

namespace imago::models {

std::vector<double> finite_rows(const Tensor& x, const std::string& where, Index first) {
  if (x.rank() != 2)
    throw Error(ErrorKind::usage, {"wrong samples", where, "[N, D]", concat(x.shape())});
  std::vector<double> v = x.values();
  const auto bad = std::find_if(v.begin(), v.end(), [](double a) { return !std::isfinite(a); });
  if (bad != v.end())
    throw Error(ErrorKind::data,
                {concat("not a number in row ", first + (bad - v.begin()) / x.size(1)), where,
                 "finite values", concat(*bad)});
  return v;
}

void check_finite(double figure, const std::string& where) {
  if (!std::isfinite(figure))
    throw Error(ErrorKind::data, {"features are too far out", where, "a finite figure",
                                  concat(figure), "divide them by a constant"});
}

}  // namespace imago::models
