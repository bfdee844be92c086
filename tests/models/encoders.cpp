// Adversarial models with encoders, and those that grow: their losses against closed forms, which
// parameters each phase reaches, pairs, growth, resuming, traversals, refusals.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "engine/ops/ops.h"
#include "engine/train/checkpoint.h"
#include "models/adversarial_task.h"
#include "models/preset_rows.h"
#include "models/progressive_networks.h"
#include "models/run.h"
#include "tests/errors.h"
#include "tests/io/files.h"

namespace imago::models {
namespace {

using training::Settings;

Settings operator+(Settings a, const Settings& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
double softplus(double x) { return std::log1p(std::exp(x)); }

struct Made {
  Made(const std::string& name, const DataInfo& info, const Settings& settings) {
    training::Config config = defaults(preset(name), info.kind);
    for (const auto& [key, text] : settings) config.set_text(key, text);
    preset(name).settle(config, info);
    task = preset(name).make(config, info, nn::Init{initial}, noise);
  }
  AdversarialModel& model() { return static_cast<AdversarialTask&>(*task).adversary(); }
  training::Phase phase(const std::string& name) {
    for (training::Phase& p : task->phases())
      if (p.name == name) return p;
    throw std::runtime_error("no phase " + name);
  }
  training::Figures terms(const std::string& name, const training::Batch& b) {
    training::Figures figures;
    for (const training::Term& t : phase(name).objective(b))
      figures.emplace_back(t.name, t.value.item());
    return figures;
  }
  // All parameters 0 but these.
  void set(const std::map<std::string, std::vector<float>>& values) {
    std::size_t found = 0;
    for (const Parameter& p : task->model().parameters()) {
      const auto v = values.find(p.name);
      if (v == values.end()) {
        p.value.fill_(0);
      } else {
        p.value.copy_(Tensor::from(v->second, p.value.shape()));
        found++;
      }
    }
    ASSERT_EQ(found, values.size());
  }
  Generator initial{1}, noise{2};
  std::unique_ptr<GenerativeTask> task;
};
const DataInfo points{{2}, data::Kind::vector, 0, 0, "ring8"};
const DataInfo images{{8, 8, 1}, data::Kind::image, 256, 0, "noise"};
const Settings small = {{"width", "3"}, {"layers", "1"}, {"latent", "2"}};

using training::figure;

TEST(VaeGan, LossesAreThePapers) {
  Made m("vae-gan", points, small + Settings{{"gamma", "0.25"}});
  // G = (1, -1) and q = N((0.5, -0.5), e^0.2) whatever they are given; the critic's features are
  // x0, x1 and x0 + x1, all positive, and its value is 2 x0 - 0.5.
  m.set({{"generator.net.2.bias", {1, -1}},
         {"encoder.net.2.bias", {.5f, -.5f, .2f, .2f}},
         {"critic.net.0.weight", {1, 0, 0, 1, 1, 1}},
         {"critic.net.0.bias", {10, 10, 10}},
         {"critic.net.2.weight", {2, 0, 0}},
         {"critic.net.2.bias", {-20.5f}}});
  const training::Batch b{Tensor::from(std::vector<float>{2, 1, 0, 3}, Shape{2, 2})};
  const double rate = 2 * .5 * (std::exp(.2) + .25 - 1 - .2),
               // of (2, 1) - (1, -1) = (1, 2) and (-1, 4), with their sums 3 and 3
      distortion = .5 * ((1 + 4 + 9) + (1 + 16 + 9)) / 2,
               on_real = (softplus(-3.5) + softplus(.5)) / 2;
  const training::Figures encoder = m.terms("encoder", b), critic = m.terms("critic", b),
                          generator = m.terms("generator", b);
  EXPECT_NEAR(figure(encoder, "rate"), rate, 1e-5);
  EXPECT_NEAR(figure(encoder, "feature_distortion"), distortion, 1e-4);
  EXPECT_NEAR(figure(encoder, "encoder_loss"), rate + distortion, 1e-4);
  EXPECT_NEAR(figure(generator, "generator_loss"), .25 * distortion + 2 * softplus(-1.5), 1e-4);
  EXPECT_NEAR(figure(critic, "critic_loss"), on_real + 2 * softplus(1.5), 1e-4);
}

TEST(Ali, BothSidesAreFooledWithPairs) {
  const Settings deterministic = small + Settings{{"encoder", "deterministic"}};
  Made m("ali", points,
         deterministic + Settings{{"penalty", "gp"}, {"penalty_every", "1"}, {"lambda", "0.5"}}),
      minimax("ali", points, deterministic + Settings{{"generator_loss", "minimax"}});
  // G = (1, -1), E = (0.5, -0.5); the critic's value is x0 alone.
  const std::map<std::string, std::vector<float>> of_x = {
      {"generator.net.2.bias", {1, -1}},
      {"encoder.net.2.bias", {.5f, -.5f}},
      {"critic.net.0.weight", {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
      {"critic.net.0.bias", {10, 10, 10}},
      {"critic.net.2.weight", {1, 0, 0}},
      {"critic.net.2.bias", {-10}}};
  m.set(of_x), minimax.set(of_x);
  const training::Batch b{Tensor::from(std::vector<float>{2, 1, 0, 3}, Shape{2, 2})};
  const double real = (softplus(-2) + softplus(0)) / 2, fake = softplus(1),
               as_fake = (softplus(2) + softplus(0)) / 2;
  const training::Figures critic = m.terms("critic", b), generator = m.terms("generator", b);
  EXPECT_NEAR(figure(critic, "critic_loss"), real + fake, 1e-4);  // its gradient has norm 1
  EXPECT_NEAR(figure(critic, "penalty"), 0, 1e-5);
  EXPECT_NEAR(figure(generator, "generator_loss"), softplus(-1) + as_fake, 1e-4);
  EXPECT_NEAR(figure(generator, "encoder_loss"), as_fake, 1e-4);
  EXPECT_NEAR(figure(minimax.terms("generator", b), "generator_loss"), -real - fake, 1e-4);

  // x0 - 2 z1: data come with their codes, samples with theirs, and the norm is that of both.
  auto of_both = of_x;
  of_both["critic.net.0.weight"] = {1, 0, 0, -2, 0, 0, 0, 0, 0, 0, 0, 0};
  of_both["critic.net.0.bias"] = {100, 10, 10};
  of_both["critic.net.2.bias"] = {-100};
  m.set(of_both);
  const Tensor z = Tensor::from(std::vector<float>{3, 4, 5, 6}, Shape{2, 2});
  EXPECT_NEAR(m.model().value_of_pair(b.x, z, {}).values()[1], 0 - 2 * 6, 1e-4);
  EXPECT_NEAR(m.model().value_of_pair(b.x, {}, {}).values()[0], 2 + 2 * .5, 1e-4);
  const double norm = std::sqrt(5.);
  EXPECT_NEAR(figure(m.terms("critic", b), "penalty"), .5 * (norm - 1) * (norm - 1), 1e-4);
}

// A log-variance of a million is taken for six: codes are noise of e^3, and nothing overflows.
TEST(Ali, TheEncodersVarianceIsBounded) {
  Made m("ali", points, small);
  // The critic's value is z0 + 10^4, far from where its units end; E = (0, 0).
  m.set({{"encoder.net.2.bias", {0, 0, 1e6f, 1e6f}},
         {"critic.net.0.weight", {0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
         {"critic.net.0.bias", {1e4f, 10, 10}},
         {"critic.net.2.weight", {1, 0, 0}}});
  const Index n = 20000;
  const training::Batch b{Tensor::zeros({n, 2})};
  // As the encoder's loss the generator's phase shows softplus(value), which is the value here:
  // its mean is within four standard errors of 10^4.
  const double spread = std::exp(3.), error = spread / std::sqrt(double(n));
  EXPECT_NEAR(figure(m.terms("generator", b), "encoder_loss"), 1e4, 4 * error);
  EXPECT_TRUE(std::isfinite(figure(m.terms("critic", b), "critic_loss")));
}

// The names of the parameters that the phases' first terms reach at these steps.
std::set<std::string> reached(Made& m, const Tensor& x, const std::vector<Index>& steps) {
  std::set<std::string> names;
  for (const Index step : steps)
    for (const training::Phase& phase : m.task->phases()) {
      std::vector<Tensor> leaves;
      for (const Parameter& p : phase.parameters) leaves.push_back(p.value);
      const Tensor loss = phase.objective({x, {}, step}).at(0).value;
      const auto d = grad({loss}, leaves, {.allow_unused = phase.allow_unused});
      for (std::size_t i = 0; i < d.size(); i++) {
        if (!d[i]) continue;
        double most = 0;
        for (double v : d[i].values()) most = std::max(most, std::fabs(v));
        if (std::isfinite(most) && most > 0) names.insert(phase.parameters[i].name);
      }
    }
  return names;
}
void expect_all_reached(Made& m, const Tensor& x, const std::vector<Index>& steps) {
  const std::set<std::string> names = reached(m, x, steps);
  for (const Parameter& p : m.task->model().parameters())
    EXPECT_TRUE(names.contains(p.name)) << p.name;
}

TEST(EncodersAndGrowth, EveryParameterIsReachedByAPhase) {
  Generator g{3};
  const Tensor plane = ops::randn({4, 2}, g), pixels = ops::rand({4, 64}, g);
  const Settings narrow = {{"width", "4"}, {"latent", "3"}};
  for (const char* name : {"vae-gan", "ali"}) {
    SCOPED_TRACE(name);
    Made vector(name, points, narrow), image(name, images, narrow);
    expect_all_reached(vector, plane, {0});
    expect_all_reached(image, pixels, {0});
  }
  Made grown("progan", images, narrow + Settings{{"size", "16"}, {"stage_steps", "10"}});
  expect_all_reached(grown, pixels, {0, 12, 22, 29});
  // Before the last layers fade in nothing reaches them.
  for (const std::string& name : reached(grown, pixels, {0, 12, 19}))
    EXPECT_TRUE(name.find("blocks.2.") == name.npos && name.find("image.2.") == name.npos) << name;
}

TEST(Progan, FadesInWithoutAJump) {
  Generator init{4}, g{5};
  const ProgressiveOptions o{{16, 16, 2}, 3, 4, false};
  ProgressiveGenerator generator(o, {init, {}, DType::f64});
  ProgressiveCritic critic(o, {init, {}, DType::f64});
  const Tensor z = ops::randn({2, 3}, g, DType::f64), x = ops::randn({2, 16, 16, 2}, g, DType::f64);
  const auto expect_same = [](const Tensor& a, const Tensor& b) {
    ASSERT_EQ(a.shape(), b.shape());
    EXPECT_EQ(a.values(), b.values());
  };
  expect_same(generator.forward(z, {2, 0}), enlarged(generator.forward(z, {1, 1}), 16));
  expect_same(critic.features(x, {2, 0}), critic.features(halved(x), {1, 1}));
  expect_same(faded(x, {2, 0}), enlarged(halved(x), 16));
  expect_same(faded(x, {2, 1}), x);
  const auto half = generator.forward(z, {2, .5}).values(),
             old = generator.forward(z, {2, 0}).values(),
             grown = generator.forward(z, {2, 1}).values();
  for (std::size_t i = 0; i < half.size(); i++)
    ASSERT_NEAR(half[i], (old[i] + grown[i]) / 2, 1e-12);
  EXPECT_NE(old, grown);
}

TEST(EncodersAndGrowth, ResumeToTheSameBytes) {
  const test::TemporaryFolder folder;
  const auto contents = [](const std::string& out) {
    return test::contents(out + "/checkpoints/last.safetensors");
  };
  struct Case {
    std::string preset;
    Settings own;
  };
  const Settings common = {{"data", "four-patterns"},
                           {"device", "cpu"},
                           {"size", "8"},
                           {"width", "4"},
                           {"latent", "3"},
                           {"batch", "50"},
                           {"steps", "12"},
                           {"d_steps", "2"},
                           {"ema", "0.9"},
                           {"instance_noise", "0.1"},
                           {"eval_every", "5"}};
  for (const auto& [name, own] :
       std::vector<Case>{{"vae-gan", {{"replay", "60"}, {"historical_averaging", "0.1"}}},
                         {"ali", {{"historical_averaging", "0.1"}, {"feature_matching", "0.1"}}},
                         {"progan", {{"stage_steps", "5"}, {"fade", "0.8"}, {"replay", "60"}}}}) {
    SCOPED_TRACE(name);
    const std::string straight = folder / (name + "-straight"), out = folder / (name + "-stopped");
    ASSERT_EQ(train({name, common + own, straight}).state, Outcome::State::finished);
    Hooks hooks;
    hooks.stop = [count = 0]() mutable { return ++count == 7; };
    ASSERT_EQ(train({name, common + own, out}, hooks).state, Outcome::State::stopped);
    if (name == "progan") {  // what samples know of the stage
      const training::Checkpoint c =
          training::read_checkpoint(out + "/checkpoints/last.safetensors");
      double progress = -1;
      for (const Parameter& p : c.model)
        if (p.name == "progress") progress = p.value.item();
      EXPECT_EQ(progress, 6);
    }
    TrainRequest again{name, {}, out};
    again.resume = true;
    ASSERT_EQ(train(again).state, Outcome::State::finished);
    EXPECT_TRUE(contents(out) == contents(straight));

    const models::Run run = models::Run::open(out, "cpu");
    EXPECT_EQ(run.sample({.n = 3}).x.shape(), (Shape{3, 2, 2, 1}));
    EXPECT_EQ(run.interpolate({2, 3}).x.shape(), (Shape{6, 2, 2, 1}));
    EXPECT_EQ(run.traverse({.columns = 5}).x.shape(), (Shape{15, 2, 2, 1}));
    if (name == "progan") {
      test::expect_error([&] { run.reconstruct(2); }, {"no encoder"});
      test::expect_error([&] { run.traverse({.around = 0}); }, {"no encoder"});
    } else {
      EXPECT_EQ(run.reconstruct(2).x.shape(), (Shape{4, 2, 2, 1}));
      EXPECT_NE(run.traverse({.around = 0}).x.values(), run.traverse({.around = 1}).x.values());
    }
  }
}

TEST(VaeGan, LearnsToReconstruct) {
  const test::TemporaryFolder folder;
  const Outcome trained = train({"vae-gan",
                                 {{"data", "ring8"},
                                  {"device", "cpu"},
                                  {"width", "32"},
                                  {"lr", "2e-3"},
                                  {"ema", "0"},
                                  {"batch", "64"},
                                  {"steps", "300"},
                                  {"lr_decay", "0"}},
                                 folder / "run"});
  EXPECT_LT(figure(trained.test, "mse"), 0.5);  // 1 is that of the mean
  EXPECT_GT(figure(trained.test, "rate"), 0.3);
}

TEST(Traversals, VaryOneDimensionEach) {
  const Tensor centre = Tensor::from(std::vector<float>{1, 2, 4}, Shape{1, 3});
  EXPECT_EQ(traversal(centre, {.rows = 2, .columns = 3, .range = 3}).values(),
            (std::vector<double>{-3, 2, 4, 0, 2, 4, 3, 2, 4, 1, -3, 4, 1, 0, 4, 1, 3, 4}));
  EXPECT_EQ(traversal(centre, {}).shape(), (Shape{27, 3}));
  test::expect_error([&] { traversal(centre, {.rows = 4}); }, {"at most 3 rows", "4 by 9"});
}

TEST(EncodersAndGrowth, RefuseWhatTheyHaveNoUseFor) {
  const DataInfo labelled{{2}, data::Kind::vector, 0, 8, "ring8"};
  test::expect_error([&] { Made("ali", labelled, {{"conditional", "true"}}); }, {"conditional"});
  test::expect_error([&] { Made("ali", points, {{"replay", "10"}}); }, {"replay"});
  test::expect_error(
      [&] {
        Made("vae-gan", labelled, {{"conditional", "true"}});
      },
      {"conditional"});
  test::expect_error([&] { Made("progan", points, {}); }, {"images", "ring8"});
  test::expect_error([&] { Made("progan", images, {{"size", "12"}}); }, {"'size'", "16", "12"});
  test::expect_error(
      [&] {
        Made("progan", images, {{"spectral_norm", "critic"}});
      },
      {"spectral_norm"});
}

}  // namespace
}  // namespace imago::models
