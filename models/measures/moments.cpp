#include "models/measures/moments.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/linalg.h"

namespace imago::models {

namespace {

// The first row of x [n, d] that holds a value which is not finite; n where there is none.
template <class T>
Index first_bad_row(const T* x, Index n, Index d) {
  for (Index r = 0; r < n; r++) {
    int bad = 0;
    for (Index j = 0; j < d; j++)
      bad |= !(std::fabs(x[r * d + j]) <= std::numeric_limits<T>::max());
    if (bad) return r;
  }
  return n;
}

}  // namespace

MomentSum::MomentSum(Index features, std::string where, MomentOptions options)
    : features_(features), where_(std::move(where)), options_(options) {
  if (features < 1)
    throw Error(ErrorKind::usage, {"no features", where_, "at least one", concat(features)});
  if (options.ddof != 0 && options.ddof != 1)
    throw Error(ErrorKind::usage, {"wrong ddof", where_, "0 or 1", concat(options.ddof)});
  const auto d = std::size_t(features);
  mean_.resize(d);
  scatter_.resize(d * d);
  if (options.float32_mean) sum32_.resize(d);
}

void MomentSum::add(const Tensor& rows) {
  if (rows.rank() != 2 || rows.size(1) != features_ || !is_floating(rows.dtype()))
    throw Error(ErrorKind::usage,
                {"wrong features", where_, concat("[N, ", features_, "], floating"),
                 concat(rows.shape(), ", ", rows.dtype())});
  const Tensor x = rows.detach().to(cpu_device);
  if (x.dtype() == DType::f32)
    add_rows(x.data<float>(), x.size(0));
  else
    add_rows(x.data<double>(), x.size(0));
}

// Blocks of one size, whatever the parts; more rows than features are in them before any is folded.
template <class T>
void MomentSum::add_rows(const T* rows, Index n) {
  const Index d = features_;
  if (const Index bad = first_bad_row(rows, n, d); bad < n) {
    const T* row = rows + bad * d;
    const T* value = std::find_if(row, row + d, [](T v) { return !std::isfinite(v); });
    throw Error(ErrorKind::data, {concat("not a number in row ", count() + bad), where_,
                                  "finite values", concat(*value)});
  }
  if (options_.float32_mean)
    for (Index r = 0; r < n; r++)
      for (Index j = 0; j < d; j++) sum32_[std::size_t(j)] += float(rows[r * d + j]);
  const Index full = std::max<Index>(d + 1, 1024);
  block_.resize(std::size_t(full * d));
  for (Index at = 0; at < n;) {
    const Index some = std::min(full - waiting_, n - at);
    std::copy_n(rows + at * d, some * d, block_.data() + waiting_ * d);
    at += some;
    waiting_ += some;
    if (waiting_ == full) fold_block();
  }
}

void MomentSum::fold_block() {
  std::vector<double> mean(static_cast<std::size_t>(features_));
  linalg::add_centred_gram(waiting_, features_, block_.data(), mean.data(), scatter_.data());
  fold_sums(waiting_, mean.data());
  waiting_ = 0;
}
// Chan, Golub and LeVeque 1979.
void MomentSum::fold_sums(Index n, const double* mean) {
  const Index d = features_, all = folded_ + n;
  const double share = double(n) / double(all), weight = double(folded_) * share;
  std::vector<double> shift(static_cast<std::size_t>(d));
  for (Index i = 0; i < d; i++) shift[std::size_t(i)] = mean[i] - mean_[std::size_t(i)];
  for (Index i = 0; i < d; i++) {
    const double scaled = weight * shift[std::size_t(i)];
    double* row = scatter_.data() + i * d;
    for (Index j = 0; j <= i; j++) row[j] += scaled * shift[std::size_t(j)];
    mean_[std::size_t(i)] += share * shift[std::size_t(i)];
  }
  folded_ = all;
}

void MomentSum::merge(const MomentSum& other) {
  if (&other == this) return merge(MomentSum(other));
  if (other.features_ != features_ || other.options_.ddof != options_.ddof ||
      other.options_.float32_mean != options_.float32_mean)
    throw Error(ErrorKind::usage, {"sums that do not go together", where_,
                                   concat(features_, " features, ddof ", options_.ddof),
                                   concat(other.features_, " features, ddof ", other.options_.ddof,
                                          " of ", other.where_)});
  if (other.folded_ > 0) {
    const Index d = features_;
    for (Index i = 0; i < d; i++)
      for (Index j = 0; j <= i; j++)
        scatter_[std::size_t(i * d + j)] += other.scatter_[std::size_t(i * d + j)];
    fold_sums(other.folded_, other.mean_.data());
  }
  if (other.waiting_ > 0) {
    // Their float32 sums come with the others, not row by row.
    const std::vector<float> before = sum32_;
    add_rows(other.block_.data(), other.waiting_);
    sum32_ = before;
  }
  for (std::size_t j = 0; j < sum32_.size(); j++) sum32_[j] += other.sum32_[j];
}

Moments MomentSum::moments() const {
  const Index n = count(), d = features_;
  if (n < 2)
    throw Error(ErrorKind::data,
                {"too few samples for a covariance", where_, "at least 2", concat(n)});
  const double divisor = double(n - options_.ddof);
  Moments m;
  m.count = n;
  MomentSum whole(d, where_, options_);
  whole.folded_ = folded_;
  whole.mean_ = mean_;
  whole.scatter_ = scatter_;
  if (waiting_ > 0) {
    whole.block_.assign(block_.begin(), block_.begin() + waiting_ * d);
    whole.waiting_ = waiting_;
    whole.fold_block();
    if (n <= d) {
      const double root = std::sqrt(divisor);
      for (double& v : whole.block_) v /= root;
      m.rows = Tensor::from(whole.block_, {n, d});
    }
  }
  if (options_.float32_mean)
    for (Index j = 0; j < d; j++)
      whole.mean_[std::size_t(j)] = double(sum32_[std::size_t(j)] / float(n));
  m.mean = Tensor::from(whole.mean_, {d});
  m.covariance = Tensor::empty({d, d}, DType::f64);
  double* c = m.covariance.data<double>();
  for (Index i = 0; i < d; i++)
    for (Index j = 0; j <= i; j++)
      c[i * d + j] = c[j * d + i] = whole.scatter_[std::size_t(i * d + j)] / divisor;
  return m;
}

}  // namespace imago::models
