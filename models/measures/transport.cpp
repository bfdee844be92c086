#include "models/measures/transport.h"

#include <algorithm>
#include <cmath>

#include "engine/ops/ops.h"
#include "engine/ops/pairs.h"
#include "models/measures/distance_tiles.h"
#include "models/measures/rows.h"

namespace imago::models {

namespace {

void check_power(int power, const char* where) {
  if (power != 1 && power != 2)
    throw Error(ErrorKind::usage, {"unknown power", where, "1 or 2", concat(power)});
}

// The cost matrix of two sets, whole rows at a time: kept where it is small, else made again.
class Costs {
 public:
  Costs(const RowSet& x, const RowSet& y, int power, Index kept)
      : tiles_(x, y), n_(x.count()), m_(y.count()), power_(power) {
    if (n_ > kept / m_) return;
    std::vector<Tensor> parts;
    for_slabs([&](Index i0, Index i1) { parts.push_back(made(i0, i1)); });
    matrix_ = ops::concat(parts, 0);
  }
  // f(first, last) for slabs of rows, until it is false.
  template <class F>
  void for_slabs(F f) const {
    constexpr Index slab = 1 << 21;  // elements
    const Index rows = std::clamp<Index>(slab / m_, 1, n_);
    for (Index i = 0; i < n_; i += rows) f(i, std::min(i + rows, n_));
  }
  Tensor rows(Index i0, Index i1) const {  // [i1 - i0, m]
    return matrix_ ? ops::slice(matrix_, 0, i0, i1) : made(i0, i1);
  }
  Index count() const { return n_; }

