// Gradient penalties against closed forms and finite differences; the four passes against the tape;
// what either leaves behind.
#include "engine/nn/gradient_penalty.h"

#include <cmath>

#include "engine/core/allocator.h"
#include "engine/nn/conv.h"
#include "engine/ops/ops.h"
#include "tests/errors.h"
#include "tests/ops/devices.h"

namespace imago::nn {
namespace {

constexpr PenaltyKind kKinds[] = {PenaltyKind::wgan_gp, PenaltyKind::lp, PenaltyKind::dragan,
                                  PenaltyKind::r1, PenaltyKind::r2};
constexpr Generator kNoise{5, 3};

Tensor normals(const Shape& shape, std::uint64_t seed, Device d = {}) {
  Generator g{seed};
  return ops::randn(shape, g, DType::f64, d);
}
Tensor penalty(Layer& critic, const Tensor& real, const Tensor& fake, PenaltyOptions o) {
  Generator g = kNoise;
  return gradient_penalty(critic, real, fake, o, g);
}
std::vector<Tensor> leaves(const Module& m) {
  std::vector<Tensor> all;
  for (const auto& p : m.parameters()) all.push_back(p.value);
  return all;
}

double phi(PenaltyKind kind, double n) {
  if (kind == PenaltyKind::r1 || kind == PenaltyKind::r2) return n * n / 2;
  return kind == PenaltyKind::lp && n < 1 ? 0 : (n - 1) * (n - 1);
}
double slope(PenaltyKind kind, double n) {
  if (kind == PenaltyKind::r1 || kind == PenaltyKind::r2) return n;
  return kind == PenaltyKind::lp && n < 1 ? 0 : 2 * (n - 1);
}
bool needs_real(PenaltyKind k) { return k != PenaltyKind::r2; }
bool needs_fake(PenaltyKind k) { return k != PenaltyKind::r1 && k != PenaltyKind::dragan; }

// f(x) = w . x: every gradient is w, wherever it is taken.
TEST(GradientPenalty, OfALinearCriticHasAClosedForm) {
  Generator init{1};
  for (const double size : {.3, 2.5})
    for (const PenaltyKind kind : kKinds)
      for (const bool fused : {true, false}) {
        Linear critic(3, 1, {init, {}, DType::f64});
        const double u[] = {2 / 7., 3 / 7., -6 / 7.};  // of length 1
        critic.weight.copy_(
            Tensor::from(std::vector<double>{size * u[0], size * u[1], size * u[2]}, Shape{1, 3}));
        const Tensor p = penalty(critic, needs_real(kind) ? normals({4, 3}, 2) : Tensor(),
                                 needs_fake(kind) ? normals({4, 3}, 3) : Tensor(),
                                 {.kind = kind, .fused = fused});
        EXPECT_EQ(p.shape(), Shape{});
        EXPECT_NEAR(p.item(), phi(kind, size), 1e-12);
        const auto d = grad({p}, {critic.weight})[0].values();
        for (std::size_t i = 0; i < 3; i++) EXPECT_NEAR(d[i], slope(kind, size) * u[i], 1e-12);
        test::expect_error([&] { grad({p}, {critic.bias}); }, {"not reachable"});
      }
}

// f(x) = a |x|^2 / 2: the gradient at x is a x.
TEST(GradientPenalty, OfAQuadraticCriticHasAClosedForm) {
  const Tensor real = normals({5, 2, 3}, 2), fake = normals({5, 2, 3}, 3);
  const double a = .7;
  for (const PenaltyKind kind : kKinds)
    for (const ops::RowNoise noise : {ops::RowNoise::uniform, ops::RowNoise::normal}) {
      const PenaltyOptions options{.kind = kind, .noise = noise, .variance = .25};
      // Where the gradient is taken, from draws of their own.
      Generator g = kNoise;
      const std::vector<double> r = real.values(), f = fake.values();
      std::vector<double> x = kind == PenaltyKind::r2 ? f : r;
      if (kind == PenaltyKind::dragan || needs_fake(kind)) {
        const auto u = ops::rand({5}, g, DType::f64).values();
        const bool uniform = noise == ops::RowNoise::uniform;
        const auto e = (uniform ? ops::rand : ops::randn)({30}, g, DType::f64, {}).values();
        double mean = 0, variance = 0;
        for (const double v : r) mean += v / 30;
        for (const double v : r) variance += (v - mean) * (v - mean) / 30;
        const double sigma = uniform ? .5 * std::sqrt(variance) : .5;
        for (std::size_t i = 0; i < 30; i++) {
          if (kind == PenaltyKind::dragan) x[i] = r[i] + u[i / 6] * sigma * e[i];
          if (kind == PenaltyKind::wgan_gp || kind == PenaltyKind::lp)
            x[i] = u[i / 6] * r[i] + (1 - u[i / 6]) * f[i];
        }
      }
      double want = 0, derivative = 0;
      for (std::size_t row = 0; row < 5; row++) {
        double squares = 0;
        for (std::size_t i = 0; i < 6; i++) squares += x[6 * row + i] * x[6 * row + i];
        want += phi(kind, a * std::sqrt(squares)) / 5;
        derivative += slope(kind, a * std::sqrt(squares)) * std::sqrt(squares) / 5;
      }
      const Tensor weight = Tensor::scalar(a, DType::f64);
      weight.requires_grad_();
      Generator noise_again = kNoise;
      const Tensor p = gradient_penalty(
          [&](const Tensor& t) {
            return weight * ops::sum(ops::square(t), {1, 2}) * .5;
          },
          real, fake, options, noise_again);
      EXPECT_NEAR(p.item(), want, 1e-12);
      EXPECT_NEAR(grad({p}, {weight})[0].item(), derivative, 1e-12);
    }
}

// --- critics of the four passes

struct Case {
  const char* name;
  Shape sample;
  std::function<void(Sequential&, const Init&)> build;
};
using ops::ConvOptions;
const std::vector<Case>& critics() {
  const auto act = [](Sequential& n, const char* a) { n.add<Activation>(a); };
  static const std::vector<Case> all = {
      {"linear", {3}, [](Sequential& n, const Init& i) { n.add<Linear>(3, 1, i); }},
      {"relu",
       {5},
       [act](Sequential& n, const Init& i) {
         n.add<Linear>(5, 7, i), act(n, "relu"), n.add<Linear>(7, 6, i), act(n, "relu");
         n.add<Linear>(6, 1, i);
       }},
      {"leaky, no bias, an identity, an activation at both ends",
       {4},
       [act](Sequential& n, const Init& i) {
         act(n, "leaky_relu"), n.add<Linear>(4, 6, i, false), act(n, "identity");
         act(n, "leaky_relu"), act(n, "relu"), n.add<Linear>(6, 1, i, false), act(n, "leaky_relu");
       }},
      {"strides and padding",
       {8, 7, 2},
       [act](Sequential& n, const Init& i) {
         n.add<Conv2d>(2, 4, 4, ConvOptions{.stride = 2, .padding = 1}, i), act(n, "leaky_relu");
         n.add<Conv2d>(4, 3, ops::Size2(3, 2), ConvOptions{.stride = {1, 2}}, i), act(n, "relu");
         n.add<Flatten>(), n.add<Linear>(6, 1, i);
       }},
      {"groups, dilation, no bias, a convolution last",
       {9, 6, 4},
       [act](Sequential& n, const Init& i) {
         n.add<Conv2d>(4, 6, 3, ConvOptions{.stride = {3, 2}, .padding = {0, 2}, .groups = 2}, i,
                       false);
         act(n, "leaky_relu");
         n.add<Conv2d>(6, 2, 2, ConvOptions{.dilation = {2, 1}}, i, false), act(n, "leaky_relu");
         n.add<Conv2d>(2, 1, ops::Size2(1, 3), ConvOptions{}, i);
       }},
      {"rows as images, networks inside",
       {12},
       [act](Sequential& n, const Init& i) {
         n.add<Unflatten>(3, ops::Size2(2, 2));
         auto& inner = n.add<Sequential>();
         inner.add<Conv2d>(3, 4, 1, ConvOptions{}, i);
         act(n, "relu"), n.add<Linear>(4, 5, i), act(n, "leaky_relu");  // 1 x 1, a Linear of pixels
         n.add<Flatten>(), act(n, "relu"), n.add<Linear>(20, 1, i);
       }},
  };
  return all;
}
Shape batch_of(const Case& c, Index n) {
  std::vector<Index> dims{n};
  dims.insert(dims.end(), c.sample.begin(), c.sample.end());
  return Shape(dims);
}
void enlarge(const Tensor& weight, double scale) {
  weight.copy_(ops::affine(weight.detach(), scale, 0));
}
// The last weight so large that norms lie about 1.2, most critics' on both sides of 1.
void level(Sequential& critic, const Tensor& real) {
  Tensor last;
  for (const Tensor& t : leaves(critic))
    if (t.rank() > 1) last = t;
  const double squares =
      2 * penalty(critic, real, {}, {.kind = PenaltyKind::r1, .fused = false}).item();
  enlarge(last, 1.2 / std::sqrt(squares));
}
void expect_near(const Tensor& a, const Tensor& b, double tolerance, const std::string& what) {
  ASSERT_EQ(a.shape(), b.shape()) << what;
  const auto v = a.values(), w = b.values();
  double largest = 0;
  for (const double x : w) largest = std::max(largest, std::fabs(x));
  for (std::size_t i = 0; i < v.size(); i++)
    ASSERT_NEAR(v[i], w[i], tolerance * (1 + largest)) << what << " " << i;
}

class Fused : public test::OnDevice {};
TEST_P(Fused, EqualsTheTape) {
  for (const Case& c : critics()) {
    Generator init{4};
    Sequential critic;
    c.build(critic, {init, device(), DType::f64});
    ASSERT_EQ(penalty_path(critic), "fused") << c.name;
    const Tensor real = normals(batch_of(c, 5), 1, device()),
                 fake = normals(batch_of(c, 5), 2, device());
    level(critic, real);
    std::vector<Tensor> weights, biases;
    for (const Tensor& t : leaves(critic)) (t.rank() > 1 ? weights : biases).push_back(t);
    for (const PenaltyKind kind : kKinds) {
      const Tensor fused = penalty(critic, real, fake, {.kind = kind});
      EXPECT_EQ(live_nodes(), 1) << c.name;
      const Tensor tape = penalty(critic, real, fake, {.kind = kind, .fused = false});
      EXPECT_GT(tape.item(), 1e-4) << c.name << ": nothing to see";
      expect_near(fused, tape, 1e-10, c.name);
      const Tensor twice = fused * 2., tape_twice = tape * 2.;
      const auto a = grad({twice}, weights), b = grad({tape_twice}, weights);
      for (std::size_t k = 0; k < weights.size(); k++) expect_near(a[k], b[k], 1e-10, c.name);
      // One weight alone, and the biases, which neither reaches.
      expect_near(grad({twice}, {weights[0]})[0], b[0], 1e-10, c.name);
      for (const Tensor& p : {fused, tape})
        for (const Tensor& d : grad({p}, biases, {.allow_unused = true}))
          EXPECT_FALSE(d.defined()) << c.name;
    }
  }
  EXPECT_EQ(live_nodes(), 0);
}
// Weights that come about in the forward: under spectral norm either path is one power iteration.
TEST_P(Fused, EqualsTheTapeUnderWeightRules) {
  constexpr WeightOptions spectral{.rule = WeightRule::spectral},
      equalized{.rule = WeightRule::equalized, .gain = 2};
  const auto build = [&](Sequential& n, Generator& init) {
    const Init i{init, device(), DType::f64};
    n.add<Conv2d>(2, 4, 4, ConvOptions{.stride = 2, .padding = 1}, i, true, spectral);
    n.add<Activation>("leaky_relu"), n.add<Flatten>();
    n.add<Linear>(48, 6, i, true, equalized), n.add<Activation>("relu");
    n.add<Linear>(6, 5, i, true, spectral), n.add<Activation>("leaky_relu");
    n.add<Linear>(5, 1, i);
  };
  for (const PenaltyKind kind : kKinds) {
    Sequential critics[2];
    for (Sequential& c : critics) {
      Generator init{4};
      build(c, init);
    }
    ASSERT_EQ(penalty_path(critics[0]), "fused");
    const Tensor real = normals({5, 8, 7, 2}, 1, device()),
                 fake = normals({5, 8, 7, 2}, 2, device());
    for (int step = 0; step < 2; step++) {
      Tensor values[2];
      std::vector<Tensor> gradients[2];
      for (const bool fused : {false, true}) {
        std::vector<Tensor> weights;
        for (const Tensor& t : leaves(critics[fused]))
          if (t.rank() > 1) weights.push_back(t);
        if (step == 0) enlarge(weights.back(), 20);  // norms on both sides of 1
        values[fused] = penalty(critics[fused], real, fake, {.kind = kind, .fused = fused});
        gradients[fused] = grad({values[fused]}, weights);
      }
      EXPECT_GT(values[0].item(), 1e-4) << "nothing to see";
      expect_near(values[1], values[0], 1e-10, "penalty");
      for (std::size_t k = 0; k < gradients[0].size(); k++)
        expect_near(gradients[1][k], gradients[0][k], 1e-10, "gradient");
    }
  }
}
TEST_P(Fused, FloatEqualsDoubleToRounding) {
  for (const Case& c : critics()) {
    Generator init{4}, again{4};
    Sequential wide, narrow;
    c.build(wide, {init, device(), DType::f64});
    c.build(narrow, {again, device(), DType::f32});
    for (std::size_t k = 0; k < leaves(wide).size(); k++)  // f32 values in both
      leaves(wide)[k].copy_(ops::cast(leaves(narrow)[k].detach(), DType::f64));
    const Tensor real = normals(batch_of(c, 5), 1, device());
    const Tensor a = penalty(narrow, ops::cast(real, DType::f32), {}, {.kind = PenaltyKind::r1});
    const Tensor b = penalty(wide, real, {}, {.kind = PenaltyKind::r1, .fused = false});
    EXPECT_NEAR(a.item(), b.item(), 1e-5 * (1 + b.item())) << c.name;
    const Tensor first = leaves(narrow)[0];
    expect_near(grad({a}, {first})[0], ops::cast(grad({b}, {leaves(wide)[0]})[0], DType::f32), 1e-5,
                c.name);
  }
}
INSTANTIATE_TEST_SUITE_P(Devices, Fused, testing::ValuesIn(test::built_backends()),
                         test::backend_name);

// The gradient of a gradient of the penalty, which only the tape knows.
TEST(GradientPenalty, HasGradientsOfHigherOrder) {
  const Case& c = critics()[3];
  Generator init{4};
  Sequential critic;
  c.build(critic, {init, {}, DType::f64});
  const Tensor real = normals(batch_of(c, 3), 1), fake = normals(batch_of(c, 3), 2);
  std::vector<Tensor> weights;
  for (const Tensor& t : leaves(critic))
    if (t.rank() > 1) weights.push_back(t);
  std::vector<Tensor> results[2];
  for (const bool fused : {true, false}) {
    const auto first =
        grad({penalty(critic, real, fake, {.fused = fused})}, weights, {.create_graph = true});
    Tensor squares = Tensor::scalar(0, DType::f64);
    for (const Tensor& d : first) squares = squares + ops::sum(ops::square(d));
    results[fused] = grad({squares}, weights);
  }
  for (std::size_t k = 0; k < weights.size(); k++)
    expect_near(results[true][k], results[false][k], 1e-10, "second order");
}

// mean f(fake) - mean f(real) + 10 P by every parameter, by the passes and by the tape.
TEST(GradientPenalty, OfAWholeLossMeetsFiniteDifferences) {
  for (const char* activation : {"relu", "tanh"})
    for (const PenaltyKind kind : kKinds) {
      Generator init{6};
      const Init where{init, {}, DType::f64};
      Sequential critic;
      critic.add<Conv2d>(1, 3, 2, ConvOptions{.stride = 2, .padding = 1}, where);
      critic.add<Activation>(activation);
      critic.add<Flatten>();
      critic.add<Linear>(27, 4, where);
      critic.add<Activation>(activation);
      critic.add<Linear>(4, 1, where);
      level(critic, normals({3, 4, 4, 1}, 1));
      EXPECT_EQ(penalty_path(critic),
                activation == std::string("relu") ? "fused" : "tape: tanh at 1");
      const Tensor real = normals({3, 4, 4, 1}, 1), fake = normals({3, 4, 4, 1}, 2);
      const auto loss = [&] {
        return ops::mean(critic(fake)) - ops::mean(critic(real)) +
               10 * penalty(critic, real, fake, {.kind = kind});
      };
      const auto all = leaves(critic);
      const auto d = grad({loss()}, all);
      const NoGrad off;
      for (std::size_t k = 0; k < all.size(); k++) {
        const auto analytic = d[k].values();
        for (std::size_t i = 0; i < analytic.size(); i++) {
          double* const x = all[k].data<double>() + i;
          const double keep = *x, eps = 1e-6;
          *x = keep + eps;
          const double above = loss().item();
          *x = keep - eps;
          const double below = loss().item();
          *x = keep;
          const double numeric = (above - below) / (2 * eps);
          ASSERT_NEAR(analytic[i], numeric, 1e-5 + 1e-3 * std::fabs(numeric))
              << activation << ", parameter " << k << ", element " << i;
        }
      }
    }
}

// Through the points to the samples: the tape's way.
TEST(GradientPenalty, ReachesSamplesThatRequireAGradient) {
  Generator init{8};
  Sequential critic;
  critic.add<Linear>(3, 5, Init{init, {}, DType::f64});
  critic.add<Activation>("softplus");
  critic.add<Linear>(5, 1, Init{init, {}, DType::f64});
  Sequential linear;
  linear.add<Linear>(3, 1, Init{init, {}, DType::f64});
  const Tensor real = normals({2, 3}, 1), fake = normals({2, 3}, 2);
  fake.requires_grad_();
  const auto d = grad({penalty(critic, real, fake, {})}, {fake})[0].values();
  for (std::size_t i = 0; i < d.size(); i++) {
    double* const x = fake.data<double>() + i;
    const double keep = *x, eps = 1e-6;
    *x = keep + eps;
    const double above = penalty(critic, real, fake, {}).item();
    *x = keep - eps;
    const double below = penalty(critic, real, fake, {}).item();
    *x = keep;
    EXPECT_NEAR(d[i], (above - below) / (2 * eps), 1e-8) << i;
  }
  // A linear critic's gradient is the same everywhere.
  test::expect_error([&] { grad({penalty(linear, real, fake, {})}, {fake}); }, {"not reachable"});
}

// A critic that is flat has gradients of length 0, whose derivative is 0.
TEST(GradientPenalty, OfAGradientOfZeroIsFlat) {
  Generator init{9};
  Sequential critic;
  critic.add<Linear>(3, 4, Init{init, {}, DType::f64});
  critic.add<Activation>("relu");
  auto& last = critic.add<Linear>(4, 1, Init{init, {}, DType::f64});
  last.weight.fill_(0);
  const Tensor x = normals({2, 3}, 1);
  for (const PenaltyKind kind : kKinds)
    for (const bool fused : {true, false}) {
      const Tensor p = penalty(critic, x, x, {.kind = kind, .fused = fused});
      EXPECT_EQ(p.item(), phi(kind, 0));
      const std::vector<Tensor> w{static_cast<Linear&>(critic.layer(0)).weight, last.weight};
      for (const Tensor& d : grad({p}, w))
        for (const double v : d.values()) EXPECT_EQ(v, 0);
    }
  // Rows of 0 beside others, to the second order, in the kernel and in plain ops.
  for (const bool reference : {false, true})
    for (const NormPenalty kind :
         {NormPenalty::two_sided, NormPenalty::one_sided, NormPenalty::squared}) {
      const Tensor g = Tensor::from(std::vector<double>{0, 0, 3, 4}, Shape{2, 2});
      g.requires_grad_();
      set_reference_mode(reference);
      const Tensor first = grad({ops::norm_penalty(g, kind)}, {g}, {.create_graph = true})[0];
      const Tensor second = grad({ops::sum(first * normals({2, 2}, 1))}, {g})[0];
      set_reference_mode(false);
      for (const Tensor& d : {first, second})
        for (const double v : d.values()) EXPECT_TRUE(std::isfinite(v));
      EXPECT_EQ(first.values()[0], 0);
      EXPECT_NEAR(first.values()[2], kind == NormPenalty::squared ? 1.5 : .5 * 2 * 4 * .6, 1e-12);
      if (kind != NormPenalty::squared) {
        EXPECT_EQ(second.values()[1], 0);
      }
    }
}

TEST(GradientPenalty, PathSaysWhy) {
  Generator g{1};
  Sequential smooth, dropped, nested, empty;
  smooth.add<Linear>(3, 2, Init{g});
  smooth.add<Activation>("gelu");
  EXPECT_EQ(penalty_path(smooth), "tape: gelu at 1");
  dropped.add<Dropout>(.5, g);
  EXPECT_EQ(penalty_path(dropped), "tape: Dropout at 0");
  nested.add<Linear>(3, 2, Init{g});
  nested.add<Sequential>().add<ConvTranspose2d>(1, 1, 2, ops::ConvOptions{}, Init{g});
  EXPECT_EQ(penalty_path(nested), "tape: ConvTranspose2d at 1.0");
  EXPECT_EQ(penalty_path(empty), "tape: no layer with a weight");
  struct Own : Layer {
    Tensor forward(const Tensor& x) override { return x; }
  } own;
  EXPECT_EQ(penalty_path(own), "tape: not a Sequential");
  Linear one(3, 1, {g});
  EXPECT_EQ(penalty_path(one), "fused");
  set_reference_mode(true);
  EXPECT_EQ(penalty_path(one), "tape: IMAGO_REFERENCE");
  set_reference_mode(false);
}

TEST(GradientPenalty, RefusesWhatHasNoMeaning) {
  Generator g{1};
  Sequential two;
  two.add<Linear>(3, 2, Init{g, {}, DType::f64});
  const Tensor x = normals({4, 3}, 1);
  for (const bool fused : {true, false})
    test::expect_error([&] { penalty(two, x, x, {.fused = fused}); },
                       {"one value a sample, 4 in all", "[4, 2]"});
  Linear one(3, 1, {g, {}, DType::f64});
  test::expect_error([&] { penalty(one, x, {}, {}); }, {"generated samples"});
  test::expect_error([&] { penalty(one, {}, x, {.kind = PenaltyKind::r1}); }, {"real samples"});
  test::expect_error([&] { penalty(one, x, normals({3, 3}, 1), {}); }, {"[4, 3]", "[3, 3]"});
  test::expect_error(
      [&] {
        penalty(one, normals({0, 3}, 1), normals({0, 3}, 1), {});
      },
      {"at least one row"});
  const Tensor p = penalty(one, x, x, {});
  one.weight.fill_(1);
  test::expect_error([&] { grad({p}, {one.weight}); }, {"changed in place"});
}

TEST(GradientPenalty, LeavesNothingBehind) {
  Generator init{3}, noise{4};
  Sequential critic;
  critic.add<Conv2d>(1, 2, 2, ConvOptions{.stride = 2}, Init{init});
  critic.add<Activation>("leaky_relu");
  critic.add<Flatten>();
  critic.add<Linear>(8, 1, Init{init});
  const auto all = leaves(critic);
  Optimizer adam(critic.parameters(), Adam{});
  const Tensor real = ops::randn({4, 4, 4, 1}, noise), fake = ops::randn({4, 4, 4, 1}, noise);
  std::size_t active = 0;
  for (int step = 0; step < 2000; step++) {
    {
      const PenaltyOptions options{.kind = kKinds[step % 5], .fused = step % 3 != 0};
      const Tensor loss = ops::mean(critic(fake)) - ops::mean(critic(real)) +
                          10 * gradient_penalty(critic, real, fake, options, noise);
      adam.step(grad({loss}, all));
    }
    ASSERT_EQ(live_nodes(), 0) << "after step " << step;
    if (step == 30) active = memory_stats(cpu_device).active;
  }
  EXPECT_EQ(memory_stats(cpu_device).active, active);
}

}  // namespace
}  // namespace imago::nn
