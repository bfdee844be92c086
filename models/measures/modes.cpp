#include "models/measures/modes.h"

#include <algorithm>
#include <limits>

#include "engine/data/generated.h"
#include "models/measures/rows.h"

namespace imago::models {

namespace {

struct Nearest {
  std::size_t mode;
  double square;  // of the distance to its mean
};
std::vector<Nearest> nearest(const Tensor& x, const data::Mixture& mixture, const char* where) {
  const std::vector<double> v = finite_rows(x, where);
  std::vector<Nearest> all;
  for (std::size_t i = 0; i < v.size(); i += 2) {
    Nearest n{0, std::numeric_limits<double>::infinity()};
    for (std::size_t k = 0; k < mixture.means.size() / 2; k++) {
      const double a = v[i] - mixture.means[2 * k], b = v[i + 1] - mixture.means[2 * k + 1];
      if (const double d = a * a + b * b; d < n.square) n = {k, d};
    }
    all.push_back(n);
  }
  return all;
}
data::Mixture checked_mixture(const std::string& set) {
  data::Mixture mixture = data::mixture(set);
  if (mixture.means.empty())
    throw Error(ErrorKind::usage, {"this data set has no modes to count", "metric 'modes'",
                                   "ring8 or grid25", set, "leave the metric out"});
  return mixture;
}

}  // namespace

Tensor nearest_modes(const Tensor& x, const std::string& set) {
  const data::Mixture mixture = checked_mixture(set);
  if (x.rank() != 2 || x.size(1) != 2)
    throw Error(ErrorKind::usage,
                {"wrong samples", "the modes of samples", "[N, 2]", concat(x.shape())});
  std::vector<std::int64_t> modes;
  for (const Nearest& n : nearest(x, mixture, "the modes of samples"))
    modes.push_back(std::int64_t(n.mode));
  return Tensor::from(modes, Shape{x.size(0)});
}

Modes count_modes(const Tensor& x, const std::string& set) {
  const data::Mixture mixture = checked_mixture(set);
  if (x.shape() != Shape{modes_samples, 2})
    throw Error(ErrorKind::usage, {"wrong samples", "metric 'modes'",
                                   concat(Shape{modes_samples, 2}), concat(x.shape())});
  const std::size_t total = mixture.means.size() / 2;
  const double reach = 9 * mixture.sigma * mixture.sigma;
  constexpr Index enough = 20;
  std::vector<Index> good(total);
  for (const Nearest& n : nearest(x, mixture, "metric 'modes'"))
    if (n.square <= reach) good[n.mode]++;
  Modes m{0, Index(total), 0};
  for (const Index n : good) {
    m.covered += n >= enough;
    m.high_quality += double(n) / double(modes_samples);
  }
  return m;
}

}  // namespace imago::models
