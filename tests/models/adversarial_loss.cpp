// The losses of the two-player game, in float64: their formulas, what each is at its optimum where
// data and samples are known, and critics trained on known pairs. Not here: the game's
// stabilisers, which are adversarial.cpp.
#include "models/adversarial_loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "engine/nn/gradient_penalty.h"
#include "engine/ops/ops.h"
#include "models/networks.h"
#include "tests/errors.h"

namespace imago::models {
namespace {

using Formula = std::function<double(double)>;

double softplus(double x) { return std::max(x, 0.) + std::log1p(std::exp(-std::fabs(x))); }
double relu(double x) { return std::max(x, 0.); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double plus(double x) { return x; }
double minus(double x) { return -x; }

struct Written {
  std::string name;
  Formula real, fake, generator;
};
// As the papers write them: an f-GAN from its T and f*, a density ratio from its r, f and f'.
std::vector<Written> written() {
  std::vector<Written> all = {
      {"gan", [](double l) { return -std::log(sigmoid(l)); },
       [](double l) { return -std::log(1 - sigmoid(l)); },
       [](double l) { return -std::log(sigmoid(l)); }},
      {"lsgan", [](double l) { return (l - 1) * (l - 1) / 2; }, [](double l) { return l * l / 2; },
       [](double l) { return (l - 1) * (l - 1) / 2; }},
      {"hinge", [](double l) { return relu(1 - l); }, [](double l) { return relu(1 + l); }, minus},
      {"wasserstein", minus, plus, minus},
  };
  const auto f_gan = [&](const char* name, const Formula& t, const Formula& conjugate) {
    const Formula minus_t = [t](double v) { return -t(v); };
    all.push_back({name, minus_t, [=](double v) { return conjugate(t(v)); }, minus_t});
  };
  f_gan("kl", plus, [](double t) { return std::exp(t - 1); });
  f_gan(
      "reverse-kl", [](double v) { return -std::exp(-v); },
      [](double t) { return -1 - std::log(-t); });
  f_gan("pearson", plus, [](double t) { return t * t / 4 + t; });
  f_gan(
      "hellinger", [](double v) { return 1 - std::exp(-v); }, [](double t) { return t / (1 - t); });
  f_gan(
      "js", [](double v) { return std::log(2) - std::log(1 + std::exp(-v)); },
      [](double t) { return -std::log(2 - std::exp(t)); });
  f_gan(
      "tv", [](double v) { return std::tanh(v) / 2; }, plus);
  const auto ratio = [&](const char* name, const Formula& r, const Formula& f,
                         const Formula& derivative) {
    all.push_back({name, [=](double v) { return -derivative(r(v)); },
                   [=](double v) { return derivative(r(v)) * r(v) - f(r(v)); },
                   [=](double v) { return -std::log(r(v)); }});
  };
  const Formula exponential = [](double v) { return std::exp(v); };
  ratio(
      "bregman-logistic", exponential,
      [](double u) { return u * std::log(u) - (u + 1) * std::log(u + 1); },
      [](double u) { return std::log(u) - std::log(u + 1); });
  ratio(
      "bregman-lsif", softplus, [](double u) { return (u - 1) * (u - 1) / 2; },
      [](double u) { return u - 1; });
  ratio(
      "bregman-kliep", exponential, [](double u) { return u * std::log(u) - u; },
      [](double u) { return std::log(u); });
  return all;
}

TEST(AdversarialLoss, EachIsItsFormula) {
  const std::vector<double> points = {-5, -2.5, -1, -.75, 0, .3, 1, 2, 4};
  const Tensor v = Tensor::from(points, {Index(points.size())});
  std::vector<std::string> names;
  for (const Written& w : written()) {
    names.push_back(w.name);
    const AdversarialLoss& loss = adversarial_loss(w.name);
    const auto same = [&](const char* part, Tensor (*f)(const Tensor&), const Formula& want) {
      const std::vector<double> got = f(v).values();
      for (std::size_t i = 0; i < points.size(); i++)
        EXPECT_NEAR(got[i], want(points[i]), 1e-12 * (1 + std::fabs(got[i])))
            << w.name << ", " << part << " at " << points[i];
    };
    same("real", loss.real, w.real);
    same("fake", loss.fake, w.fake);
    same("generator", loss.generator, w.generator);
  }
  EXPECT_EQ(names, adversarial_loss_names()) << "every loss is written here";
  test::expect_error([] { adversarial_loss("lsgam"); }, {"lsgan", "lsgam"});
}

// Far out nothing overflows that the formula does not.
TEST(AdversarialLoss, LogisticLossesAreFiniteFarOut) {
  const Tensor v = Tensor::from(std::vector<float>{-1e4f, 1e4f}, {2});
  for (const char* name : {"gan", "js", "bregman-logistic"}) {
    const AdversarialLoss& loss = adversarial_loss(name);
    for (const auto f : {loss.real, loss.fake, loss.generator})
      for (double x : f(v).values()) EXPECT_TRUE(std::isfinite(x)) << name;
  }
}

TEST(AdversarialLoss, BregmanLogisticIsTheGan) {
  const AdversarialLoss &a = adversarial_loss("gan"), &b = adversarial_loss("bregman-logistic");
  Generator g{5};
  const Tensor l = 4 * ops::randn({1000}, g);
  EXPECT_EQ(a.real(l).values(), b.real(l).values());
  EXPECT_EQ(a.fake(l).values(), b.fake(l).values());
}

// A few atoms of known p and q. The critic's best value on each is where the derivative of its loss
// there changes sign.
const std::vector<double> p_atoms = {.5, .3, .15, .05}, q_atoms = {.1, .4, .2, .3};
std::vector<double> best_values(const std::function<Tensor(const Tensor&)>& loss_of_atoms) {
  std::vector<double> low(p_atoms.size(), -40), high(p_atoms.size(), 40), v(p_atoms.size());
  for (int step = 0; step < 100; step++) {
    for (std::size_t i = 0; i < v.size(); i++) v[i] = (low[i] + high[i]) / 2;
    const Tensor t = Tensor::from(v, {Index(v.size())}).requires_grad_();
    const std::vector<double> d = grad({ops::sum(loss_of_atoms(t))}, {t})[0].values();
    for (std::size_t i = 0; i < v.size(); i++) (d[i] > 0 ? high : low)[i] = v[i];
  }
  return v;
}

struct Divergence {
  std::string name;
  Formula f, derivative;  // of p / q
};
// D_f = sum q f(p / q).
std::vector<Divergence> divergences() {
  return {
      {"gan", [](double u) { return u * std::log(u) - (u + 1) * std::log(u + 1); },
       [](double u) { return std::log(u / (u + 1)); }},
      {"kl", [](double u) { return u * std::log(u); }, [](double u) { return 1 + std::log(u); }},
      {"reverse-kl", [](double u) { return -std::log(u); }, [](double u) { return -1 / u; }},
      {"pearson", [](double u) { return (u - 1) * (u - 1); }, [](double u) { return 2 * (u - 1); }},
      {"hellinger", [](double u) { return (std::sqrt(u) - 1) * (std::sqrt(u) - 1); },
       [](double u) { return 1 - 1 / std::sqrt(u); }},
      {"js", [](double u) { return u * std::log(u) - (u + 1) * std::log((u + 1) / 2); },
       [](double u) { return std::log(2 * u / (u + 1)); }},
      {"tv", [](double u) { return std::fabs(u - 1) / 2; },
       [](double u) { return u > 1 ? .5 : -.5; }},
      // The Bregman losses are at their least what the divergence of the same f is.
      {"bregman-logistic", [](double u) { return u * std::log(u) - (u + 1) * std::log(u + 1); },
       [](double u) { return std::log(u / (u + 1)); }},
      {"bregman-lsif", [](double u) { return (u - 1) * (u - 1) / 2; },
       [](double u) { return u - 1; }},
      {"bregman-kliep", [](double u) { return u * std::log(u) - u; },
       [](double u) { return std::log(u); }},
  };
}

TEST(AdversarialLoss, TheOptimumIsTheDivergence) {
  const Tensor p = Tensor::from(p_atoms, {4}), q = Tensor::from(q_atoms, {4});
  for (const Divergence& d : divergences()) {
    const AdversarialLoss& loss = adversarial_loss(d.name);
    const auto of_atoms = [&](const Tensor& v) { return p * loss.real(v) + q * loss.fake(v); };
    const std::vector<double> best = best_values(of_atoms);
    const Tensor v = Tensor::from(best, {4});
    double want = 0;
    for (std::size_t i = 0; i < 4; i++) want += q_atoms[i] * d.f(p_atoms[i] / q_atoms[i]);
    EXPECT_NEAR(-ops::sum(of_atoms(v)).item(), want, 1e-9) << d.name;
    const std::vector<double> t = ops::affine(loss.real(v), -1, 0).values();
    for (std::size_t i = 0; i < 4; i++)
      EXPECT_NEAR(t[i], d.derivative(p_atoms[i] / q_atoms[i]), 1e-6) << d.name << ", atom " << i;
  }
}

// l = p / (p + q), and the least is sum p q / (p + q) / 2; of hinge losses 2 sum min(p, q).
TEST(AdversarialLoss, OptimaOfLeastSquaresAndHinge) {
  const Tensor p = Tensor::from(p_atoms, {4}), q = Tensor::from(q_atoms, {4});
  for (const char* name : {"lsgan", "hinge"}) {
    const AdversarialLoss& loss = adversarial_loss(name);
    const auto of_atoms = [&](const Tensor& v) { return p * loss.real(v) + q * loss.fake(v); };
    const std::vector<double> best = best_values(of_atoms);
    double want = 0;
    for (std::size_t i = 0; i < 4; i++) {
      const double a = p_atoms[i], b = q_atoms[i];
      want += loss.generator == adversarial_loss("lsgan").generator ? a * b / (a + b) / 2
                                                                    : 2 * std::min(a, b);
      EXPECT_NEAR(best[i], std::string(name) == "lsgan" ? a / (a + b) : (a > b ? 1 : -1), 1e-9);
    }
    EXPECT_NEAR(ops::sum(of_atoms(Tensor::from(best, {4}))).item(), want, 1e-9) << name;
  }
}

// Salimans et al. 2016: with the label s of data alone, D = s p / (p + q).
TEST(AdversarialLoss, OptimumUnderLabelSmoothing) {
  const AdversarialLoss& loss = adversarial_loss("gan");
  for (const double label : {1., .9, .6}) {
    // real_loss is a mean over rows: one row at a time gives the loss of an atom.
    const auto of_atoms = [&](const Tensor& v) {
      std::vector<Tensor> each;
      for (Index i = 0; i < 4; i++)
        each.push_back(p_atoms[std::size_t(i)] *
                       real_loss(loss, ops::slice(v, 0, i, i + 1), label));
      return ops::stack(each, 0) + Tensor::from(q_atoms, {4}) * loss.fake(v);
    };
    const std::vector<double> best = best_values(of_atoms);
    for (std::size_t i = 0; i < 4; i++)
      EXPECT_NEAR(sigmoid(best[i]), label * p_atoms[i] / (p_atoms[i] + q_atoms[i]), 1e-9);
  }
}

// --- trained critics

// p = N(-0.5, 0.9^2), q = N(0.5, 1.1^2), on the line.
double log_p(double x) {
  const double u = (x + .5) / .9;
  return -u * u / 2 - std::log(.9) - .91893853320467274;
}
double log_q(double x) {
  const double u = (x - .5) / 1.1;
  return -u * u / 2 - std::log(1.1) - .91893853320467274;
}

// The logistic critic's logit is log p - log q, and its loss 2 log 2 - 2 JS.
TEST(TrainedCritic, TheLogitIsTheLogRatio) {
  Generator initial{1}, draws{2}, data{3};
  CriticOptions o;
  o.sample = {1}, o.width = 32, o.layers = 2, o.activation = "silu";
  CriticNetwork critic(o, nn::Init{initial}, draws);
  const AdversarialLoss& loss = adversarial_loss("gan");
  Optimizer adam(critic.parameters(), Adam{}, {.lr = 1e-2});
  const int steps = 1200;
  const Index n = 512;
  for (int i = 0; i < steps; i++) {
    const Tensor x = .9 * ops::randn({n, 1}, data) - .5, y = 1.1 * ops::randn({n, 1}, data) + .5;
    adam.set_lr(1e-2 * (1 - double(i) / steps));
    adam.zero_grad();
    backward(real_loss(loss, critic.forward(x), 1) + ops::mean(loss.fake(critic.forward(y))));
    adam.step();
  }
  // By quadrature: the error under the mixture, the loss, the divergence.
  std::vector<float> grid;
  const double step = .01;
  for (double x = -8; x < 8; x += step) grid.push_back(float(x));
  const std::vector<double> l =
      critic.forward(Tensor::from(grid, {Index(grid.size()), 1})).values();
  double square = 0, value = 0, js = 0, mass = 0;
  for (std::size_t i = 0; i < grid.size(); i++) {
    const double x = grid[i], p = std::exp(log_p(x)), q = std::exp(log_q(x)), m = (p + q) / 2,
                 e = l[i] - (log_p(x) - log_q(x));
    mass += step * m;
    square += step * m * e * e;
    value += step * (p * softplus(-l[i]) + q * softplus(l[i]));
    js += step * (p * std::log(p / m) + q * std::log(q / m)) / 2;
  }
  ASSERT_NEAR(mass, 1, 1e-6);
  EXPECT_LE(std::sqrt(square), .15);
  EXPECT_NEAR(-value, 2 * js - 2 * std::log(2), .002);
  EXPECT_GE(value, 2 * std::log(2) - 2 * js - 1e-6) << "no critic is better than the best";
  RecordProperty("rmse", concat(std::sqrt(square)));
  RecordProperty("gap", concat(value - (2 * std::log(2) - 2 * js)));
}

// N(0, I / 4) in the plane, and the same moved by W: the distance is W. The critic's slope is
// 1 + W / (2 lambda), so that its raw difference is too large by that share.
TEST(TrainedCritic, TheGradientPenaltyMeasuresWasserstein) {
  const double lambda = 10;
  const AdversarialLoss& loss = adversarial_loss("wasserstein");
  for (const double w : {1., 2., 4.}) {
    Generator initial{1}, draws{2}, data{3};
    CriticOptions o;
    o.sample = {2}, o.width = 32, o.layers = 2;
    CriticNetwork critic(o, nn::Init{initial}, draws);
    Optimizer adam(critic.parameters(), Adam{.beta1 = 0, .beta2 = .9}, {.lr = 5e-3});
    const Tensor shift = Tensor::from(std::vector<float>{float(w), 0}, {2});
    const auto real = [&](Index n) { return .5 * ops::randn({n, 2}, data); };
    const int steps = 400;
    for (int i = 0; i < steps; i++) {
      const Tensor x = real(256), y = real(256) + shift;
      adam.set_lr(5e-3 * (1 - double(i) / steps));
      adam.zero_grad();
      backward(real_loss(loss, critic.forward(x), 1) + ops::mean(loss.fake(critic.forward(y))) +
               lambda * nn::gradient_penalty(critic.net, x, y, {}, draws));
      adam.step();
    }
    // One sample and its shifted self: the difference has little variance.
    const Tensor x = real(4096), y = x + shift;
    const double difference =
        ops::mean(critic.forward(x)).item() - ops::mean(critic.forward(y)).item();
    const Tensor between = ops::interpolate_rows(x, real(4096) + shift, draws).requires_grad_();
    const Tensor g = grad({ops::sum(critic.forward(between))}, {between})[0];
    const double norm = ops::mean(ops::sqrt(ops::sum(ops::square(g), {1}))).item();
    EXPECT_NEAR(difference / norm, w, .03 * w);
    EXPECT_NEAR(difference / w - 1, w / (2 * lambda), .03) << "the raw value's bias at W " << w;
    RecordProperty(concat("estimate_", w), concat(difference / norm));
    RecordProperty(concat("raw_", w), concat(difference));
  }
}

}  // namespace
}  // namespace imago::models
