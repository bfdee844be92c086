// Every adversarial preset, on points and on images: its steps train what they should, leave no
// graph and no memory behind, and go on bit for bit from a checkpoint in the middle of a cycle of
// critic and generator steps.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "engine/core/allocator.h"
#include "engine/ops/ops.h"
#include "models/adversarial_presets.h"

namespace imago::models {
namespace {

using training::Settings;

data::DataSet labelled(data::Kind kind) {
  Generator g{31};
  data::DataSet set;
  set.name = "noise";
  set.kind = kind;
  set.classes = 3;
  const bool image = kind == data::Kind::image;
  set.sample_shape = image ? Shape{8, 8, 1} : Shape{2};
  std::vector<Index> dims{44};
  for (const Index d : set.sample_shape) dims.push_back(d);
  set.train.x = ops::rand(Shape(dims), g);
  std::vector<std::int64_t> labels;
  for (Index i = 0; i < 44; i++) labels.push_back(i % 3);
  set.train.labels = Tensor::from(labels, {44});
  set.test = {ops::slice(set.train.x, 0, 0, 12), ops::slice(set.train.labels, 0, 0, 12)};
  set.fingerprint = "0";
  return set;
}

// A run of a preset with small networks.
struct Session {
  Session(const Preset& preset, data::Kind kind, const Settings& settings = {})
      : set(labelled(kind)), config(defaults(preset, kind)) {
    if (preset.densities) set.name = "density:ring";
    const std::string size = config.integer("size") > 0 ? "8" : "0",
                      attention = config.has("attention") && config.integer("attention") > 0 &&
                                          kind == data::Kind::image
                                      ? "4"
                                      : "0";
    for (const auto& [key, text] : Settings{{"width", "4"},
                                            {"latent", "3"},
                                            {"batch", "9"},
                                            {"steps", "1000"},
                                            {"size", size},
                                            {"attention", attention},
                                            {"lr_decay", "50"},
                                            {"ema", "0.9"},
                                            // so that each is in a run of 12 steps
                                            {"rounds", "2"},
                                            {"round_steps", "5"},
                                            {"stage_steps", "3"}})
      if (config.has(key)) config.set_text(key, text);
    const training::Config plain = config;
    for (const auto& [key, text] : settings) config.set_text(key, text);
    // What a preset refuses by name is left as it was.
    while (!settled(preset)) {
      const std::string& option = refused.back();
      if (config.option(option).value == plain.option(option).value)
        throw std::logic_error("refused as it is by default: " + option);
      config.set(option, plain.option(option).value);
    }
    initial = {5, initial_draws};
    noise = {5, 0};
    task = preset.make(config, info_of(set), nn::Init{initial}, noise);
    trainer = std::make_unique<training::Trainer>(*task, set, config, noise, cpu_device);
  }
  void advance(int steps) {
    for (int i = 0; i < steps; i++) trainer->advance();
    trainer->drain();
  }
  std::vector<std::pair<std::string, std::vector<double>>> state() {
    std::vector<std::pair<std::string, std::vector<double>>> all;
    const training::Checkpoint c = trainer->checkpoint();
    for (const Parameter& p : c.model) all.emplace_back(p.name, p.value.values());
    for (const Parameter& p : c.optimizer)
      all.emplace_back("optimizer." + p.name, p.value.values());
    return all;
  }
  bool settled(const Preset& preset) {
    try {
      training::Config trial = config;
      preset.settle(trial, info_of(set));
      config = trial;
      return true;
    } catch (const Error& e) {
      const std::string where = e.parts().where, before = "option '";
      if (e.kind() != ErrorKind::usage || where.rfind(before, 0) != 0) throw;
      refused.push_back(where.substr(before.size(), where.size() - before.size() - 1));
      return false;
    }
  }
  data::DataSet set;
  training::Config config;
  std::vector<std::string> refused;
  Generator initial, noise;
  std::unique_ptr<GenerativeTask> task;
  std::unique_ptr<training::Trainer> trainer;
};

const Settings every_stabiliser = {{"feature_matching", "0.5"},
                                   {"historical_averaging", "0.01"},
                                   {"minibatch_discrimination", "2"},
                                   {"minibatch_stddev", "true"},
                                   {"label_smoothing", "0.9"},
                                   {"instance_noise", "0.1"},
                                   {"instance_noise_steps", "30"},
                                   {"replay", "20"},
                                   {"dropout", "0.1"},
                                   {"optimism", "1"},
                                   {"ttur", "2"}};

struct Case {
  std::string preset;
  data::Kind kind;
  bool stabilised;
};
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Preset& p : adversarial_presets())
    for (const data::Kind kind : {data::Kind::vector, data::Kind::image})
      for (const bool stabilised : {false, true})
        if (kind == data::Kind::image ? p.name != "implicit-vi" : p.name != "progan")
          all.push_back({p.name, kind, stabilised});
  return all;
}
std::string case_name(const testing::TestParamInfo<Case>& i) {
  std::string s = i.param.preset;
  for (char& c : s)
    if (c == '-') c = '_';
  return s + (i.param.kind == data::Kind::image ? "_images" : "_points") +
         (i.param.stabilised ? "_stabilised" : "");
}

