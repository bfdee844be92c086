// The game and its presets: every parameter is trained, resuming is bit-exact, and each stabiliser
// and each loss of its own is what its formula says. Not here: the losses from logits, which are
// adversarial_loss.cpp.
#include "models/adversarial.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/ops/ops.h"
#include "models/adversarial_task.h"
#include "models/measures/pairwise.h"
#include "models/preset_rows.h"
#include "tests/errors.h"
#include "tests/io/files.h"

namespace imago::models {
namespace {

using training::Batch, training::Settings, training::Terms;

const DataInfo plane{{2}, data::Kind::vector, 0, 3, "points"},
    tiles{{8, 8, 1}, data::Kind::image, 256, 3, "tiles"};

training::Config config_of(const std::string& name, const DataInfo& d, const Settings& settings) {
  training::Config c = defaults(preset(name), d.kind);
  for (const auto& [key, text] : settings) c.set_text(key, text);
  if (preset(name).settle) preset(name).settle(c, d);
  return c;
}

// A game of a preset with small networks, and the batch it is shown.
struct Game {
  Game(const std::string& name, const DataInfo& d, const Settings& more = {})
      : config(config_of(name, d, small(more))),
        task(preset(name).make(config, d, nn::Init{initial}, draws)) {
    const Index n = 12;
    batch.x = d.kind == data::Kind::vector ? ops::randn({n, 2}, data)
                                           : ops::rand({n, d.sample_shape.numel()}, data);
    std::vector<std::int64_t> labels;
    for (Index i = 0; i < n; i++) labels.push_back(i % 3);
    batch.labels = Tensor::from(labels, {n});
  }
  static Settings small(const Settings& more) {
    Settings all{{"width", "8"}, {"lr_decay", "0"}};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  training::Phase phase(const std::string& name) {
    for (auto& p : task->phases())
      if (p.name == name) return p;
    throw std::runtime_error("no phase " + name);
  }
  // The terms of a phase; the draws are those of the first call.
  std::map<std::string, double> terms(const std::string& name) {
    draws = Generator{2};
    std::map<std::string, double> all;
    for (const auto& t : phase(name).objective(batch)) all[t.name] = t.value.item();
    return all;
  }
  AdversarialModel& model() { return static_cast<AdversarialTask&>(*task).adversary(); }
  Tensor state(const std::string& name) {
    for (const Parameter& p : model().state_dict())
      if (p.name == name) return p.value;
    throw std::runtime_error("no tensor " + name);
  }

  Generator initial{1}, draws{2}, data{3};
  training::Config config;
  std::unique_ptr<GenerativeTask> task;
  Batch batch;
};

data::DataSet set_of(const Tensor& x, const DataInfo& d) {
  data::DataSet set;
  set.name = d.name;
  set.sample_shape = d.sample_shape;
  set.train.x = set.test.x = x;
  return set;
}

TEST(AdversarialPresets, RefuseWhatHasNoUse) {
  const auto refused = [](const char* name, const Settings& s, const std::string& option) {
    test::expect_error([&] { config_of(name, plane, s); }, {name, "'" + option + "'"});
  };
  refused("ebgan", {{"loss", "hinge"}}, "loss");
  refused("began", {{"label_smoothing", "0.9"}}, "label_smoothing");
  refused("cramer", {{"generator_loss", "minimax"}}, "generator_loss");
  refused("gmmn", {{"replay", "10"}}, "replay");
  refused("moment", {{"d_steps", "5"}}, "d_steps");
  refused("gmmn", {{"spectral_norm", "both"}}, "spectral_norm");
  for (const char* widths : {"", "a", "1,", "1;2", "0", "-1", "1,inf"})
    test::expect_error([&] { config_of("gmmn", plane, {{"widths", widths}}); }, {"'widths'"});
}

// --- what is measured between pairs

Tensor matrix(Index n, Index d, std::uint64_t seed) {
  Generator g{seed};
  return ops::randn({n, d}, g, DType::f64);
}

TEST(Pairwise, DistancesAndNorms) {
  const Tensor x = matrix(5, 3, 1), y = matrix(4, 3, 2);
  const auto a = x.values(), b = y.values(), d = squared_distances(x, y).values(),
             n = row_norms(x).values();
  for (std::size_t i = 0; i < 5; i++) {
    double own = 0;
    for (std::size_t k = 0; k < 3; k++) own += a[3 * i + k] * a[3 * i + k];
    EXPECT_NEAR(n[i], std::sqrt(own), 1e-14);
    for (std::size_t j = 0; j < 4; j++) {
      double want = 0;
      for (std::size_t k = 0; k < 3; k++) want += std::pow(a[3 * i + k] - b[3 * j + k], 2);
      EXPECT_NEAR(d[4 * i + j], want, 1e-13);
    }
  }
  // The derivative at 0 is 0, elsewhere the direction.
  const Tensor z = Tensor::from(std::vector<double>{0, 0, 3, 4}, {2, 2}).requires_grad_();
  const Tensor norms = row_norms(z);
  EXPECT_EQ(norms.values(), (std::vector<double>{0, 5}));
  const auto g = grad({ops::sum(norms)}, {z})[0].values();
  EXPECT_EQ(g[0], 0);
  EXPECT_EQ(g[1], 0);
  EXPECT_NEAR(g[2], .6, 1e-15);
  EXPECT_NEAR(g[3], .8, 1e-15);
}

TEST(Pairwise, MmdIsItsDoubleSum) {
  const Tensor x = matrix(6, 2, 1), y = matrix(5, 2, 2) + .5;
  const auto a = x.values(), b = y.values();
  const auto k = [](const double* u, const double* v) {
    return std::exp(-(u[0] - v[0]) * (u[0] - v[0]) - (u[1] - v[1]) * (u[1] - v[1]));
  };
  double want = 0;
  for (std::size_t i = 0; i < 6; i++)
    for (std::size_t j = 0; j < 6; j++) want += i == j ? 0 : k(&a[2 * i], &a[2 * j]) / 30;
  for (std::size_t i = 0; i < 5; i++)
    for (std::size_t j = 0; j < 5; j++) want += i == j ? 0 : k(&b[2 * i], &b[2 * j]) / 20;
  for (std::size_t i = 0; i < 6; i++)
    for (std::size_t j = 0; j < 5; j++) want -= 2 * k(&a[2 * i], &b[2 * j]) / 30;
  const Tensor got = mmd2(
      [](const Tensor& u, const Tensor& v) { return ops::exp(-squared_distances(u, v)); }, x, y);
  EXPECT_NEAR(got.item(), want, 1e-14);
  test::expect_error([&] { off_diagonal_mean(matrix(1, 1, 1)); }, {"two rows", "[1, 1]"});
}

TEST(Pairwise, PullingAwayIsTheMeanSquaredCosine) {
  const Tensor x = matrix(5, 3, 1);
  const auto a = x.values();
  const auto dot = [&](std::size_t i, std::size_t j) {
    return a[3 * i] * a[3 * j] + a[3 * i + 1] * a[3 * j + 1] + a[3 * i + 2] * a[3 * j + 2];
  };
  double want = 0;
  for (std::size_t i = 0; i < 5; i++)
    for (std::size_t j = 0; j < 5; j++)
      if (i != j) want += dot(i, j) * dot(i, j) / (dot(i, i) * dot(j, j)) / 20;
  EXPECT_NEAR(pulling_away(x).item(), want, 1e-14);
  // Alike: 1. At right angles: 0. A code of zeros has no direction, and no infinite gradient.
  const auto of = [](std::vector<double> v) {
    return pulling_away(Tensor::from(v, {2, 2})).item();
  };
  EXPECT_NEAR(of({1, 2, -2, -4}), 1, 1e-15);
  EXPECT_NEAR(of({1, 2, -2, 1}), 0, 1e-15);
  const Tensor z = Tensor::from(std::vector<double>{0, 0, 1, 1}, {2, 2}).requires_grad_();
  for (double g : grad({pulling_away(z)}, {z})[0].values()) EXPECT_TRUE(std::isfinite(g));
}

// --- losses of presets of their own

TEST(Ebgan, LossesAreTheMarginAndThePull) {
  // From draws that are alike: no margin leaves the energy of data, a wide one all of both.
  Game none("ebgan", plane, {{"margin", "0"}}), wide("ebgan", plane, {{"margin", "50"}});
  const auto n = none.terms("critic"), w = wide.terms("critic");
  EXPECT_GT(n.at("energy_real"), 0);
  EXPECT_NEAR(n.at("critic_loss"), n.at("energy_real"), 1e-6);
  EXPECT_NEAR(w.at("critic_loss"), w.at("energy_real") + 50 - w.at("energy_fake"), 1e-5);
  Game plain("ebgan", plane, {{"pt", "0"}}), pulled("ebgan", plane, {{"pt", "0.5"}});
  const auto p = plain.terms("generator"), q = pulled.terms("generator");
  EXPECT_GT(q.at("pulling_away"), 0);
  EXPECT_LE(q.at("pulling_away"), 1);
  EXPECT_NEAR(q.at("generator_loss"), p.at("generator_loss") + .5 * q.at("pulling_away"), 1e-6);
  // The energy of samples is what the critic's value of them is.
  const Tensor x = none.model().to_network(none.batch.x);
  EXPECT_NEAR(n.at("energy_real"), ops::mean(none.model().value(x, {})).item(), 1e-6);
}

TEST(Began, TheControllerKeepsItsEquation) {
  bool inside = false, cut_below = false, cut_above = false;
  for (const double gamma : {0., .7})
    for (const double lambda : {.001, .05, 1.}) {
      Game game("began", plane, {{"lambda_k", concat(lambda)}, {"gamma", concat(gamma)}});
      double k = 0;
      for (int step = 0; step < 6; step++) {
        game.batch.x = 2. * game.batch.x;
        auto t = game.terms("critic");
        const double real = t.at("energy_real"), fake = t.at("energy_fake"),
                     balance = gamma * real - fake;
        EXPECT_NEAR(t.at("k"), k, 1e-6);
        EXPECT_NEAR(t.at("critic_loss"), real - k * fake, 1e-5 * (1 + real));
        EXPECT_NEAR(t.at("convergence"), real + std::fabs(balance), 1e-5 * (1 + real));
        game.phase("critic").after(game.batch);
        k += lambda * balance;
        cut_below |= k < 0;
        cut_above |= k > 1;
        inside |= k > 0 && k < 1;
        k = std::clamp(k, 0., 1.);
        EXPECT_NEAR(game.state("k").item(), k, 1e-5);
      }
    }
  EXPECT_TRUE(inside && cut_below && cut_above) << "every part of the clip was seen";
}

// Berthelot et al. 2017, section 3.3: the game settles where A(G) = gamma A(x), k strictly inside.
TEST(Began, SettlesInBalance) {
  Game game("began", plane, {{"width", "32"}, {"lr", "0.002"}, {"batch", "64"}, {"latent", "2"}});
  Generator g{9};
  const Tensor t = 2 * ops::rand({2048, 1}, g) - 1;  // a noisy parabola
  const Tensor x = ops::concat({t, ops::square(t)}, 1) + .05 * ops::randn({2048, 2}, g);
  const data::DataSet set = set_of(x, plane);
  training::Trainer trainer(*game.task, set, game.config, game.draws, cpu_device);
  const int steps = 800;
  double k = 0, square = 0, real = 0, fake = 0;
  for (int step = 0; step < steps; step++) {
    trainer.advance();
    if (step < steps * 4 / 5) continue;
    const double now = game.state("k").item();
    k += now, square += now * now;
    game.batch.x = ops::slice(x, 0, 0, 256);
    const Generator before = game.draws;
    const auto terms = game.terms("critic");
    game.draws = before;
    real += terms.at("energy_real"), fake += terms.at("energy_fake");
  }
  const double n = steps / 5., mean = k / n, deviation = std::sqrt(square / n - mean * mean);
  EXPECT_GT(game.state("k").item(), .01);
  EXPECT_LT(game.state("k").item(), .99);
  EXPECT_LT(deviation, .05);
  EXPECT_NEAR(fake / real, .5, .05);
  RecordProperty("k", concat(mean, " +- ", deviation));
  RecordProperty("ratio", concat(fake / real));
}

// Algorithm 1 of Bellemare et al. 2017, with a twin of the critic and the same draws.
TEST(Cramer, LossesAreThePapers) {
  Game game("cramer", plane, {{"code", "5"}, {"penalty", "none"}});
  CriticOptions o = game.model().options().critic;
  Generator other{5};
  CriticNetwork twin(o, nn::Init{other}, other);
  std::vector<Parameter> weights;
  for (const Parameter& p : game.model().state_dict())
    if (p.name.rfind("critic.", 0) == 0) weights.push_back({p.name.substr(7), p.value});
  twin.load_state_dict(weights);
  const auto terms_critic = game.terms("critic"), terms_generator = game.terms("generator");
  game.draws = Generator{2};
  const Index n = game.batch.x.size(0), d = game.model().latent();
  const Tensor z = ops::randn({n, d}, game.draws), z2 = ops::randn({n, d}, game.draws);
  const auto h = [&](const Tensor& x) { return twin.forward(x).values(); };
  const auto x = h(game.batch.x), g = h(game.model().generate(z, {})),
             g2 = h(game.model().generate(z2, {}));
  double critic = 0, generator = 0;
  for (std::size_t i = 0; i < std::size_t(n); i++) {
    double gg = 0, xg = 0, xg2 = 0, ng = 0, nx = 0;
    for (std::size_t k = 5 * i; k < 5 * i + 5; k++) {
      gg += std::pow(g[k] - g2[k], 2), xg += std::pow(x[k] - g[k], 2);
      xg2 += std::pow(x[k] - g2[k], 2), ng += g[k] * g[k], nx += x[k] * x[k];
    }
    critic += (std::sqrt(gg) - std::sqrt(ng)) - (std::sqrt(xg2) - std::sqrt(nx));
    generator += std::sqrt(xg) + std::sqrt(xg2) - std::sqrt(gg);
  }
  EXPECT_NEAR(terms_critic.at("critic_loss"), critic / double(n), 1e-6);
  EXPECT_NEAR(terms_generator.at("generator_loss"), generator / double(n), 1e-6);
}

// k = sum over widths of exp(-d / (2 (w unit)^2)), unit the median distance or 1.
TEST(Gmmn, LossIsMmdUnderItsWidths) {
  for (const bool median : {true, false}) {
    Game game("gmmn", plane, {{"widths", "0.3,2"}, {"width_unit", median ? "median" : "absolute"}});
    const double loss = game.terms("generator").at("generator_loss");
    game.draws = Generator{2};
    const Tensor x = game.batch.x;
    const Tensor y = game.model().generate(ops::randn({12, game.model().latent()}, game.draws), {});
    std::vector<double> d;
    const auto all = squared_distances(x, x).values();
    for (std::size_t i = 0; i < 12; i++)
      for (std::size_t j = 0; j < i; j++) d.push_back(std::sqrt(all[12 * i + j]));
    std::sort(d.begin(), d.end());
    const double unit = median ? d[d.size() / 2] : 1;
    const auto kernel = [&](const Tensor& u, const Tensor& v) {
      const Tensor s = squared_distances(u, v);
      return ops::exp(s / (-2 * .09 * unit * unit)) + ops::exp(s / (-2 * 4 * unit * unit));
    };
    EXPECT_NEAR(loss, mmd2(kernel, x, y).item(), 1e-6);
    EXPECT_NEAR(game.state("width_unit").item(), unit, 1e-6);
  }
}

// Of samples as they are drawn, and for images of what the networks would see of them: the mean of
// parts of 1000 rows, without the rest.
TEST(Gmmn, EvaluationReportsMmd) {
  for (const DataInfo& d : {plane, tiles}) {
    Game game("gmmn", d, {{"generator_norm", "none"}, {"layers", "1"}, {"architecture", "dense"}});
    Generator g{5};
    for (const Index n : {2, 1007}) {
      const data::DataSet set = set_of(ops::rand({n, d.sample_shape.numel()}, g), d);
      const training::Figures figures =
          game.task->measure(set, set.test, {.metrics = {"mmd2"}, .seed = 4});
      ASSERT_EQ(figures.size(), 1u);
      const Index part = std::min<Index>(n, 1000);
      const Tensor made = game.task->sample({.n = n, .seed = 4}).x;
      const auto seen = [&](const Tensor& x) {
        return ops::slice(game.model().to_network(ops::reshape(x, {n, d.sample_shape.numel()})), 0,
                          0, part);
      };
      EXPECT_NEAR(training::figure(figures, "mmd2"),
                  game.model().discrepancy(seen(set.test.x), seen(made)).item(), 1e-6);
      EXPECT_EQ(game.task->score(figures), -training::figure(figures, "mmd2"));
    }
    const data::DataSet one = set_of(ops::rand({1, d.sample_shape.numel()}, g), d);
    test::expect_error(ErrorKind::data, {"at least 2", "1"},
                       [&] { game.task->measure(one, one.test, {.metrics = {"mmd2"}}); });
  }
}

// A critic that is told labels cannot judge data without.
TEST(Conditional, CriticOfUnlabelledDataIsNotReported) {
  Game game("cgan", plane);
  data::DataSet set = set_of(game.batch.x, plane);
  const training::Figures without = game.task->measure(set, set.test, {.metrics = {"critic"}});
  EXPECT_TRUE(training::has_figure(without, "critic_fake"));
  EXPECT_FALSE(training::has_figure(without, "critic_real"));
  set.test.labels = game.batch.labels;
  const training::Figures with = game.task->measure(set, set.test, {.metrics = {"critic"}});
  EXPECT_NEAR(training::figure(with, "critic_real"),
              ops::mean(game.model().value(game.batch.x, game.batch.labels)).item(), 1e-6);
}

// Squared distances of the means and of the means of x x^T, without the pairs i = i.
TEST(Moment, LossIsTheDistanceOfMoments) {
  Game game("moment", plane);
  const double loss = game.terms("generator").at("generator_loss");
  game.draws = Generator{2};
  const auto
      a = game.batch.x.values(),
      b = game.model().generate(ops::randn({12, game.model().latent()}, game.draws), {}).values();
  // Moments of a row: 2 first ones and 4 second ones, scaled as u = x y / 2 asks for.
  const auto moments = [](const double* x) {
    std::vector<double> m{x[0] / std::sqrt(2.), x[1] / std::sqrt(2.)};
    for (int i : {0, 1})
      for (int j : {0, 1}) m.push_back(x[i] * x[j] / 2);
    return m;
  };
  double want = 0;
  for (std::size_t k = 0; k < 6; k++) {
    double sa = 0, sb = 0, qa = 0, qb = 0;
    for (std::size_t i = 0; i < 12; i++) {
      const double u = moments(&a[2 * i])[k], v = moments(&b[2 * i])[k];
      sa += u, sb += v, qa += u * u, qb += v * v;
    }
    want += (sa * sa - qa) / 132 + (sb * sb - qb) / 132 - 2 * sa * sb / 144;
  }
  EXPECT_NEAR(loss, want, 1e-6 * (1 + std::fabs(want)));
}

// --- stabilisers

// What is protected, and samples that can be told apart: sample i of all has both elements i.
class Probe : public AdversarialModel {
 public:
  using AdversarialModel::AdversarialModel, AdversarialModel::fakes, AdversarialModel::noised,
      AdversarialModel::feature_matching, AdversarialModel::judgement,
      AdversarialModel::generator_loss, AdversarialModel::penalty;
  Tensor generate(const Tensor& z, const Tensor&) override {
    std::vector<float> v;
    for (Index i = 0; i < z.size(0); i++, next_++) v.insert(v.end(), 2, float(next_));
    return Tensor::from(v, {z.size(0), 2});
  }

