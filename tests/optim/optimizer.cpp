// Optimisers against plain loops in double over torch.optim's formulas, resume, clipping, missing
// gradients and errors.
#include "engine/optim/optimizer.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include "tests/errors.h"
#include "tests/ops/devices.h"

namespace imago {
namespace {

using test::message;
using Doubles = std::vector<double>;

// Empty, one element, primes, several chunks; the many small ones fill more than one of a device's
// tables.
std::vector<Shape> shapes() {
  std::vector<Shape> list{{}, {7}, {0, 3}, {31, 11}, {20011}};
  for (int i = 0; i < 150; i++) list.push_back({1 + i % 5});
  return list;
}

Tensor tensor(const Doubles& v, const Shape& s, DType t, Device d) {
  if (t == DType::f64) return Tensor::from(v, s, d);
  return Tensor::from(std::vector<float>(v.begin(), v.end()), s, d);
}
Doubles draw(std::mt19937_64& rng, Index n) {
  std::normal_distribution<float> normal;
  Doubles v(static_cast<std::size_t>(n));
  for (double& x : v) x = normal(rng);
  return v;
}

// One parameter of the reference.
struct Plain {
  Doubles w, first, second, third, average;
  int t = 0;
};

double adjusted(double g, double w, const OptimizerOptions& o, double scale, bool decoupled) {
  g *= scale;
  if (o.clip_value > 0) g = std::clamp(g, -o.clip_value, o.clip_value);
  if (!decoupled) g += o.weight_decay * w;
  return g + o.l1 * (w > 0 ? 1 : w < 0 ? -1 : 0);
}

// torch.optim's single-tensor loops.
void plain_step(Plain& p, const Doubles& grad, const UpdateRule& rule, const OptimizerOptions& o,
                double scale) {
  p.t++;
  const auto* adam = std::get_if<Adam>(&rule);
  for (std::size_t i = 0; i < grad.size(); i++) {
    double& w = p.w[i];
    double g = adjusted(grad[i], w, o, scale, adam && adam->decoupled);
    if (const auto* r = std::get_if<Sgd>(&rule)) {
      if (r->momentum > 0) {
        p.first[i] = p.t == 1 ? g : r->momentum * p.first[i] + (1 - r->dampening) * g;
        g = r->nesterov ? g + r->momentum * p.first[i] : p.first[i];
      }
      w -= o.lr * g;
    } else if (const auto* r = std::get_if<Adagrad>(&rule)) {
      if (p.t == 1) p.first[i] = r->initial_accumulator;
      p.first[i] += g * g;
      w -= o.lr / (1 + (p.t - 1) * r->lr_decay) * g / (std::sqrt(p.first[i]) + r->eps);
    } else if (const auto* r = std::get_if<RmsProp>(&rule)) {
      p.first[i] = r->alpha * p.first[i] + (1 - r->alpha) * g * g;
      double spread = p.first[i];
      if (r->centered) {
        p.second[i] = r->alpha * p.second[i] + (1 - r->alpha) * g;
        spread -= p.second[i] * p.second[i];
      }
      double step = g / (std::sqrt(spread) + r->eps);
      if (r->momentum > 0) step = p.third[i] = r->momentum * p.third[i] + step;
      w -= o.lr * step;
    } else {
      if (adam->decoupled) w *= 1 - o.lr * o.weight_decay;
      p.first[i] = adam->beta1 * p.first[i] + (1 - adam->beta1) * g;
      p.second[i] = adam->beta2 * p.second[i] + (1 - adam->beta2) * g * g;
      const double c1 = 1 - std::pow(adam->beta1, p.t), c2 = 1 - std::pow(adam->beta2, p.t);
      w -= o.lr / c1 * p.first[i] / (std::sqrt(p.second[i]) / std::sqrt(c2) + adam->eps);
    }
    p.average[i] = o.ema * p.average[i] + (1 - o.ema) * w;
  }
}
double joint_norm(const std::vector<Doubles>& grads) {
  double sum = 0;
  for (const Doubles& g : grads)
    for (double x : g) sum += x * x;
  return std::sqrt(sum);
}

struct Case {
  const char* name;
  UpdateRule rule;
  OptimizerOptions options;
};
const Case kCases[] = {
    {"sgd", Sgd{}, {.lr = .1}},
    {"sgd_decay_clip_value", Sgd{}, {.lr = .1, .weight_decay = .01, .l1 = .003, .clip_value = .5}},
    {"sgd_momentum", Sgd{.momentum = .9, .dampening = .1}, {.lr = .05, .weight_decay = .01}},
    {"sgd_nesterov_ema", Sgd{.momentum = .8, .nesterov = true}, {.lr = .05, .ema = .9}},
    {"adagrad", Adagrad{}, {.lr = .1}},
    {"adagrad_decay",
     Adagrad{.lr_decay = .1, .initial_accumulator = .2},
     {.lr = .1, .weight_decay = .1, .ema = .5}},
    {"rmsprop", RmsProp{}, {.lr = .01}},
    {"rmsprop_momentum", RmsProp{.alpha = .9, .momentum = .7}, {.lr = .01, .l1 = .01}},
    {"rmsprop_centered", RmsProp{.alpha = .95, .centered = true}, {.lr = .01, .ema = .9}},
    {"rmsprop_all",
     RmsProp{.alpha = .9, .momentum = .5, .centered = true},
     {.lr = .01, .clip_norm = 3}},
    {"adam", Adam{}, {.lr = .01}},
    {"adam_gan",
     Adam{.beta1 = .5, .beta2 = .9},
     {.lr = .01, .weight_decay = .1, .clip_norm = 2, .ema = .99}},
    {"adam_beta1_zero", Adam{.beta1 = 0}, {.lr = .01}},
    {"adamw", Adam{.decoupled = true}, {.lr = .01, .weight_decay = .1}},
    {"adamw_all",
     Adam{.eps = 1e-3, .decoupled = true},
     {.lr = .01, .weight_decay = .3, .l1 = .01, .clip_norm = 5, .clip_value = .02, .ema = .8}},
};

struct Model {
  std::vector<Parameter> parameters;
  std::vector<Plain> plain;
};
Model model(DType t, Device d) {
  std::mt19937_64 rng(1);
  Model m;
  for (const Shape& s : shapes()) {
    const Doubles w = draw(rng, s.numel());
    m.parameters.push_back({concat("layer.", m.parameters.size()), tensor(w, s, t, d)});
    m.plain.push_back({w, Doubles(w.size()), Doubles(w.size()), Doubles(w.size()), w});
  }
  return m;
}
std::vector<Doubles> gradients(std::mt19937_64& rng) {
  std::vector<Doubles> g;
  for (const Shape& s : shapes()) g.push_back(draw(rng, s.numel()));
  return g;
}
std::vector<Tensor> tensors(const std::vector<Doubles>& g, DType t, Device d) {
  std::vector<Tensor> list;
  for (std::size_t i = 0; i < g.size(); i++) list.push_back(tensor(g[i], shapes()[i], t, d));
  return list;
}
void expect_near(const Doubles& got, const Doubles& want, double tolerance,
                 const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (std::size_t i = 0; i < got.size(); i++)
    ASSERT_NEAR(got[i], want[i], tolerance * (1 + std::fabs(want[i]))) << what << " element " << i;
}

class OptimizerTest : public testing::TestWithParam<std::tuple<Case, Backend, DType>> {
 protected:
  void SetUp() override {
    if (runtime::device_count(device().backend) == 0)
      GTEST_SKIP() << "no " << name(device()) << " device";
  }
  const Case& rule() const { return std::get<0>(GetParam()); }
  Device device() const { return {std::get<1>(GetParam()), 0}; }
  DType dtype() const { return std::get<2>(GetParam()); }
};

// Float32 rounding of ten steps of size lr on weights of order 1: measured below 2e-6; centered
// RMSprop subtracts squares.
TEST_P(OptimizerTest, EqualsPlainLoops) {
  Model m = model(dtype(), device());
  const OptimizerOptions& o = rule().options;
  Optimizer optimizer(m.parameters, rule().rule, o);
  const double tolerance = dtype() == DType::f64 ? 1e-12 : 1e-5;
  std::mt19937_64 rng(2);
  for (int step = 0; step < 10; step++) {
    const std::vector<Doubles> g = gradients(rng);
    const double norm = joint_norm(g);
    optimizer.step(tensors(g, dtype(), device()));
    const double scale = o.clip_norm > 0 ? std::min(1., o.clip_norm / (norm + 1e-6)) : 1;
    for (std::size_t i = 0; i < g.size(); i++) plain_step(m.plain[i], g[i], rule().rule, o, scale);
    if (o.clip_norm > 0) {
      EXPECT_NEAR(optimizer.gradient_norm().item(), norm, tolerance * norm);
    }
  }
  EXPECT_EQ(optimizer.steps(), 10);
  EXPECT_EQ(optimizer.averaged().size(), o.ema > 0 ? m.plain.size() : 0);
  for (std::size_t i = 0; i < m.plain.size(); i++) {
    expect_near(m.parameters[i].value.values(), m.plain[i].w, tolerance, m.parameters[i].name);
    if (o.ema > 0)
      expect_near(optimizer.averaged()[i].value.values(), m.plain[i].average, tolerance, "average");
  }
}

TEST_P(OptimizerTest, ResumesBitForBit) {
  const auto run = [&](Model& m, Optimizer& optimizer, int begin, int end) {
    std::mt19937_64 rng(3);
    for (int step = 0; step < end; step++) {
      const std::vector<Doubles> g = gradients(rng);
      if (step >= begin) optimizer.step(tensors(g, dtype(), device()));
    }
    (void)m;
  };
  Model whole = model(dtype(), device()), before = model(dtype(), device()),
        after = model(dtype(), device());
  Optimizer a(whole.parameters, rule().rule, rule().options),
      b(before.parameters, rule().rule, rule().options);
  run(whole, a, 0, 6);
  run(before, b, 0, 4);
  for (std::size_t i = 0; i < after.parameters.size(); i++)
    after.parameters[i].value.copy_(before.parameters[i].value);
  Optimizer c(after.parameters, rule().rule, rule().options);
  c.load_state_dict(b.state_dict());
  EXPECT_EQ(c.steps(), 4);
  run(after, c, 4, 6);
  for (std::size_t i = 0; i < after.parameters.size(); i++)
    ASSERT_EQ(after.parameters[i].value.values(), whole.parameters[i].value.values()) << i;
  const auto sa = a.state_dict(), sc = c.state_dict();
  for (std::size_t i = 0; i < sa.size(); i++)
    ASSERT_EQ(sa[i].value.values(), sc[i].value.values()) << sa[i].name;
}

std::string test_name(const testing::TestParamInfo<OptimizerTest::ParamType>& info) {
  const auto& [c, backend, dtype] = info.param;
  return concat(c.name, "_",
                backend == Backend::cpu    ? "cpu"
                : backend == Backend::cuda ? "cuda"
                                           : "emulated",
                "_", name(dtype));
}
INSTANTIATE_TEST_SUITE_P(All, OptimizerTest,
                         testing::Combine(testing::ValuesIn(kCases),
                                          testing::ValuesIn(test::built_backends()),
                                          testing::Values(DType::f32, DType::f64)),
                         test_name);

// --- once, on the cpu

Parameter small(const char* name, Doubles v) { return {name, Tensor::from(v, {Index(v.size())})}; }
bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

TEST(Optimizer, SameBitsWithAnyNumberOfThreads) {
  const int before = omp_get_max_threads();
  std::vector<std::vector<Doubles>> results;
  for (int threads : {1, 2, 3}) {
    omp_set_num_threads(threads);
    Model m = model(DType::f32, cpu_device);
    Optimizer optimizer(m.parameters, Adam{}, {.clip_norm = .1});
    std::mt19937_64 rng(4);
    for (int step = 0; step < 3; step++)
      optimizer.step(tensors(gradients(rng), DType::f32, cpu_device));
    std::vector<Doubles> all;
    for (const Parameter& p : m.parameters) all.push_back(p.value.values());
    results.push_back(all);
  }
  omp_set_num_threads(before);
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(Optimizer, SmallGradientsAreNotScaledUp) {
  const Parameter p = small("w", {1, 1});
  Optimizer optimizer({p}, Sgd{}, {.lr = 1, .clip_norm = 10});
  optimizer.step({Tensor::from(Doubles{.3, .4}, {2})});
  EXPECT_EQ(optimizer.gradient_norm().item(), .5);
  expect_near(p.value.values(), {.7, .6}, 1e-15, "w");
}

TEST(Optimizer, NonFiniteGradientsAreSeen) {
  const Parameter p = small("w", {1, 1});
  Optimizer optimizer({p}, Adam{}, {.clip_norm = 1, .clip_value = 1});
  optimizer.step({Tensor::from(Doubles{NAN, 0}, {2})});
  EXPECT_TRUE(std::isnan(optimizer.gradient_norm().item()));
  EXPECT_TRUE(std::isnan(p.value.values()[0]));
}

TEST(Optimizer, MissingGradientIsAnErrorThatNamesTheParameter) {
  const Parameter a = small("encoder.0.weight", {1}), b = small("encoder.0.bias", {2});
  Optimizer optimizer({a, b}, Adam{});
  const std::string text = message([&] { optimizer.step({Tensor::from(Doubles{1}, {1}), {}}); });
  EXPECT_TRUE(has(text, "encoder.0.bias")) << text;
  EXPECT_EQ(a.value.item(), 1) << "a failing step changed a parameter";
  EXPECT_EQ(optimizer.steps(), 0);
}

TEST(Optimizer, MissingGradientsKeepTheirOwnStepCount) {
  const Parameter a = small("a", {1}), b = small("b", {1});
  Optimizer optimizer({a, b}, Adam{}, {.lr = .1, .allow_missing = true});
  const Tensor g = Tensor::from(Doubles{1}, {1});
  optimizer.step({g, {}});
  EXPECT_EQ(b.value.item(), 1);
  optimizer.step({{}, g});  // b's first step: the full bias correction, as a had
  EXPECT_EQ(a.value.item(), b.value.item());
  EXPECT_NEAR(b.value.item(), .9, 1e-8);
}

TEST(Optimizer, StepUsesTheLeavesGradients) {
  const Parameter p = small("w", {1});
  p.value.requires_grad_();
  Optimizer optimizer({p}, Sgd{}, {.lr = .5});
  p.value.set_grad(Tensor::from(Doubles{2}, {1}));
  const std::uint32_t version = p.value.version();
  optimizer.step();
  EXPECT_EQ(p.value.item(), 0);
  EXPECT_GT(p.value.version(), version) << "autograd could not see the change";
  optimizer.zero_grad();
  EXPECT_FALSE(p.value.grad().defined());
}

TEST(Optimizer, LearningRateChangesBetweenSteps) {
  const Parameter p = small("w", {1});
  Optimizer optimizer({p}, Sgd{}, {.lr = .5});
  const Tensor g = Tensor::from(Doubles{1}, {1});
  optimizer.step({g});
  optimizer.set_lr(.25);
  optimizer.step({g});
  EXPECT_EQ(p.value.item(), .25);
  EXPECT_THROW(optimizer.set_lr(-1), Error);
  EXPECT_THROW(optimizer.set_lr(NAN), Error);
}

TEST(Optimizer, RefusesWrongGradients) {
  const Parameter p = small("w", {1, 2});
  Optimizer optimizer({p}, Sgd{});
  EXPECT_TRUE(has(message([&] { optimizer.step(std::vector<Tensor>{}); }), "expected 1"));
  EXPECT_TRUE(has(message([&] { optimizer.step({Tensor::from(Doubles{1}, {1})}); }), "w"));
  EXPECT_TRUE(has(message([&] { optimizer.step({Tensor::zeros({2})}); }), "float32"));
}

TEST(Optimizer, RefusesWrongConstruction) {
  const Parameter p = small("w", {1});
  EXPECT_THROW(Optimizer({}, Sgd{}), Error);
  EXPECT_TRUE(has(message([&] { Optimizer({p, p}, Sgd{}); }), "w"));
  EXPECT_THROW(Optimizer({p, {"f", Tensor::zeros({1})}}, Sgd{}), Error);
  EXPECT_THROW(Optimizer({{"i", Tensor::zeros({1}, DType::i64)}}, Sgd{}), Error);
  EXPECT_THROW(Optimizer({p}, Sgd{}, {.lr = -1}), Error);
  EXPECT_THROW(Optimizer({p}, Sgd{.nesterov = true}), Error);
  EXPECT_TRUE(has(message([&] { Optimizer({p}, Adam{.beta1 = 1}); }), "beta1"));
  EXPECT_THROW(Optimizer({p}, Adam{}, {.ema = 1}), Error);
  EXPECT_THROW(Optimizer({p}, Adam{}, {.weight_decay = NAN}), Error);
}

TEST(Optimizer, RefusesForeignStateAndStaysAsItWas) {
  const Parameter p = small("w", {1}), q = small("v", {1});
  Optimizer optimizer({p}, Adam{});
  optimizer.step({Tensor::from(Doubles{1}, {1})});
  const Doubles before = optimizer.state_dict()[2].value.values();
  auto state = Optimizer({p}, Adam{}).state_dict();
  auto missing = state;
  missing.pop_back();
  EXPECT_TRUE(has(message([&] { optimizer.load_state_dict(missing); }), "w.exp_avg_sq"));
  auto extra = state;
  extra.push_back({"w.odd", Tensor::zeros({1})});
  EXPECT_TRUE(has(message([&] { optimizer.load_state_dict(extra); }), "w.odd"));
  auto bent = state;
  bent[2].value = Tensor::zeros({2}, DType::f64);
  EXPECT_TRUE(has(message([&] { optimizer.load_state_dict(bent); }), "w.exp_avg"));
  EXPECT_THROW(optimizer.load_state_dict(Optimizer({q}, Adam{}).state_dict()), Error);
  EXPECT_THROW(optimizer.load_state_dict(Optimizer({p}, Sgd{}).state_dict()), Error);
  EXPECT_EQ(optimizer.state_dict()[2].value.values(), before);
  EXPECT_EQ(optimizer.steps(), 1);
}

}  // namespace
}  // namespace imago
