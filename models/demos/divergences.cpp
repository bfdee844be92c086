#include <algorithm>
#include <cmath>

#include "engine/ops/ops.h"
#include "engine/optim/optimizer.h"
#include "engine/random/host.h"
#include "models/demos/demos.h"

namespace imago::models {

namespace {

constexpr Index starts = 8, points = 801;
constexpr double reach = 10, cell = 2 * reach / (points - 1);
constexpr double centre = 2;
constexpr double half_log_2pi = .9189385332046727;

// log N(x; mean, sigma^2) and its distribution function, of rows of means and sigmas.
Tensor log_normal(const Tensor& x, const Tensor& mean, const Tensor& log_sigma) {
  return ops::square((x - mean) * ops::exp(-log_sigma)) * -.5 - log_sigma - half_log_2pi;
}
Tensor below(const Tensor& x, const Tensor& mean, const Tensor& log_sigma) {
  return (ops::erf((x - mean) * ops::exp(-log_sigma) * M_SQRT1_2) + 1) * .5;
}
Tensor log_sum(const Tensor& a, const Tensor& b) {
  const Tensor most = ops::maximum(a, b).detach();
  return most + ops::log(ops::exp(a - most) + ops::exp(b - most));
}
Tensor value(double v) { return Tensor::full({1, 1}, v, DType::f64); }
// Sums over the grid: what is integrated vanishes at its ends.
Tensor integral(const Tensor& f) { return ops::sum(f, {1}) * cell; }

class Target {
 public:
  Target() {
    std::vector<double> v(points);
    for (Index i = 0; i < points; i++) v[std::size_t(i)] = double(i) * cell - reach;
    x = Tensor::from(v, {1, points});
    log_p = log_sum(log_normal(x, value(-centre), value(std::log(.6))) + std::log(.65),
                    log_normal(x, value(centre), value(std::log(.6))) + std::log(.35));
    below_p = below(x, value(-centre), value(std::log(.6))) * .65 +
              below(x, value(centre), value(std::log(.6))) * .35;
  }
  Tensor x, log_p, below_p;  // [1, points]
};

struct Fit {
  Tensor mean, log_sigma;  // [starts, 1]
};
// Each: one value for every row of the fit.
Tensor forward_kl(const Target& t, const Fit& q) {
  return integral(ops::exp(t.log_p) * (t.log_p - log_normal(t.x, q.mean, q.log_sigma)));
}
Tensor reverse_kl(const Target& t, const Fit& q) {
  const Tensor log_q = log_normal(t.x, q.mean, q.log_sigma);
  return integral(ops::exp(log_q) * (log_q - t.log_p));
}
Tensor jensen_shannon(const Target& t, const Fit& q) {
  const Tensor log_q = log_normal(t.x, q.mean, q.log_sigma),
               log_m = log_sum(t.log_p, log_q) - M_LN2;
  return integral(ops::exp(t.log_p) * (t.log_p - log_m) + ops::exp(log_q) * (log_q - log_m)) * .5;
}
// On a line W1 is the area between the distribution functions.
Tensor wasserstein_1(const Target& t, const Fit& q) {
  return integral(ops::abs(below(t.x, q.mean, q.log_sigma) - t.below_p));
}

struct Divergence {
  const char *name, *key;
  Tensor (*of)(const Target&, const Fit&);
};
constexpr Divergence all_of_them[] = {{"forward KL", "forward_kl", forward_kl},
                                      {"reverse KL", "reverse_kl", reverse_kl},
                                      {"Jensen-Shannon", "js", jensen_shannon},
                                      {"Wasserstein-1", "w1", wasserstein_1}};

// The best of all starts, as a fit of one row.
Fit fitted(const Target& t, const Divergence& divergence, std::uint64_t seed) {
  HostStream random(seed, Purpose::generate);
  std::vector<double> mean, log_sigma;
  for (Index i = 0; i < starts; i++) {
    mean.push_back(6. * double(random.uniform()) - 3);
    log_sigma.push_back(2. * double(random.uniform()) - 1);
  }
  const Fit q{Tensor::from(mean, {starts, 1}).requires_grad_(),
              Tensor::from(log_sigma, {starts, 1}).requires_grad_()};
  constexpr int steps = 400;
  Optimizer adam({{"mean", q.mean}, {"log_sigma", q.log_sigma}}, Adam{.beta2 = .99}, {.lr = .1});
  for (int i = 0; i < steps; i++) {
    // The rows have parameters of their own: their sum trains each alone.
    adam.set_lr(.1 * std::pow(1e-4, double(i) / steps));
    adam.step(grad({ops::sum(divergence.of(t, q))}, {q.mean, q.log_sigma}));
  }
  const NoGrad no_grad;
  const std::vector<double> reached = divergence.of(t, q).values();
  const Index best = std::min_element(reached.begin(), reached.end()) - reached.begin();
  return {ops::slice(q.mean, 0, best, best + 1), ops::slice(q.log_sigma, 0, best, best + 1)};
}

}  // namespace

Findings divergences(std::uint64_t seed) {
  const Target t;
  const auto curve = [&](const char* name, const Tensor& log_density) {
    return Curve{name, t.x.values(), ops::exp(log_density).values()};
  };
  Findings f;
  Panel panel{"densities", {curve("target", t.log_p)}};
  for (const Divergence& d : all_of_them) {
    const Fit q = fitted(t, d, seed);
    const NoGrad no_grad;
    Finding row{d.name,
                {{"mean", q.mean.item()},
                 {"std", std::exp(q.log_sigma.item())},
                 {"lesser", 1 - below(value(0), q.mean, q.log_sigma).item()}}};
    for (const Divergence& measured : all_of_them)
      row.figures.emplace_back(measured.key, measured.of(t, q).item());
    f.rows.push_back(std::move(row));
    panel.curves.push_back(curve(d.name, log_normal(t.x, q.mean, q.log_sigma)));
  }
  f.panels = {std::move(panel)};
  return f;
}

}  // namespace imago::models
