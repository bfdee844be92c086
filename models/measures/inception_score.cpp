#include "models/measures/inception_score.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/ops/ops.h"
#include "models/measures/numpy_random.h"
#include "models/measures/row_set.h"

namespace imago::models {

namespace {

constexpr Index block = 1024;  // rows at once

// p log p of the rows, and p; 0 log 0 is 0.
struct Terms {
  Tensor p, p_log_p;
};
Terms terms(const Tensor& y, bool probabilities) {
  if (!probabilities) {
    const Tensor log_p = ops::log_softmax(y), p = ops::exp(log_p);
    return {p, p * log_p};
  }
  const Tensor none = ops::equal(y, Tensor::zeros(Shape{}, DType::f64, y.device()));
  return {y, y * ops::log(y + none)};
}

void check_probabilities(const RowSet& y) {
  for (Index first = 0; first < y.count(); first += block) {
    const Tensor p = y.tile(first, std::min(first + block, y.count()));
    const std::vector<double> sums = ops::sum(p, {1}).values(), least = ops::min(p, {1}).values();
    for (std::size_t i = 0; i < sums.size(); i++)
      if (least[i] < 0 || std::fabs(sums[i] - 1) > 1e-3)
        throw Error(ErrorKind::data, {concat("no probabilities in row ", first + Index(i)),
                                      y.where(), "values of 0 or more whose sum is 1",
                                      least[i] < 0 ? concat(least[i]) : concat("sum ", sums[i])});
  }
}

}  // namespace

std::optional<InceptionScore> inception_score(const Tensor& y, const InceptionScoreOptions& o) {
  const NoGrad no_grad;
  const RowSet rows(y, o.where);
  const Index n = rows.count();
  if (o.splits < 1)
    throw Error(ErrorKind::usage,
                {"no splits to take the mean of", o.where, "at least 1", concat(o.splits)});
  if (o.splits > n)
    throw Error(ErrorKind::usage, {"fewer samples than splits of the inception score", o.where,
                                   concat("at least ", o.splits), concat(n), "give more samples"});
  if (o.probabilities) check_probabilities(rows);
  std::vector<Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  if (o.shuffle) order = NumpyRandom(*o.shuffle).permutation(n);

  std::vector<double> scores;
  for (Index split = 0; split < o.splits; split++) {
    const Index begin = split * n / o.splits, end = (split + 1) * n / o.splits;
    Tensor mean = Tensor::zeros({rows.width()}, DType::f64, rows.device()),
           own = Tensor::zeros({}, DType::f64, rows.device());
    for (Index first = begin; first < end; first += block) {
      if (o.watch.stopped()) return {};
      const Index last = std::min(first + block, end);
      const auto [p, p_log_p] =
          terms(rows.rows({order.begin() + first, order.begin() + last}), o.probabilities);
      mean = mean + ops::sum(p, {0});
      own = own + ops::sum(p_log_p);
      o.watch.done(double(last) / double(n));
    }
    // E_x sum p log p - sum q log q with q = E_x p is the mean divergence.
    const double size = double(end - begin);
    double divergence = own.item() / size;
    for (const double sum : mean.values())
      if (sum > 0) divergence -= sum / size * std::log(sum / size);
    scores.push_back(std::exp(divergence));
  }
  InceptionScore s;
  for (const double v : scores) s.mean += v / double(o.splits);
  for (const double v : scores) s.std += (v - s.mean) * (v - s.mean) / double(o.splits);
  s.std = std::sqrt(s.std);
  return s;
}

}  // namespace imago::models
