#include "models/measures/bounds.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/ops/ops.h"
#include "models/measures/annealing.h"
#include "models/measures/information.h"

namespace imago::models {

namespace {

// Multiples of 4, so that each sample has its own blocks of the generator whatever the chunk.
constexpr Index chunk_rows = 1000;
constexpr Index importance_rows = 4000;  // decoded at once: stays in cache, and in memory for any K
// Where each chunk of an annealing draws, in blocks: no other chunk gets so far.
constexpr std::uint64_t chunk_draws = std::uint64_t(1) << 40;

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

  // Mean over x of the annealed log p(x).
  double annealed() {
    const AnnealingOptions o{.chains = o_.chains, .temperatures = o_.temperatures};
    const Index images = std::max<Index>(4, importance_rows / o_.chains / 4 * 4);
    double total = 0;
    for (Index i = 0; i < n_ && !stopped_; i += images) {
      const Tensor x = this->x(i, std::min(i + images, n_));
      AnnealingOptions chunk = o;
      chunk.watch = {
          [&](double share) { done((double(i) + double(x.size(0)) * share) / double(n_)); },
          [this] { return stopped_; }};
      Generator g{o_.seed,
                  annealing_draws + std::uint64_t(i) / std::uint64_t(images) * chunk_draws};
      const auto a = annealed_log_p(model_, x, chunk, g);
      if (!a) break;
      total += std::accumulate(a->log_p.begin(), a->log_p.end(), 0.);
    }
    return total / double(n_);
  }

  struct Codes {
    Tensor z, mu, logvar;  // [n, d], on the cpu; not defined where stopped
  };
  Codes codes() {
    Generator g{o_.seed, evaluation_draws};
    std::vector<Tensor> z, mu, logvar;
    for (Index i = 0; i < n_; i += chunk_rows) {
      const auto q = model_.encode(x(i, std::min(i + chunk_rows, n_)));
      z.push_back(ops::reparameterize(q.mu, q.logvar, g).to(cpu_device));
      mu.push_back(q.mu.to(cpu_device));
      logvar.push_back(q.logvar.to(cpu_device));
      done(0);
      if (stopped_) return {};
    }
    return {ops::concat(z, 0), ops::concat(mu, 0), ops::concat(logvar, 0)};
  }
  // A watch for a measure that this pass waits for.
  Watch watch() {
    return {[this](double share) { done(share); }, [this] { return stopped_; }};
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
  return {"elbo", "rate",     "distortion", "iwae",         "nll",
          "ais",  "mi_lower", "mi_upper",   "active_units", "mse"};
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
  for (const auto& [name, value] : {std::pair{"samples", o.samples}, {"chains", o.chains}})
    if (value < 1)
      throw Error(ErrorKind::usage,
                  {concat(name, " out of range"), {}, "at least 1", concat(value)});

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
  if (wants("ais")) all.emplace_back("ais", -pass.annealed());
  if (wants("mi_lower") || wants("mi_upper") || wants("active_units")) {
    const auto [z, mu, logvar] = pass.codes();
    if (!z) return {};
    if (wants("active_units")) all.emplace_back("active_units", double(active_units(mu)));
    if (wants("mi_lower") || wants("mi_upper")) {
      const auto mi = mutual_information(z, mu, logvar, pass.watch());
      if (!mi) return {};
      all.emplace_back("mi_lower", mi->lower);
      all.emplace_back("mi_upper", mi->upper);
    }
  }
  if (wants("mse")) all.emplace_back("mse", pass.squared_error());
  if (pass.stopped()) return {};
  pass.done(1);
  training::Figures figures;
  for (const std::string& m : wanted) figures.emplace_back(m, training::figure(all, m));
  return figures;
}

}  // namespace imago::models
