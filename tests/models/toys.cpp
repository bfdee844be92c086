// Models of several generators: their equations, who makes what, gradients and parameters that are
// trained, the mixture that boosting makes, resume; and that the presets learn a ring of modes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/ops/ops.h"
#include "models/adagan.h"
#include "models/adversarial_presets.h"
#include "tests/errors.h"
#include "tests/io/files.h"

namespace imago::models {
namespace {

using training::Settings;

const data::DataSet& ring() {
  static const data::DataSet set = data::load("ring8");
  return set;
}

// One number, moved by sgd against a gradient of 1 at the pace of its phase.
struct Paced : GenerativeTask {
  struct One : nn::Module {
    One() { parameter("x", x, Tensor::zeros({1})); }
    Tensor x;
  };
  Paced() : GenerativeTask(0) {}
  One one;
  nn::Module& model() override { return one; }
  std::vector<training::Phase> phases() override {
    training::Phase phase{.name = "main",
                          .parameters = one.parameters(),
                          .objective = [this](const training::Batch&) {
                            asked++;
                            return training::Terms{{"loss", ops::sum(one.x)}};
                          }};
    phase.share = [](Index done) {
      return std::vector<double>{1, 0.5, 0, 0.25}[std::size_t(done)];
    };
    return {phase};
  }
  std::string describe() const override { return {}; }
  bool draw(const data::DataSet&, const std::string&) override { return false; }
  std::vector<std::string> metric_names() const override { return {}; }
  training::Figures measure(const data::DataSet&, const data::Split&,
                            const MeasureOptions&) override {
    return {};
  }
  int asked = 0;
};
TEST(Phase, ShareOfTheRate) {
  training::Config config(defaults(preset("gan"), data::Kind::vector));
  for (const auto& [key, text] :
       Settings{{"optimizer", "sgd"}, {"lr", "0.5"}, {"lr_decay", "0"}, {"ema", "0"}})
    config.set_text(key, text);
  Paced task;
  Generator noise{1};
  training::Trainer trainer(task, ring(), config, noise, cpu_device);
  for (const double x : {-0.5, -0.75, -0.75, -0.875}) {
    trainer.advance();
    EXPECT_EQ(task.one.x.item(), x);
  }
  EXPECT_EQ(task.asked, 3) << "at a share of 0 the phase takes no part";
}

// A small run of a preset on the ring, by its defaults for points and these settings.
struct Played {
  explicit Played(const std::string& name, const Settings& settings = {})
      : config(defaults(preset(name), data::Kind::vector)) {
    Settings all = {{"width", "16"}, {"batch", "32"}, {"lr_decay", "0"}};
    all.insert(all.end(), settings.begin(), settings.end());
    for (const auto& [key, text] : all) config.set_text(key, text);
    preset(name).settle(config, info_of(ring()));
    Generator initial{41};
    task = preset(name).make(config, info_of(ring()), nn::Init{initial}, noise);
    trainer.emplace(*task, ring(), config, noise, cpu_device);
  }
  void steps(Index n) {
    for (Index i = 0; i < n; i++) trainer->advance();
    trainer->drain();
  }
  AdversarialModel& model() { return dynamic_cast<AdversarialTask&>(*task).adversary(); }
  std::map<std::string, std::vector<double>> state() {
    std::map<std::string, std::vector<double>> all;
    for (const Parameter& p : task->model().state_dict())
      all[p.name] =
          p.value.dtype() == DType::i64 ? std::vector<double>{p.value.item()} : p.value.values();
    return all;
  }
  double w1() {
    const training::Trainer::Evaluating evaluating(*trainer);
    return training::figure(task->measure(ring(), ring().test, {.metrics = {"w1"}, .limit = 200}),
                            "w1");
  }
  training::Config config;
  Generator noise{42};
  std::unique_ptr<GenerativeTask> task;
  std::optional<training::Trainer> trainer;
};

training::Batch batch(Index n) { return {ops::slice(ring().train.x, 0, 0, n), {}, 0}; }

// Theorem 2's weights, by hand and by what they have to fulfil.
TEST(AdaGan, WeightsInClosedForm) {
  EXPECT_DOUBLE_EQ(adagan_threshold({0, 2}, 0.5), 1);
  EXPECT_DOUBLE_EQ(adagan_weight(0, 1, 0.5), 2);
  EXPECT_DOUBLE_EQ(adagan_weight(2, 1, 0.5), 0);
  EXPECT_DOUBLE_EQ(adagan_threshold({0.3, 5, 1}, 1), 1) << "the first round: all weights are 1";
  EXPECT_DOUBLE_EQ(adagan_threshold({1, 1, 1}, 0.25), 1) << "a perfect mixture leaves data alone";
  Generator g{7};
  for (const double beta : {0.05, 0.3, 0.5, 0.9}) {
    std::vector<double> d = ops::exp(2 * ops::randn({501}, g)).values();
    const double threshold = adagan_threshold(d, beta);
    double all = 0;
    for (const double v : d) all += adagan_weight(v, threshold, beta);
    EXPECT_NEAR(all / 501, 1, 1e-12) << beta;
  }
}

// -E log D_real(x) - E log D_i(G_i(z)) and -E log D_real(G_i(z)), from the critic's own weights.
TEST(MadGan, LossesOfThePaper) {
  Played played("madgan", {{"generators", "3"}, {"penalty", "none"}});
  AdversarialModel& model = played.model();
  CriticOptions o = model.options().critic;
  ASSERT_EQ(o.outputs, 4);
  Generator unused{1}, draws = played.noise, choices = played.noise;
  CriticNetwork critic(o, nn::Init{unused}, unused);
  std::vector<Parameter> weights;
  for (const Parameter& p : model.state_dict())
    if (p.name.rfind("critic.", 0) == 0) weights.push_back({p.name.substr(7), p.value});
  critic.load_state_dict(weights);
  const training::Batch b = batch(30);
  const Tensor who = model.condition(30, -1, choices),
               fake = model.generate(ops::randn({30, model.latent()}, draws), who),
               p_real = ops::log_softmax(critic.forward(b.x)),
               p_fake = ops::log_softmax(critic.forward(fake));
  double critic_loss = 0, generator_loss = 0;
  const auto of = who.to_vector<std::int64_t>();
  for (Index i = 0; i < 30; i++) {
    EXPECT_EQ(of[std::size_t(i)], i % 3);
    critic_loss -= p_real.values()[std::size_t(4 * i + 3)] +
                   p_fake.values()[std::size_t(4 * i + of[std::size_t(i)])];
    generator_loss -= p_fake.values()[std::size_t(4 * i + 3)];
  }
  const auto phases = model.phases();
  const Generator before = played.noise;
  EXPECT_NEAR(phases[0].objective(b)[0].value.item(), critic_loss / 30, 1e-5);
  played.noise = before;
  EXPECT_NEAR(phases[1].objective(b)[0].value.item(), generator_loss / 30, 1e-5);
}

TEST(MadGan, LabelIsTheGenerator) {
  for (const char* shared : {"true", "false"}) {
    Played played("madgan", {{"generators", "3"}, {"shared_trunk", shared}});
    AdversarialModel& model = played.model();
    EXPECT_EQ(model.classes(), 3);
    Generator g{5};
    const Tensor z = ops::randn({9, model.latent()}, g);
    const std::vector<double> mixed = model.generate(z, model.condition(9, -1, g)).values();
    std::vector<std::vector<double>> alone;
    for (Index k = 0; k < 3; k++)
      alone.push_back(model.generate(z, model.condition(9, k, g)).values());
    for (std::size_t i = 0; i < 9; i++)
      for (std::size_t k = 0; k < 3; k++)
        for (std::size_t d = 0; d < 2; d++) {
          const double difference = std::fabs(mixed[2 * i + d] - alone[k][2 * i + d]);
          if (i % 3 == k) {
            EXPECT_LT(difference, 1e-6) << shared;
          } else {
            EXPECT_GT(difference, 1e-6) << shared << ": generators differ";
          }
        }
    test::expect_error(ErrorKind::usage, {"--label", "0 to 2"}, [&] { model.condition(9, 3, g); });
  }
}

TEST(SeveralGenerators, EveryParameterHasAGradient) {
  for (const char* shared : {"true", "false"}) {
    Played played("madgan", {{"shared_trunk", shared}});
    std::size_t reached = 0;
    for (const training::Phase& phase : played.model().phases()) {
      std::vector<Tensor> leaves;
      for (const Parameter& p : phase.parameters) leaves.push_back(p.value);
      const auto gradients = grad({phase.objective(batch(32))[0].value}, leaves);
      for (std::size_t i = 0; i < leaves.size(); i++, reached++) {
        double most = 0;
        for (const double v : gradients[i].values()) most = std::max(most, std::fabs(v));
        EXPECT_GT(most, 0) << phase.parameters[i].name;
      }
    }
    EXPECT_EQ(reached, played.model().parameters().size());
  }
}

const Settings three_rounds = {
    {"rounds", "3"}, {"round_steps", "12"}, {"mixture_share", "0.25"}, {"ema", "0.9"}};

// Each round trains its own generator and no other, then mixes it in; in the end everything has
// been trained.
TEST(AdaGan, RoundsTrainAndMix) {
  Played played("adagan", three_rounds);
  auto before = played.state();
  const std::vector<std::vector<double>> weights = {
      {1, 0, 0}, {.5, .5, 0}, {1 / 3., 1 / 3., 1 / 3.}};
  std::map<std::string, std::vector<double>> initial = before;
  for (std::size_t round = 0; round < 3; round++) {
    played.steps(11);
    EXPECT_EQ(played.state()["mixture.rounds"][0], double(round));
    played.steps(1);
    auto after = played.state();
    for (const auto& [name, value] : after) {
      for (std::size_t t = 0; t < 3; t++)
        if (name.rfind(concat("generator.", t, "."), 0) == 0) {
          EXPECT_EQ(value != before[name], t == round) << name << " in round " << round;
        }
      if (name.rfind("mixture_critic.", 0) == 0) {
        EXPECT_EQ(value != before[name], round > 0) << name << " in round " << round;
      }
      if (name.rfind("critic.", 0) == 0) {
        EXPECT_NE(value, before[name]) << name;
      }
    }
    EXPECT_EQ(after["mixture.rounds"][0], double(round + 1));
    double all = 0;
    for (std::size_t t = 0; t < 3; t++) {
      EXPECT_NEAR(after["mixture.weights"][t], weights[round][t], 1e-15);
      all += after["mixture.weights"][t];
    }
    EXPECT_NEAR(all, 1, 1e-15);
    EXPECT_EQ(after["mixture.threshold"][0] > 0, round > 0);
    before = std::move(after);
  }
  for (const Parameter& p : played.model().parameters())
    EXPECT_NE(before[p.name], initial[p.name]) << p.name;
  // Behind the last round there is nothing to train.
  played.steps(3);
  EXPECT_EQ(played.state(), before);
}

// Sampled for the mixture's critic, a generator with batch norm keeps its statistics.
TEST(AdaGan, FinishedGeneratorsStayAsTheyAre) {
  Settings settings = three_rounds;
  settings.emplace_back("generator_norm", "batch");
  settings.emplace_back("critic_norm", "batch");
  settings.emplace_back("penalty", "none");
  Played played("adagan", settings);
  played.steps(12);
  const auto before = played.state();
  played.steps(12);
  const auto after = played.state();
  std::size_t statistics = 0;
  for (const auto& [name, value] : before) {
    if (name.rfind("generator.0.", 0) == 0) {
      EXPECT_EQ(after.at(name), value) << name;
    }
    statistics += name.find("generator.0.") == 0 && name.find("running_") != name.npos;
    EXPECT_FALSE(name.find("mixture_critic.") == 0 && name.find("running_") != name.npos) << name;
  }
  EXPECT_GT(statistics, 0u);
}

TEST(AdaGan, SamplesAreOfTheMixture) {
  Played played("adagan", three_rounds);
  Generator g{3};
  const auto share_of = [&](std::int64_t k) {
    const auto who = played.model().condition(3000, -1, g).to_vector<std::int64_t>();
    return double(std::count(who.begin(), who.end(), k)) / 3000;
  };
  EXPECT_EQ(share_of(0), 1);
  played.steps(36);
  for (const std::int64_t k : {0, 1, 2}) EXPECT_NEAR(share_of(k), 1 / 3., 0.04);
  for (const std::int64_t k : played.model().condition(5, 2, g).to_vector<std::int64_t>())
    EXPECT_EQ(k, 2);
}

// Each row as often as its weight says, rounded up or down.
TEST(AdaGan, DrawsRowsByWeight) {
  const std::vector<double> w = {0, 2.5, 1, 0, 0.25, 1.25};
  for (const double u : {0., 0.3, 0.99}) {
    const auto rows = adagan_rows(w, u);
    ASSERT_EQ(rows.size(), w.size());
    for (std::size_t i = 0; i < w.size(); i++) {
      const double times = double(std::count(rows.begin(), rows.end(), std::int64_t(i)));
      EXPECT_LT(std::fabs(times - 1.2 * w[i]), 1) << i;
    }
  }
  EXPECT_EQ(adagan_rows({1, 1, 1}, 0.5), (std::vector<std::int64_t>{0, 1, 2}));
}

// A generator of one step makes none of the data: their ratios p_mixture / p_data are near 0,
// which leaves them the same weight each, threshold / beta = 1.
TEST(AdaGan, RatiosAreOfMixtureOverData) {
  Played played("adagan", {{"rounds", "2"},
                           {"round_steps", "300"},
                           {"mixture_share", "0.8"},
                           {"d_steps", "300"},
                           {"lr", "1e-2"}});
  played.steps(300 + 240);
  const auto state = played.state();
  double most = 0;
  for (const double d : state.at("mixture.ratios")) most = std::max(most, d);
  EXPECT_GT(most, 0);
  EXPECT_LT(most, 0.5);
  EXPECT_NEAR(state.at("mixture.threshold")[0], 0.5, 0.1);
}

// In the middle of a round: while the mixture's critic collects ratios (step 14 of rounds of 12
// with 3 of the critic), and while the generator is trained (20).
TEST(AdaGan, ResumesInTheMiddleOfARound) {
  const test::TemporaryFolder folder;
  Played whole("adagan", three_rounds);
  whole.steps(14);
  for (const Index at : {14, 20}) {
    whole.steps(at - whole.trainer->step());
    const std::string file = folder / concat(at, ".safetensors");
    training::write_checkpoint(file, whole.trainer->checkpoint());
  }
  whole.steps(36 - 20);
  for (const Index at : {14, 20}) {
    Played resumed("adagan", three_rounds);
    const std::string file = folder / concat(at, ".safetensors");
    resumed.trainer->restore(training::read_checkpoint(file), file);
    resumed.steps(36 - at);
    EXPECT_EQ(resumed.state(), whole.state()) << "from step " << at;
    EXPECT_EQ(resumed.noise, whole.noise);
  }
}

TEST(SeveralGenerators, RefuseWhatDoesNotFit) {
  const auto refused = [](const char* name, const char* key, const char* value) {
    test::expect_error(ErrorKind::usage, {key, value}, [&] { Played(name, {{key, value}}); });
  };
  refused("madgan", "loss", "hinge");
  refused("madgan", "replay", "100");
  refused("madgan", "conditional", "true");
  refused("adagan", "conditional", "true");
  refused("adagan", "replay", "100");
  refused("adagan", "historical_averaging", "0.5");
  test::expect_error(ErrorKind::usage, {"round_steps", "multiple of 5", "12"}, [] {
    Played("adagan", {{"round_steps", "12"}, {"d_steps", "5"}});
  });
}

// 1250 steps bring the samples towards the ring. How far varies with the order of sums; the
// average of weights takes most of that away.
TEST(Toys, LearnTheRing) {
  for (const char* name : {"r1", "wgan-gp", "madgan", "adagan"}) {
    Settings settings = {{"ema", "0.99"}, {"width", "32"},   {"batch", "64"},
                         {"lr", "4e-3"},  {"lambda", "0.1"}, {"d_steps", "1"}};
    if (std::string(name) == "adagan") settings.emplace_back("round_steps", "500");
    Played played(name, settings);
    const double before = played.w1();
    played.steps(1250);
    EXPECT_LT(played.w1(), 0.5 * before) << name;
  }
}

}  // namespace
}  // namespace imago::models
