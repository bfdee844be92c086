#include "models/measures/bounds.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/ops/ops.h"

namespace imago::models {

namespace {

// Multiples of 4, so that each sample has its own blocks of the generator whatever the chunk.
constexpr Index chunk_rows = 1000;
constexpr Index importance_rows = 4000;  // decoded at once: stays in cache, and in memory for any K

double sum(const Tensor& x) {
  const std::vector<double> v = x.values();
  return std::accumulate(v.begin(), v.end(), 0.);
}

// log sum exp over values that arrive in parts.
struct LogSumExp {
  double max = -std::numeric_limits<double>::infinity(), sum = 0;
  void add(double x) {
    if (x == -std::numeric_limits<double>::infinity()) return;
    if (x > max) {
      sum *= std::exp(max - x);
      max = x;
    }
    sum += std::exp(x - max);
  }
  double value() const { return max + std::log(sum); }
};

class Pass {
 public:
  Pass(LatentVariableModel& model, const data::DataSet& data, const data::Split& split,
       const MeasureOptions& o)
      : model_(model),
        data_(data),
        split_(split),
        o_(o),
        n_(o.limit > 0 ? std::min(o.limit, split.size()) : split.size()) {}

  Index count() const { return n_; }
  bool stopped() const { return stopped_; }
  Tensor x(Index first, Index last) const { return rows(data_, split_, first, last, o_.seed); }
  void done(double share) {
    if (o_.progress) o_.progress(share);
    stopped_ = stopped_ || (o_.stop && o_.stop());
  }

  struct Parts {
    double distortion = 0, rate = 0;
  };
  Parts parts() {
    Generator g{o_.seed, evaluation_draws};
    Parts total;
    for (Index i = 0; i < n_ && !stopped_; i += chunk_rows) {
      const auto [distortion, rate] = model_.parts(x(i, std::min(i + chunk_rows, n_)), 1, g);
      total.distortion += sum(distortion);
      if (rate) total.rate += sum(rate);
      done(0);
    }
    return {total.distortion / double(n_), total.rate / double(n_)};
  }

  // Mean over x of log 1/K sum_k p(x, z_k) / q(z_k|x).
  double importance(Index samples, std::uint64_t draws) {
    Generator g{o_.seed, draws};
    const Index k = std::min(samples, importance_rows / 4), images = importance_rows / k / 4 * 4;
    double total = 0;
    for (Index i = 0; i < n_ && !stopped_; i += images) {
      const Tensor x = this->x(i, std::min(i + images, n_));
      std::vector<LogSumExp> sums(std::size_t(x.size(0)));
      for (Index at = 0; at < samples && !stopped_; at += k) {
        const Index some = std::min(k, samples - at);
        const std::vector<double> log_weights = model_.log_weights(x, some, g).values();
        for (std::size_t j = 0; j < log_weights.size(); j++)
          sums[j / std::size_t(some)].add(log_weights[j]);
        done((double(i) + double(x.size(0)) * double(at + some) / double(samples)) / double(n_));
      }
      for (const LogSumExp& s : sums) total += s.value() - std::log(double(samples));
    }
    return total / double(n_);
  }

  double squared_error() {
    double total = 0, elements = 0;
    for (Index i = 0; i < n_ && !stopped_; i += chunk_rows) {
      const Tensor x = this->x(i, std::min(i + chunk_rows, n_));
      total += sum(ops::sum(
          ops::square(x - model_.likelihood.mean(model_.decode(model_.encode(x).mu))), {1}));
      elements += double(x.numel());
      done(0);
    }
    return total / elements;
  }

 private:
  LatentVariableModel& model_;
  const data::DataSet& data_;
  const data::Split& split_;
  const MeasureOptions& o_;
  Index n_;
  bool stopped_ = false;
};

}  // namespace

std::vector<std::string> metric_names(const LatentVariableModel& model) {
  if (model.options().bound == Bound::reconstruction) return {"distortion", "mse"};
  return {"elbo", "rate", "distortion", "iwae", "nll", "mse"};
}
std::vector<std::string> default_metrics(const LatentVariableModel& model) {
  switch (model.options().bound) {
    case Bound::reconstruction: return {"distortion", "mse"};
    case Bound::elbo: return {"elbo", "rate", "distortion"};
    case Bound::iwae: return {"elbo", "rate", "distortion", "iwae"};
  }
  return {};
}

training::Figures measure(LatentVariableModel& model, const data::DataSet& data,
                          const data::Split& split, const MeasureOptions& o) {
  const std::vector<std::string> wanted =
      checked_metrics(o.metrics, default_metrics(model), metric_names(model));
  if (!split) throw Error(ErrorKind::data, {"the split is empty", data.name, "samples", "none"});
  if (o.samples < 1)
    throw Error(ErrorKind::usage, {"samples out of range", {}, "at least 1", concat(o.samples)});

  const NoGrad no_grad;
  Pass pass(model, data, split, o);
  const auto wants = [&](const char* m) {
    return std::find(wanted.begin(), wanted.end(), m) != wanted.end();
  };
  training::Figures all;
  if (wants("elbo") || wants("rate") || wants("distortion")) {
    const auto [distortion, rate] = pass.parts();
    all = {{"elbo", -distortion - rate}, {"rate", rate}, {"distortion", distortion}};
  }
  if (wants("iwae"))
    all.emplace_back("iwae", pass.importance(model.options().samples, evaluation_draws));
  if (wants("nll")) all.emplace_back("nll", -pass.importance(o.samples, importance_draws));
  if (wants("mse")) all.emplace_back("mse", pass.squared_error());
  if (pass.stopped()) return {};
  pass.done(1);
  training::Figures figures;
  for (const std::string& m : wanted) figures.emplace_back(m, training::figure(all, m));
  return figures;
}

}  // namespace imago::models
