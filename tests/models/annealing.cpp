// Annealed importance sampling against exact log-likelihoods.
#include "models/measures/annealing.h"

#include <cmath>

#include "models/measures/bounds.h"
#include "tests/errors.h"
#include "tests/models/features.h"
#include "tests/models/linear_gaussian.h"

namespace imago::models {
namespace {
using linear_gaussian::LinearGaussian;
using test::expect_error;
using Start = AnnealingOptions::Start;

double mean(const std::vector<double>& v) {
  double sum = 0;
  for (const double a : v) sum += a / double(v.size());
  return sum;
}
Tensor some(Index n) { return ops::slice(linear_gaussian::batch(), 0, 0, n); }

// How far estimates are from the exact values, and the standard error of that.
struct Errors {
  double mean = 0, spread = 0, standard = 0;
  Errors(const std::vector<double>& found, const std::vector<double>& exact) {
    const double n = double(found.size());
    for (std::size_t i = 0; i < found.size(); i++) mean += (found[i] - exact[i]) / n;
    for (std::size_t i = 0; i < found.size(); i++)
      spread += std::pow(found[i] - exact[i] - mean, 2) / (n - 1);
    spread = std::sqrt(spread);
    standard = spread / std::sqrt(n);
  }
};

// An encoder far off, so that importance sampling with it is far off too. The log of a mean with a
// relative error of s is s^2 / 2 too small.
TEST(Annealing, FindsLogPOfALinearGaussianModel) {
  for (const Start start : {Start::prior, Start::posterior}) {
    LinearGaussian m(Bound::elbo, 1, .8, 1.5);
    Generator g{1};
    const Index n = 20;
    const auto a = annealed_log_p(
        m.model, some(n), {.chains = 32, .temperatures = 300, .leapfrog = 5, .start = start}, g);
    std::vector<double> exact;
    for (std::size_t i = 0; i < std::size_t(n); i++)
      exact.push_back(m.log_p(linear_gaussian::data(), i));
    const Errors e(a->log_p, exact);
    EXPECT_NEAR(e.mean, -e.spread * e.spread / 2, 4 * e.standard);
    EXPECT_LT(e.standard, .06);  // enough to see an error of the method
    EXPECT_GT(a->accepted, .5);
    EXPECT_LT(a->accepted, .95);
  }
}
// One temperature is importance sampling from the start.
TEST(Annealing, OfOneTemperatureIsImportanceSampling) {
  LinearGaussian m(Bound::elbo, 1, 0, 0);
  Generator g{2};
  const auto a = annealed_log_p(m.model, some(6),
                                {.chains = 3, .temperatures = 1, .start = Start::posterior}, g);
  for (std::size_t i = 0; i < 6; i++)  // from the exact posterior every weight is log p(x)
    EXPECT_NEAR(a->log_p[i], m.log_p(linear_gaussian::data(), i), 1e-6);
  // From the prior: the mean of p(x|z), whose spread is known to shrink with chains only.
  Generator h{3}, k{3};
  const Index chains = 7;
  const auto b = annealed_log_p(m.model, some(2), {.chains = chains, .temperatures = 1}, h);
  const NoGrad no_grad;
  const Tensor none = Tensor::zeros({2 * chains, Index(linear_gaussian::d)}, DType::f64),
               z = ops::reparameterize(none, none, k);
  const Tensor want = ops::log_mean_exp(
      ops::reshape(m.model.likelihood.log_prob(some(2), m.model.decode(z)), {2, chains}));
  for (std::size_t i = 0; i < 2; i++) EXPECT_NEAR(b->log_p[i], want.values()[i], 1e-9);
}
// The weights' mean is p(x) with any number of steps, and each log is below; backwards it is above.
// The gap closes with more temperatures.
TEST(Annealing, BoundsMeetFromBothSides) {
  LinearGaussian m(Bound::elbo, 1, 0, 0);
  const Index n = 60;
  Generator g{4};
  const Tensor z = ops::randn({n, Index(linear_gaussian::d)}, g, DType::f64);
  Tensor x;
  {
    const NoGrad no_grad;
    x = m.model.likelihood.draw(m.model.decode(z), g).detach();
  }
  const std::vector<double> values = x.values();
  std::vector<double> exact;
  for (std::size_t i = 0; i < std::size_t(n); i++) exact.push_back(m.log_p(values, i));
  double gap = INFINITY;
  for (const Index temperatures : {2, 10, 50}) {
    const AnnealingOptions o{.chains = 4, .temperatures = temperatures, .leapfrog = 5, .step = .3};
    const Errors below(annealed_log_p(m.model, x, o, g)->log_p, exact),
        above(annealed_log_p_above(m.model, x, z, o, g)->log_p, exact);
    EXPECT_LT(below.mean, 4 * below.standard) << temperatures;
    EXPECT_GT(above.mean, -4 * above.standard) << temperatures;
    const double between = above.mean - below.mean;
    EXPECT_LT(between, .6 * gap) << temperatures;  // it falls as 1 / temperatures, in the end
    gap = between;
  }
}
// log p(x) of a nonlinear Bernoulli decoder with one latent, by the trapezoidal rule.
TEST(Annealing, OfABernoulliDecoder) {
  LatentVariableOptions o;
  o.features = 12, o.latent = 1, o.hidden = {8}, o.activation = "tanh";
  Generator g{5}, noise{6};
  LatentVariableModel model(o, nn::Init{g, {}, DType::f64}, noise);
  const NoGrad no_grad;
  for (const auto& p : model.parameters()) p.value.copy_(p.value * 4);  // far from a Gaussian
  const Tensor x = ops::bernoulli(Tensor::full({8, 12}, .5, DType::f64), g);
  const Index points = 4001;
  std::vector<double> grid;
  for (Index i = 0; i < points; i++) grid.push_back(-10 + 20 * double(i) / double(points - 1));
  const Tensor decoded = model.decode(Tensor::from(grid, {points, 1}));
  std::vector<double> exact;
  for (Index i = 0; i < 8; i++) {
    const std::vector<double> l =
        model.likelihood.log_prob(ops::slice(x, 0, i, i + 1), decoded).values();
    double p = 0;
    for (std::size_t k = 0; k < l.size(); k++)
      p += std::exp(l[k] - .5 * grid[k] * grid[k]) * 20 / double(points - 1);
    exact.push_back(std::log(p) - .5 * std::log(2 * M_PI));
  }
  const auto a = annealed_log_p(model, x, {.chains = 32, .temperatures = 60, .leapfrog = 5}, g);
  for (std::size_t i = 0; i < exact.size(); i++) EXPECT_NEAR(a->log_p[i], exact[i], .15) << i;
  EXPECT_NEAR(mean(a->log_p), mean(exact), .04);
}
TEST(Annealing, IsWatchedAndRepeats) {
  LinearGaussian m(Bound::elbo, 1, 0, 0);
  const AnnealingOptions o{.chains = 2, .temperatures = 5};
  test::expect_watched([&](const Watch& w) {
    Generator g{7};
    AnnealingOptions with = o;
    with.watch = w;
    return annealed_log_p(m.model, some(3), with, g).has_value();
  });
  Generator g{8}, h{8};
  EXPECT_EQ(annealed_log_p(m.model, some(3), o, g)->log_p,
            annealed_log_p(m.model, some(3), o, h)->log_p);
}
TEST(Annealing, Refusals) {
  LinearGaussian m(Bound::elbo, 1, 0, 0);
  Generator g{9};
  const auto refused = [&](AnnealingOptions o, const std::vector<std::string>& words) {
    expect_error([&] { annealed_log_p(m.model, some(2), o, g); }, words);
  };
  refused({.chains = 0}, {"at least 1", "0, 1000 and 10"});
  refused({.temperatures = 0}, {"16, 0 and 10"});
  refused({.leapfrog = -1}, {"16, 1000 and -1"});
  refused({.step = 0}, {"step above 0", "0 and 0.65"});
  refused({.acceptance = 1}, {"within (0, 1)", "0.1 and 1"});
  expect_error(
      [&] {
        annealed_log_p_above(m.model, some(2), Tensor::zeros({2, 9}), {}, g);
      },
      {"wrong codes", "[2, 3]", "[2, 9]"});
  LatentVariableOptions plain;
  plain.bound = Bound::reconstruction;
  LatentVariableModel autoencoder(plain, nn::Init{g}, g);
  expect_error(
      [&] {
        annealed_log_p(autoencoder, Tensor::zeros({1, 784}), {}, g);
      },
      {"autoencoder"});
}

}  // namespace
}  // namespace imago::models