 private:
  int next_ = 0;
};
struct Probing {
  explicit Probing(const std::function<void(AdversarialOptions&)>& change) {
    o.data = plane;
    o.loss = &adversarial_loss("gan");
    o.generator.latent = 3;
    o.generator.width = o.critic.width = 8;
    change(o);
    model = std::make_unique<Probe>(o, nn::Init{initial}, draws);
  }
  Generator initial{1}, draws{2}, data{3};
  AdversarialOptions o;
  std::unique_ptr<Probe> model;
};

TEST(Stabilisers, ReplayKeepsTheLastSamplesAndShowsHalfOfThem) {
  Probing p([](auto& o) { o.replay = 10; });
  const Index n = 4;
  for (int step = 0; step < 12; step++) {
    const Batch b{.x = Tensor::zeros({n, 2}), .step = step};
    const auto shown = p.model->fakes(b, {}).values();
    const double first = 4. * step;
    for (std::size_t i = 0; i < 4; i++) {
      EXPECT_EQ(shown[2 * i], shown[2 * i + 1]);
      if (i < 2 || step == 0) {
        EXPECT_EQ(shown[2 * i], first + double(i));
      } else {  // old, and kept until now
        EXPECT_LT(shown[2 * i], first);
        EXPECT_GE(shown[2 * i], first - 10);
      }
    }
    std::vector<double> kept;
    for (const Parameter& q : p.model->state_dict())
      if (q.name == "replay.samples") kept = q.value.values();
    std::sort(kept.begin(), kept.end());
    const double end = first + 4;  // the newest ten; zeros where there are not so many
    for (std::size_t i = 0; i < 10; i++) EXPECT_EQ(kept[2 * i], std::max(0., end - 10 + double(i)));
  }
}

TEST(Stabilisers, InstanceNoiseFallsToNothing) {
  Probing p([](auto& o) { o.instance_noise = .8, o.instance_noise_steps = 100; });
  const Tensor x = Tensor::zeros({20000, 2});
  const auto deviation = [&](Index step) {
    return std::sqrt(ops::mean(ops::square(p.model->noised(x, {.x = x, .step = step}))).item());
  };
  EXPECT_NEAR(deviation(0), .8, .01);
  EXPECT_NEAR(deviation(50), .4, .005);
  EXPECT_NEAR(deviation(99), .008, .0001);
  EXPECT_EQ(deviation(100), 0);
  EXPECT_EQ(deviation(1000), 0);
}

TEST(Stabilisers, FeatureMatchingIsTheDistanceOfMeanFeatures) {
  Probing p([](auto& o) { o.feature_matching = 3; });
  const Tensor x = ops::randn({9, 2}, p.data), y = ops::randn({7, 2}, p.data);
  EXPECT_EQ(p.model->feature_matching(x, p.model->judgement(x, {}), {}).item(), 0);
  const auto a = p.model->judgement(x, {}).features.values(),
             b = p.model->judgement(y, {}).features.values();
  double want = 0;
  for (std::size_t k = 0; k < 8; k++) {
    double d = 0;
    for (std::size_t i = 0; i < 9; i++) d += a[8 * i + k] / 9;
    for (std::size_t i = 0; i < 7; i++) d -= b[8 * i + k] / 7;
    want += 3 * d * d;
  }
  EXPECT_GT(want, 0);
  EXPECT_NEAR(p.model->feature_matching(x, p.model->judgement(y, {}), {}).item(), want,
              1e-5 * want);
}

TEST(Stabilisers, MinimaxTurnsTheCriticsLossRound) {
  const Tensor l = Tensor::from(std::vector<double>{-1, 0, 2.5}, {3});
  double saturating = 0, other = 0;
  for (double v : l.values())
    saturating -= std::log1p(std::exp(v)) / 3, other += std::log1p(std::exp(-v)) / 3;
  Probing minimax([](auto& o) { o.generator_loss = GeneratorLoss::minimax; });
  Probing usual([](auto&) {});
  EXPECT_NEAR(minimax.model->generator_loss(l).item(), saturating, 1e-12);
  EXPECT_NEAR(usual.model->generator_loss(l).item(), other, 1e-12);
}

TEST(Stabilisers, ALazyPenaltyIsWeightedUp) {
  const auto r1 = [](Index every, double d_steps) {
    return [=](AdversarialOptions& o) {
      o.penalty = nn::PenaltyOptions{.kind = nn::PenaltyKind::r1};
      o.lambda = 2, o.penalty_every = every, o.d_steps = d_steps;
    };
  };
  Probing each(r1(1, 1)), third(r1(3, 1)), slow(r1(3, .5));
  const Tensor x = ops::randn({9, 2}, each.data);
  const auto at = [&](Probing& p, Index step) {
    const Tensor t = p.model->penalty(x, {}, {}, {.x = x, .step = step});
    return t ? t.item() : 0.;
  };
  const double once = at(each, 0);
  EXPECT_GT(once, 0);
  for (Index step = 0; step < 12; step++) {
    EXPECT_EQ(at(each, step), once);
    EXPECT_NEAR(at(third, step), step % 3 ? 0 : 3 * once, 1e-6 * once);
  }
  // Every third step of a critic that moves in the last of every two.
  for (Index step = 1; step < 24; step += 2)
    EXPECT_NEAR(at(slow, step), step / 2 % 3 ? 0 : 3 * once, 1e-6 * once) << step;
}

// Parameters before and after each of some steps.
using Values = std::map<std::string, std::vector<double>>;
std::vector<Values> course(Game& game, int steps) {
  Generator g{9};
  const data::DataSet set = set_of(ops::randn({40, 2}, g), plane);
  training::Trainer trainer(*game.task, set, game.config, game.draws, cpu_device);
  std::vector<Values> all;
  for (int step = 0; step <= steps; step++) {
    if (step) trainer.advance();
    all.emplace_back();
    for (const Parameter& p : game.model().parameters()) all.back()[p.name] = p.value.values();
  }
  return all;
}

TEST(Stabilisers, ClippedWeightsStayInside) {
  Game game("wgan", plane, {{"clip", "0.03"}, {"lr", "0.01"}, {"batch", "8"}, {"d_steps", "1"}});
  const auto all = course(game, 4);
  double most = 0, beyond = 0;
  for (const auto& [name, values] : all.back())
    for (double v : values)
      (name.rfind("critic.", 0) == 0 ? most : beyond) =
          std::max(name.rfind("critic.", 0) == 0 ? most : beyond, std::fabs(v));
  EXPECT_FLOAT_EQ(float(most), .03f);
  EXPECT_GT(beyond, .03) << "the generator's are left alone";
}

TEST(Stabilisers, HistoricalAveragesAreMeansOfThePast) {
  const Settings s = {{"historical_averaging", "0.5"}, {"batch", "8"}, {"lr", "0.01"}};
  Game game("gan", plane, s);
  const int steps = 6;
  const auto all = course(game, steps);
  for (const auto& [name, values] : all[0]) {
    const auto mean = game.state("history." + name).values();
    for (std::size_t i = 0; i < values.size(); i++) {
      double want = 0;
      for (int step = 1; step <= steps; step++) want += all[std::size_t(step)].at(name)[i] / steps;
      EXPECT_NEAR(mean[i], want, 1e-6) << name;
    }
  }
  // The same game without it, at the same weights: the loss is less by w |parameters - means|^2.
  Game plain("gan", plane);
  std::vector<Parameter> weights;
  for (const Parameter& p : game.model().state_dict())
    if (p.name.rfind("history.", 0) != 0) weights.push_back(p);
  plain.model().load_state_dict(weights);
  for (const std::string side : {"critic", "generator"}) {
    double distance = 0;
    for (const auto& [name, values] : all.back())
      if (name.rfind(side + ".", 0) == 0) {
        const auto mean = game.state("history." + name).values();
        for (std::size_t i = 0; i < values.size(); i++)
          distance += (values[i] - mean[i]) * (values[i] - mean[i]);
      }
    EXPECT_GT(distance, 0);
    EXPECT_NEAR(game.terms(side).at(side + "_loss"),
                plain.terms(side).at(side + "_loss") + .5 * distance, 1e-5);
  }
}

TEST(Stabilisers, PacesAndRates) {
  const auto changes = [](const char* d_steps) {
    Game game("gan", plane, {{"d_steps", d_steps}, {"batch", "8"}});
    const auto all = course(game, 12);
    std::map<std::string, int> count;
    for (std::size_t i = 1; i < all.size(); i++)
      for (const std::string side : {"critic", "generator"})
        count[side] += std::any_of(all[i].begin(), all[i].end(), [&](const auto& p) {
          return p.first.rfind(side + ".", 0) == 0 && p.second != all[i - 1].at(p.first);
        });
    return std::pair(count["critic"], count["generator"]);
  };
  EXPECT_EQ(changes("1"), std::pair(12, 12));
  EXPECT_EQ(changes("5"), std::pair(12, 2));
  EXPECT_EQ(changes("0.333333333"), std::pair(4, 12));
  test::expect_error([] { config_of("gan", plane, {{"d_steps", "1.5"}}); }, {"d_steps", "1.5"});

  // Under plain descent the critic's first step is ttur times as long.
  const auto first_step = [](const char* ttur, const std::string& side) {
    Game game("gan", plane, {{"ttur", ttur}, {"optimizer", "sgd"}, {"lr", "0.01"}, {"batch", "8"}});
    const auto all = course(game, 1);
    std::vector<double> step;
    for (const auto& [name, values] : all[1])
      if (name.rfind(side + ".", 0) == 0)
        for (std::size_t i = 0; i < values.size(); i++)
          step.push_back(values[i] - all[0].at(name)[i]);
    return step;
  };
  const auto once = first_step("1", "critic"), fourfold = first_step("4", "critic");
  for (std::size_t i = 0; i < once.size(); i++) EXPECT_NEAR(fourfold[i], 4 * once[i], 1e-6);
  EXPECT_GT(*std::max_element(once.begin(), once.end()), 1e-5);
}

}  // namespace
}  // namespace imago::models