class Games : public testing::TestWithParam<Case> {
 protected:
  std::unique_ptr<Session> run() const {
    const Case& c = GetParam();
    return std::make_unique<Session>(preset(c.preset), c.kind,
                                     c.stabilised ? every_stabiliser : Settings{});
  }
};

// The stabilisers that make no sense in a preset, each an error that names it; all others work.
const std::vector<std::string> critics = {
    "dropout",         "ttur",  "feature_matching", "minibatch_discrimination", "minibatch_stddev",
    "label_smoothing", "replay"};
const std::map<std::string, std::vector<std::string>> refusals = {
    {"cgan", {"replay"}},
    {"wgan", {"label_smoothing"}},
    {"wgan-gp", {"label_smoothing"}},
    {"ebgan", {"label_smoothing"}},
    {"began", {"label_smoothing"}},
    {"gmmn", critics},
    {"moment", critics},
    {"cramer", {"label_smoothing"}},
    {"madgan", {"replay"}},
    {"adagan", {"replay", "historical_averaging"}},
    {"infogan", {"replay"}},
    {"acgan", {"replay"}},
    {"ali", {"replay"}},
    {"progan", {"label_smoothing", "dropout", "feature_matching", "minibatch_discrimination"}},
    {"implicit-vi", {"label_smoothing", "feature_matching", "replay"}},
};

TEST_P(Games, TrainEveryParameterAndLeaveNoGraph) {
  const auto r = run();
  const auto expected = refusals.find(GetParam().preset);
  EXPECT_EQ(r->refused, !GetParam().stabilised || expected == refusals.end()
                            ? std::vector<std::string>{}
                            : expected->second);
  const auto before = r->state();
  r->advance(12);
  EXPECT_EQ(live_nodes(), 0);
  const auto after = r->state();
  ASSERT_EQ(before.size(), after.size());
  std::set<std::string> trained;
  for (const training::Phase& phase : r->task->phases())
    for (const Parameter& p : phase.parameters) trained.insert(p.name);
  for (const Parameter& p : r->task->model().parameters())
    EXPECT_TRUE(trained.count(p.name)) << p.name << " is in no phase";
  std::string unseen;
  if (r->config.text("loss") == "wasserstein")
    for (const Parameter& p : r->task->model().parameters())
      if (p.name.rfind("critic.", 0) == 0) unseen = p.name;
  for (std::size_t i = 0; i < before.size(); i++) {
    // A difference of means does not see the critic's last bias.
    if (trained.count(before[i].first) && before[i].first != unseen) {
      EXPECT_NE(before[i].second, after[i].second) << before[i].first;
    }
    for (const double v : after[i].second) ASSERT_TRUE(std::isfinite(v)) << after[i].first;
  }
  for (const auto& [name, value] : r->task->evaluate(r->set, r->set.test))
    EXPECT_TRUE(std::isfinite(value)) << name;
  EXPECT_EQ(live_nodes(), 0);
}

// Step 7 lies between two generator steps of presets with five critic steps for each.
TEST_P(Games, GoOnBitForBitInTheMiddleOfACycle) {
  const auto whole = run(), first = run(), second = run();
  whole->advance(18);
  first->advance(7);
  second->trainer->restore(first->trainer->checkpoint(), "checkpoint");
  second->advance(11);
  const auto a = whole->state(), b = second->state();
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); i++) {
    EXPECT_EQ(a[i].first, b[i].first);
    EXPECT_EQ(a[i].second, b[i].second) << a[i].first;
  }
}
INSTANTIATE_TEST_SUITE_P(Presets, Games, testing::ValuesIn(cases()), case_name);

#ifndef __SANITIZE_ADDRESS__  // there every block goes back to the device
TEST(Game, MemoryIsFlatOver2000Steps) {
  for (const char* name : {"wgan-gp", "r1"}) {
    Session r(preset(name), data::Kind::vector, {{"replay", "20"}, {"critic_norm", "layer"}});
    r.advance(40);
    const MemoryStats early = memory_stats(cpu_device);
    for (int i = 0; i < 200; i++) r.advance(10);
    const MemoryStats late = memory_stats(cpu_device);
    EXPECT_EQ(late.active, early.active) << name;
    EXPECT_EQ(late.device_allocations, early.device_allocations) << name;
  }
}
#endif

}  // namespace
}  // namespace imago::models
