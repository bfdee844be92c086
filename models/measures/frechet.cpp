#include "models/measures/frechet.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/ops/linalg.h"
#include "engine/ops/ops.h"
#include "models/measures/rows.h"

namespace imago::models {

namespace {

double sum(const Tensor& x) {
  const std::vector<double> v = x.values();
  return std::accumulate(v.begin(), v.end(), 0.);
}
std::vector<double> diagonal(const Tensor& square) {
  const std::vector<double> v = square.values();
  std::vector<double> d;
  for (std::size_t i = 0; i < v.size(); i += std::size_t(square.size(0)) + 1) d.push_back(v[i]);
  return d;
}

struct Factor {
  Tensor f;  // [k, d], covariance = f^T f
  std::string method;
};
Factor factor(const Moments& m) {
  if (m.rows.defined()) return {m.rows, "samples"};
  const Index d = m.covariance.size(0);
  const std::vector<double> variances = diagonal(m.covariance);
  const double rounding = double(d) * std::numeric_limits<double>::epsilon();
  if (const auto l = linalg::cholesky(m.covariance)) {
    const std::vector<double> pivots = diagonal(*l);
    const double least = *std::min_element(pivots.begin(), pivots.end()),
                 most = *std::max_element(variances.begin(), variances.end());
    if (least * least > rounding * most) return {ops::transpose(*l, 0, 1), "cholesky"};
  }
  // Directions without variance have eigenvalues that are rounding, and their roots would not be
  // small.
  const linalg::Eigen e = linalg::symmetric_eigen(m.covariance);
  std::vector<double> roots = e.values.values();
  const double most = roots.back();
  for (double& w : roots) w = w > rounding * most ? std::sqrt(w) : 0;
  return {e.vectors * Tensor::from(roots, {d, 1}), "eigen"};
}

}  // namespace

MomentSum::MomentSum(Index features, std::string where)
    : features_(features), where_(std::move(where)) {
  if (features < 1)
    throw Error(ErrorKind::usage, {"no features", where_, "at least one", concat(features)});
  mean_ = Tensor::zeros({features}, DType::f64);
  scatter_ = Tensor::zeros({features, features}, DType::f64);
}

void MomentSum::add(const Tensor& rows) {
  const NoGrad no_grad;
  const std::vector<double> v = finite_rows(rows, where_, count());
  if (rows.size(1) != features_)
    throw Error(ErrorKind::usage,
                {"wrong features", where_, concat("[N, ", features_, "]"), concat(rows.shape())});
  // Blocks of one size, whatever the parts; more rows than features are in them before any is
  // folded.
  const auto d = std::size_t(features_), full = std::max<std::size_t>(d + 1, 1024) * d;
  for (std::size_t at = 0; at < v.size();) {
    const std::size_t n = std::min(full - block_.size(), v.size() - at);
    block_.insert(block_.end(), v.begin() + std::ptrdiff_t(at), v.begin() + std::ptrdiff_t(at + n));
    at += n;
    if (block_.size() < full) break;
    const Tensor x = Tensor::from(block_, {Index(full / d), features_}), mean = ops::mean(x, {0});
    fold(x - mean, mean);
    block_.clear();
  }
}

// Chan, Golub and LeVeque 1979.
void MomentSum::fold(const Tensor& centred, const Tensor& mean) {
  const Index n = centred.size(0), all = folded_ + n;
  const Tensor shift = ops::reshape(mean - mean_, {1, features_});
  scatter_ = scatter_ + ops::matmul(centred, centred, true) +
             ops::matmul(shift, shift, true) * (double(folded_) * double(n) / double(all));
  mean_ = mean_ + ops::reshape(shift, {features_}) * (double(n) / double(all));
  folded_ = all;
}

Moments MomentSum::moments() const {
  const NoGrad no_grad;
  const Index n = count();
  if (n < 2)
    throw Error(ErrorKind::data,
                {"too few samples for a covariance", where_, "at least 2", concat(n)});
  MomentSum whole = *this;
  Tensor rows;
  if (!block_.empty()) {
    const Tensor x = Tensor::from(block_, {n - folded_, features_}), mean = ops::mean(x, {0});
    rows = x - mean;
    whole.fold(rows, mean);
  }
  const double divisor = double(n - 1);
  return {whole.mean_, whole.scatter_ / divisor,
          n <= features_ ? rows / std::sqrt(divisor) : Tensor()};
}

Frechet frechet_distance(const Moments& a, const Moments& b) {
  const NoGrad no_grad;
  if (a.mean.shape() != b.mean.shape())
    throw Error(ErrorKind::usage, {"the numbers of features differ", "Frechet distance",
                                   concat(a.mean.numel()), concat(b.mean.numel())});
  const Factor fa = factor(a), fb = factor(b);
  double traces = 0;
  for (const Moments* m : {&a, &b})
    for (const double v : diagonal(m->covariance)) traces += v;
  const double root = sum(linalg::singular_values(ops::matmul(fa.f, fb.f, false, true)));
  return {sum(ops::square(a.mean - b.mean)) + traces - 2 * root,
          fa.method == fb.method ? fa.method : fa.method + ", " + fb.method};
}

Frechet frechet_distance(const Tensor& x, const Tensor& y) {
  const auto moments = [](const Tensor& t, const char* where) {
    if (t.rank() != 2)
      throw Error(ErrorKind::usage, {"wrong features", where, "[N, D]", concat(t.shape())});
    MomentSum s(t.size(1), where);
    s.add(t);
    return s.moments();
  };
  return frechet_distance(moments(x, "the first features"), moments(y, "the second features"));
}

}  // namespace imago::models
