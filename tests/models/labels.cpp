// Models that are told what to draw, or find it out: acgan, infogan.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/core/allocator.h"
#include "engine/ops/ops.h"
#include "models/adversarial_task.h"
#include "models/preset_rows.h"
#include "models/run.h"
#include "tests/errors.h"
#include "tests/io/files.h"

namespace imago::models {
namespace {
using test::expect_error;
using training::Settings;

// A model of a preset for points of 8 classes, and a batch of them.
struct Game {
  explicit Game(const std::string& name, const Settings& settings = {}, Index rows = 64) {
    training::Config config = defaults(preset(name), data::Kind::vector);
    for (const auto& [key, text] : settings) config.set_text(key, text);
    const DataInfo info{{2}, data::Kind::vector, 0, 8, "ring8"};
    preset(name).settle(config, info);
    task = preset(name).make(config, info, nn::Init{initial}, draws);
    Generator g{7};
    std::vector<std::int64_t> labels;
    for (Index i = 0; i < rows; i++) labels.push_back(i % 8);
    batch = {ops::randn({rows, 2}, g), Tensor::from(labels, {rows})};
  }
  AdversarialModel& model() { return static_cast<AdversarialTask&>(*task).adversary(); }
  Tensor parameter(const std::string& name) {
    for (const Parameter& p : model().parameters())
      if (p.name == name) return p.value;
    throw std::runtime_error("no parameter " + name);
  }
  // The terms of a phase, 0 critic, 1 generator.
  training::Figures terms(std::size_t phase) {
    training::Figures figures;
    for (const training::Term& t : task->phases()[phase].objective(batch))
      figures.emplace_back(t.name, t.value.item());
    return figures;
  }
  Generator initial{1}, draws{2};
  std::unique_ptr<GenerativeTask> task;
  training::Batch batch;
};

TEST(Labels, EveryParameterHasItsGradient) {
  for (const char* name : {"acgan", "infogan"}) {
    Game game(name, {{"layers", "2"}, {"width", "16"}});
    std::size_t count = 0;
    for (const training::Phase& phase : game.task->phases()) {
      std::vector<Tensor> values;
      for (const Parameter& p : phase.parameters) values.push_back(p.value);
      const auto gradients = grad({phase.objective(game.batch)[0].value}, values);
      for (std::size_t i = 0; i < gradients.size(); i++)
        EXPECT_GT(ops::sum(ops::square(gradients[i])).item(), 0)
            << name << " " << phase.parameters[i].name;
      count += gradients.size();
    }
    EXPECT_EQ(count, game.model().parameters().size()) << name;
    EXPECT_EQ(live_nodes(), 0);
  }
}

// With no weights P is the softmax of the biases, whatever it sees.
TEST(Acgan, LossesByHand) {
  Game with("acgan", {{"class_weight", "3"}}), without("acgan", {{"class_weight", "0"}});
  with.parameter("classes.weight").fill_(0);
  std::vector<float> bias(8);
  bias[2] = float(std::log(5.));  // 8 classes alike but one: sum of exponentials 12
  with.parameter("classes.bias").copy_(Tensor::from(bias, {8}));
  const double each = 3 * (std::log(12.) - std::log(5.) / 8);
  const training::Figures critic = with.terms(0), generator = with.terms(1);
  EXPECT_NEAR(training::figure(critic, "real_class_loss"), each, 1e-5);
  EXPECT_NEAR(training::figure(critic, "fake_class_loss"), each, 1e-5);
  EXPECT_NEAR(training::figure(generator, "generator_class_loss"), each, 1e-5);
  EXPECT_NEAR(training::figure(critic, "critic_loss"),
              training::figure(without.terms(0), "critic_loss") + 2 * each, 1e-5);
  EXPECT_NEAR(training::figure(generator, "generator_loss"),
              training::figure(without.terms(1), "generator_loss") + each, 1e-5);
}

TEST(Infogan, InformationByHand) {
  // Q knows nothing of a category: E log Q = -log K, and so L_I = 0. Of a code u ~ U(-1, 1):
  // E log N(u; m, 1) + log 2 with m the bias.
  const Index rows = 20000;
  Game game("infogan",
            {{"categorical", "5"}, {"continuous", "1"}, {"info_lambda", "2"}, {"width", "8"}},
            rows);
  Game without("infogan",
               {{"categorical", "5"}, {"continuous", "1"}, {"info_lambda", "0"}, {"width", "8"}},
               rows);
  game.parameter("q.weight").fill_(0);
  const double m = 0.5;
  game.parameter("q.bias").copy_(Tensor::from(std::vector<float>{1, 1, 1, 1, 1, float(m)}, {6}));
  const double information = -(1. / 3 + m * m) / 2 - std::log(2 * M_PI) / 2 + std::log(2.);
  // u^2 / 2 - u m of 20000 codes: a standard error of 0.0023.
  const training::Figures critic = game.terms(0), generator = game.terms(1);
  EXPECT_NEAR(training::figure(critic, "critic_information"), -2 * information, 0.02);
  EXPECT_NEAR(training::figure(generator, "information"), -2 * information, 0.02);
  EXPECT_NEAR(training::figure(critic, "critic_loss"),
              training::figure(without.terms(0), "critic_loss") +
                  training::figure(critic, "critic_information"),
              1e-5);
  EXPECT_NEAR(training::figure(generator, "generator_loss"),
              training::figure(without.terms(1), "generator_loss") +
                  training::figure(generator, "information"),
              1e-5);
}

TEST(Infogan, CodesAreDrawnAlike) {
  // The biases shift the odds of Q to e : 1 between two categories: E log Q tells their shares.
  Game game("infogan", {{"categorical", "2"}, {"width", "8"}}, 20000);
  game.parameter("q.weight").fill_(0);
  game.parameter("q.bias").copy_(Tensor::from(std::vector<float>{1, 0}, {2}));
  const double expected = 0.5 - std::log(1 + std::exp(1.)) + std::log(2.);
  EXPECT_NEAR(training::figure(game.terms(1), "information"), -expected, 0.015);
}

TEST(Labels, WhatIsAskedForIsToldToTheGenerator) {
  Game game("infogan", {{"categorical", "3"}, {"continuous", "2"}});
  Generator g{5};
  const std::vector<double> c = game.model().condition(4, -1, g).values();
  for (Index i = 0; i < 4; i++)
    for (Index k = 0; k < 5; k++) {
      const double v = c[std::size_t(5 * i + k)];
      if (k < 3)
        EXPECT_EQ(v, k == i % 3);
      else
        EXPECT_TRUE(v >= -1 && v < 1) << v;
    }
  const std::vector<double> two = game.model().condition(2, 2, g).values();
  EXPECT_EQ(two[2], 1);
  EXPECT_EQ(two[7], 1);
  EXPECT_EQ(two[0] + two[1], 0);
  expect_error([&] { game.model().condition(1, 3, g); }, {"no such code", "0 to 2", "3"});
  EXPECT_EQ(Game("acgan").model().condition(10, 6, g).to_vector<std::int64_t>()[9], 6);
}

TEST(Labels, WhatDoesNotGoTogetherIsRefused) {
  const auto refused = [](const std::string& name, const Settings& settings,
                          const std::vector<std::string>& words) {
    expect_error([&] { Game(name, settings); }, words);
  };
  refused("cgan", {{"replay", "100"}}, {"replay", "labels"});
  refused("acgan", {{"replay", "100"}}, {"replay", "labels"});
  refused("acgan", {{"conditional", "false"}}, {"conditional"});
  refused("acgan", {{"conditioning", "projection"}}, {"conditioning"});
  refused("infogan", {{"replay", "100"}}, {"replay", "codes"});
  refused("infogan", {{"conditional", "true"}}, {"conditional"});
  refused("infogan", {{"categorical", "0"}}, {"no codes"});
  refused("infogan", {{"categorical", "1"}}, {"one category"});
}

// A short run; what a whole one comes to is the program's to show.
double learnt(const std::string& name, const std::string& figure, const Settings& more = {}) {
  const test::TemporaryFolder folder;
  TrainRequest r{name,
                 {{"data", "ring8"},
                  {"device", "cpu"},
                  {"steps", "400"},
                  {"batch", "64"},
                  {"width", "32"},
                  {"layers", "2"},
                  {"lr", "0.002"},
                  {"ema", "0"}},
                 folder / "run"};
  r.settings.insert(r.settings.end(), more.begin(), more.end());
  return training::figure(train(r).test, figure);
}
TEST(Labels, AreLearnt) {
  EXPECT_GT(learnt("cgan", "label_accuracy", {{"conditioning", "projection"}}), 0.9);
  EXPECT_GT(learnt("acgan", "label_accuracy"), 0.9);
  EXPECT_GT(learnt("infogan", "purity"), 0.5);
}

TEST(Labels, ResumeToTheSameBytes) {
  const test::TemporaryFolder folder;
  for (const char* name : {"acgan", "infogan"}) {
    const auto request = [&](const std::string& out) {
      return TrainRequest{name,
                          {{"data", "four-patterns"},
                           {"architecture", "dense"},
                           {"device", "cpu"},
                           {"steps", "9"},
                           {"batch", "16"},
                           {"width", "8"},
                           {"critic_norm", "none"},
                           {"d_steps", "3"},
                           {"historical_averaging", "0.1"},
                           {"penalty", "r1"}},
                          folder / concat(name, out)};
    };
    train(request("straight"));
    Hooks hooks;
    int steps = 0;
    hooks.stop = [&] { return ++steps == 4; };  // inside a cycle of three critic steps
    EXPECT_EQ(train(request("stopped"), hooks).state, Outcome::State::stopped);
    TrainRequest again = request("stopped");
    again.resume = true;
    train(again);
    const auto last = [&](const char* out) {
      return test::contents(folder / concat(name, out, "/checkpoints/last.safetensors"));
    };
    EXPECT_TRUE(last("straight") == last("stopped")) << name;
  }
}

}  // namespace
}  // namespace imago::models
