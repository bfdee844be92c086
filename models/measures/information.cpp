#include "models/measures/information.h"

#include <algorithm>
#include <cmath>

#include "engine/ops/ops.h"
#include "models/measures/row_set.h"
#include "models/measures/rows.h"

namespace imago::models {

std::optional<MutualInformation> mutual_information(const Tensor& z, const Tensor& mu,
                                                    const Tensor& logvar, const Watch& watch) {
  constexpr double log_two_pi = 1.83787706640934548;
  const NoGrad no_grad;
  const RowSet codes(z, "codes", DType::f64), means(mu, "posterior means", DType::f64),
      widths(logvar, "posterior variances", DType::f64);
  if (z.shape() != mu.shape() || z.shape() != logvar.shape() || z.size(0) < 2)
    throw Error(ErrorKind::usage,
                {"wrong posteriors", "mutual information", "three of one shape, at least two rows",
                 concat(z.shape(), ", ", mu.shape(), " and ", logvar.shape())});
  const Index n = z.size(0), d = z.size(1), rows = std::clamp<Index>((1 << 20) / n, 1, n);
  // log q_j(z) = -1/2 sum (z^2 / v - 2 z m / v) + constant_j: two products.
  const Tensor precision = ops::exp(-widths.values()), scaled = means.values() * precision,
               constant = -.5 * ops::sum(means.values() * scaled + widths.values(), {1}) -
                          .5 * double(d) * log_two_pi;
  MutualInformation r;
  for (Index i = 0; i < n; i += rows) {
    if (watch.stopped()) return {};
    const Index last = std::min(i + rows, n), count = last - i;
    const Tensor some = codes.tile(i, last),
                 log_q = ops::matmul(some, scaled, false, true) -
                         .5 * ops::matmul(ops::square(some), precision, false, true) + constant;
    std::vector<std::int64_t> diagonal;
    for (Index k = i; k < last; k++) diagonal.push_back(k);
    const Tensor own =
        ops::gather(log_q, ops::reshape(Tensor::from(diagonal, {count}, z.device()), {count, 1}));
    const std::vector<double> of_own = own.values(), all = ops::logsumexp(log_q).values();
    const Tensor hidden = ops::where(
        ops::one_hot(Tensor::from(diagonal, {count}, z.device()), n, DType::f64),
        Tensor::full(Shape{}, -std::numeric_limits<double>::infinity(), DType::f64, z.device()),
        log_q);
    const std::vector<double> others = ops::logsumexp(hidden).values();
    for (std::size_t k = 0; k < all.size(); k++) {
      r.lower += (of_own[k] - all[k] + std::log(double(n))) / double(n);
      r.upper += (of_own[k] - others[k] + std::log(double(n - 1))) / double(n);
    }
    watch.done(double(last) / double(n));
  }
  check_finite(r.lower + r.upper, "mutual information");
  return r;
}

Index active_units(const Tensor& mu) {
  const NoGrad no_grad;
  const RowSet means(mu, "posterior means", DType::f64);
  if (mu.size(0) < 2)
    throw Error(ErrorKind::usage,
                {"too few codes for a variance", "active units", "at least 2", "1"});
  Index active = 0;
  for (const double v : ops::var(means.values(), {0}).values()) active += v > .01;
  return active;
}

}  // namespace imago::models