 private:
  Tensor made(Index i0, Index i1) const {
    const Tensor squares = tiles_.squared(i0, i1, 0, m_);
    return power_ == 1 ? ops::sqrt(squares) : squares;
  }
  DistanceTiles tiles_;
  Index n_, m_;
  int power_;
  Tensor matrix_;
};

// Each slab's answer, one after another; nothing where stopped.
template <class F>
Tensor by_slabs(const Costs& c, const Watch& watch, F f) {
  std::vector<Tensor> parts;
  bool stopped = false;
  c.for_slabs([&](Index i0, Index i1) {
    stopped = stopped || watch.stopped();
    if (!stopped) parts.push_back(f(c.rows(i0, i1), i0, i1));
  });
  return stopped ? Tensor() : ops::concat(parts, 0);
}

}  // namespace

std::optional<Sinkhorn> sinkhorn(const Tensor& x, const Tensor& y, const SinkhornOptions& o) {
  constexpr const char* where = "Sinkhorn distance";
  const NoGrad no_grad;
  const RowSet first(x, "Sinkhorn distance, first set"), second(y, "Sinkhorn distance, second set");
  check_pair(first, second);
  check_power(o.power, where);
  if (!(o.epsilon > 0) || !(o.tolerance > 0) || o.iterations < 1)
    throw Error(ErrorKind::usage,
                {"options out of range", where, "epsilon, tolerance and iterations above 0",
                 concat(o.epsilon, ", ", o.tolerance, " and ", o.iterations)});
  const Costs rows(first, second, o.power, o.kept), columns(second, first, o.power, o.kept);

  const Tensor means = by_slabs(rows, o.watch,
                                [](const Tensor&c, Index, Index) { return ops::mean(c, {1}); }),
               most = means
                          ? by_slabs(rows, o.watch,
                                     [](const Tensor&c, Index, Index) { return ops::max(c, {1}); })
                          : Tensor();
  if (!most) return {};
  const double mean = ops::mean(means).item();
  check_finite(mean, where);
  if (mean == 0) {  // all rows of both sets are the same
    o.watch.done(1);
    return Sinkhorn{.converged = true};
  }
  Sinkhorn r;
  r.epsilon = o.epsilon * mean;
  // The potentials of a large epsilon are near those of the next smaller one: each halving needs
  // few iterations, the small epsilon at once would need very many.
  std::vector<double> levels{r.epsilon};
  while (levels.back() < ops::max(most).item()) levels.push_back(2 * levels.back());
  std::reverse(levels.begin(), levels.end());
  Tensor f = Tensor::zeros({rows.count()}, DType::f64, first.device()), g;
  for (std::size_t level = 0; level < levels.size(); level++) {
    const bool last = level + 1 == levels.size();
    const double epsilon = levels[level], enough = last ? o.tolerance : .05;
    const Index limit = last ? o.iterations : 100;
    for (Index i = 0; i < limit; i++) {
      g = by_slabs(columns, o.watch,
                   [&](const Tensor& c, Index, Index) { return pairs::soft_min(c, f, epsilon); });
      if (!g) return {};
      const Tensor next = by_slabs(rows, o.watch, [&](const Tensor& c, Index, Index) {
        return pairs::soft_min(c, g, epsilon);
      });
      if (!next) return {};
      r.iterations++;
      // With f and g the columns of the plan are right, and row i has exp((f - next) / epsilon)
      // times its weight.
      r.error = ops::mean(ops::abs(ops::expm1((f - next) / epsilon))).item();
      r.converged = last && r.error <= enough;
      if (r.error <= enough || (last && i + 1 == limit)) break;
      f = next;
    }
    o.watch.done(double(level + 1) / double(levels.size() + 1));
  }
  const Tensor work = by_slabs(rows, o.watch, [&](const Tensor& c, Index i0, Index i1) {
    return pairs::plan_cost(c, ops::slice(f, 0, i0, i1), g, r.epsilon);
  });
  if (!work) return {};
  const double cost = ops::mean(work).item();
  r.distance = o.power == 1 ? cost : std::sqrt(cost);
  o.watch.done(1);
  return r;
}

namespace {

// Integral over the quantiles of |a - b|^power; both rise. Steps end at (i + 1) / n and (j + 1) /
// m.
double on_a_line(const std::vector<double>& a, const std::vector<double>& b, int power) {
  const std::size_t n = a.size(), m = b.size();
  double sum = 0;
  for (std::size_t i = 0, j = 0, at = 0; i < n;) {
    const std::size_t next = std::min((i + 1) * m, (j + 1) * n);
    const double e = std::fabs(a[i] - b[j]);
    sum += double(next - at) * (power == 1 ? e : e * e);
    at = next;
    i += at == (i + 1) * m;
    j += at == (j + 1) * n;
  }
  return sum / double(n) / double(m);
}

}  // namespace

std::optional<Sliced> sliced_wasserstein(const Tensor& x, const Tensor& y, const SlicedOptions& o) {
  constexpr const char* where = "sliced Wasserstein distance";
  constexpr Index at_once = 32, block = 4096;  // directions, rows
  const NoGrad no_grad;
  const RowSet sets[] = {{x, "sliced Wasserstein distance, first set"},
                         {y, "sliced Wasserstein distance, second set"}};
  check_pair(sets[0], sets[1]);
  check_power(o.power, where);
  if (o.directions < 2)
    throw Error(ErrorKind::usage,
                {"too few directions", where, "at least 2", concat(o.directions)});
  Generator g{o.seed};
  std::vector<double> costs;
  for (Index first = 0; first < o.directions; first += at_once) {
    const Index count = std::min(at_once, o.directions - first);
    const Tensor normals = ops::randn({count, sets[0].width()}, g, DType::f64, sets[0].device()),
                 directions = normals / ops::sqrt(ops::sum(ops::square(normals), {1}, true));
    std::vector<double> sorted[2][at_once];
    for (int s : {0, 1})
      for (Index i = 0; i < sets[s].count(); i += block) {
        if (o.watch.stopped()) return {};
        const Index rows = std::min(block, sets[s].count() - i);
        const std::vector<double> v =
            ops::matmul(directions, sets[s].tile(i, i + rows), false, true).values();
        for (Index k = 0; k < count; k++)
          sorted[s][k].insert(sorted[s][k].end(), v.begin() + k * rows, v.begin() + (k + 1) * rows);
      }
    std::vector<double> some(static_cast<std::size_t>(count));
#pragma omp parallel for schedule(dynamic, 1)
    for (Index k = 0; k < count; k++) {
      for (auto& of_set : sorted) std::sort(of_set[k].begin(), of_set[k].end());
      some[std::size_t(k)] = on_a_line(sorted[0][k], sorted[1][k], o.power);
    }
    costs.insert(costs.end(), some.begin(), some.end());
    o.watch.done(double(first + count) / double(o.directions));
  }
  const double n = double(costs.size());
  double mean = 0, squares = 0;
  for (const double c : costs) mean += c / n;
  for (const double c : costs) squares += (c - mean) * (c - mean);
  const double error = std::sqrt(squares / (n - 1) / n);
  check_finite(mean + error, where);
  Sliced r{mean, error};
  if (o.power == 2) {
    r.distance = std::sqrt(mean);
    r.error = mean > 0 ? error / (2 * r.distance) : 0;
  }
  return r;
}

}  // namespace imago::models
