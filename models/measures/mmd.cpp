#include "models/measures/mmd.h"

#include <algorithm>
#include <cmath>

#include "engine/ops/ops.h"
#include "models/measures/distance_tiles.h"
#include "models/measures/pair_sums.h"

namespace imago::models {

double median_distance(const Tensor& x, const Tensor& y) {
  const NoGrad no_grad;
  const RowSet first(x, "MMD, first set"), second(y, "MMD, second set");
  check_pair(first, second);
  const Index n = first.count(), all = n + second.count(), some = std::min<Index>(1000, all);
  std::vector<Index> of_first, of_second;
  for (Index i = 0; i < some; i++) {
    const Index row = i * all / some;
    row < n ? of_first.push_back(row) : of_second.push_back(row - n);
  }
  const RowSet rows(ops::concat({first.rows(of_first), second.rows(of_second)}, 0), "MMD");
  const std::vector<double> squares = DistanceTiles(rows, rows).squared(0, some, 0, some).values();
  std::vector<double> pairs;
  for (Index i = 0; i < some; i++)
    pairs.insert(pairs.end(), squares.begin() + i * some, squares.begin() + i * some + i);
  const auto middle = pairs.begin() + std::ptrdiff_t(pairs.size() / 2);
  std::nth_element(pairs.begin(), middle, pairs.end());
  return std::sqrt(*middle);
}

std::optional<Mmd> mmd(const Tensor& x, const Tensor& y, const MmdOptions& o) {
  const NoGrad no_grad;
  const RowSet first(x, "MMD, first set"), second(y, "MMD, second set");
  check_pair(first, second);
  for (const RowSet* s : {&first, &second})
    if (s->count() < 2)
      throw Error(ErrorKind::usage,
                  {"no pairs to take the mean of", s->where(), "at least 2 rows", "1"});
  Mmd r;
  r.widths = o.widths;
  if (o.widths.empty()) {
    const double unit = median_distance(x, y);
    if (unit == 0)
      throw Error(ErrorKind::data, {"no width to choose", "MMD", "rows of which most differ",
                                    "a median distance of 0", "give widths"});
    for (const double factor : {.25, .5, 1., 2., 4.}) r.widths.push_back(factor * unit);
  }
  std::vector<PairTerm> terms;
  for (const double w : r.widths) {
    if (!(w > 0) || !std::isfinite(w))
      throw Error(ErrorKind::usage, {"wrong width of a kernel", "MMD", "above 0", concat(w)});
    if (o.kernel == MmdOptions::Kernel::gaussian)
      terms.push_back({PairKernel::gaussian, 1 / (2 * w * w)});
    else
      terms.push_back({PairKernel::inverse, 1 / (w * w)});
  }

  const double n = double(first.count()), m = double(second.count());
  double served = 0;
  const auto sum = [&](const RowSet& a, const RowSet& b, bool within) {
    const DistanceTiles tiles(a, b);
    return pair_sum(
        {a.count(), b.count(), within, a.device(),
         [&](Index i0, Index i1, Index j0, Index j1) { return tiles.squared(i0, i1, j0, j1); }},
        terms, [&](double pairs) {
          served += pairs;
          o.watch.done(std::min(1., served / (n * n + m * m + n * m)));
          return !o.watch.stopped();
        });
  };
  const auto xx = sum(first, first, true), yy = xx ? sum(second, second, true) : std::nullopt,
             xy = yy ? sum(first, second, false) : std::nullopt;
  if (!xy) return {};
  const double own = double(terms.size());  // k(x, x)
  r.squared = *xx / (n * (n - 1)) + *yy / (m * (m - 1)) - 2 * *xy / (n * m);
  r.biased = (*xx + n * own) / (n * n) + (*yy + m * own) / (m * m) - 2 * *xy / (n * m);
  return r;
}

}  // namespace imago::models
