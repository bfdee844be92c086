#include "models/measures/kid.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/ops/ops.h"
#include "models/measures/numpy_random.h"
#include "models/measures/pair_sums.h"
#include "models/measures/row_set.h"
#include "models/measures/rows.h"

namespace imago::models {

std::optional<Kid> kid(const Tensor& x, const Tensor& y, const KidOptions& o) {
  const NoGrad no_grad;
  const RowSet sets[] = {{x, o.first}, {y, o.second}};
  check_pair(sets[0], sets[1]);
  const Index size = o.subset_size, d = sets[0].width();
  if (o.subsets < 1)
    throw Error(ErrorKind::usage,
                {"no subsets to take the mean of", "KID", "at least 1", concat(o.subsets)});
  if (size < 2)
    throw Error(ErrorKind::usage,
                {"no pairs in a subset", "KID", "a size of at least 2", concat(size)});
  for (const RowSet& s : sets)
    if (size > s.count())
      throw Error(ErrorKind::usage,
                  {"fewer rows than a subset", s.where(), concat("at least ", size),
                   concat(s.count()), "give more samples or take smaller subsets"});

  const double of_subset = 2. * double(size) * double(size) + double(size) * double(size);
  double pairs = 0;
  const auto go_on = [&](double some) {
    pairs += some;
    o.watch.done(std::min(1., pairs / of_subset / double(o.subsets)));
    return !o.watch.stopped();
  };
  const auto sum = [&](const Tensor& a, const Tensor& b, bool within) {
    const PairTiles tiles{
        size, size, within, a.device(), [&](Index i0, Index i1, Index j0, Index j1) {
          return ops::matmul(ops::slice(a, 0, i0, i1), ops::slice(b, 0, j0, j1), false, true);
        }};
    return pair_sum(tiles, {{PairKernel::cubic, 1 / double(d)}}, go_on);
  };

  NumpyRandom random(o.seed);
  std::vector<double> distances;
  Kid k;
  const double others = double(size) * double(size - 1), all = double(size) * double(size);
  for (Index i = 0; i < o.subsets; i++) {
    const Tensor a = sets[0].rows(random.choice(sets[0].count(), size)),
                 b = sets[1].rows(random.choice(sets[1].count(), size));
    const auto aa = sum(a, a, true), bb = aa ? sum(b, b, true) : std::nullopt,
               ab = bb ? sum(a, b, false) : std::nullopt;
    if (!ab) return {};
    distances.push_back((*aa + *bb) / others - 2 * *ab / all);
    k.mean_kernel += ((*aa + *bb) / others + *ab / all) / 3 / double(o.subsets);
  }
  for (const double v : distances) k.mean += v / double(o.subsets);
  for (const double v : distances) k.std += (v - k.mean) * (v - k.mean) / double(o.subsets);
  k.std = std::sqrt(k.std);
  check_finite(k.mean + k.std, "KID");
  return k;
}

}  // namespace imago::models
