#include "models/modes.h"

#include <algorithm>
#include <limits>

#include "engine/data/generated.h"
#include "models/rows.h"

namespace imago::models {

Modes count_modes(const Tensor& x, const std::string& set) {
  const data::Mixture mixture = data::mixture(set);
  if (mixture.means.empty())
    throw Error(ErrorKind::usage, {"this data set has no modes to count", "metric 'modes'",
                                   "ring8 or grid25", set, "leave the metric out"});
  if (x.shape() != Shape{modes_samples, 2})
    throw Error(ErrorKind::usage, {"wrong samples", "metric 'modes'",
                                   concat(Shape{modes_samples, 2}), concat(x.shape())});
  const std::vector<double> v = finite_rows(x, "metric 'modes'");
  const std::size_t total = mixture.means.size() / 2;
  const double reach = 9 * mixture.sigma * mixture.sigma;
  constexpr Index enough = 20;
  std::vector<Index> good(total);
  for (std::size_t i = 0; i < v.size(); i += 2) {
    std::size_t nearest = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < total; k++) {
      const double a = v[i] - mixture.means[2 * k], b = v[i + 1] - mixture.means[2 * k + 1];
      if (const double d = a * a + b * b; d < least) least = d, nearest = k;
    }
    if (least <= reach) good[nearest]++;
  }
  Modes m{0, Index(total), 0};
  for (const Index n : good) {
    m.covered += n >= enough;
    m.high_quality += double(n) / double(modes_samples);
  }
  return m;
}

}  // namespace imago::models
