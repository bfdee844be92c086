// Networks of adversarial models: shapes of every kind and size, numbers of parameters by hand,
// gradients that reach every parameter, the condition's ways in, descriptions and refusals.
#include "models/networks.h"

#include <cmath>

#include "engine/ops/ops.h"
#include "tests/errors.h"
#include "tests/nn/differences.h"

namespace imago::models {
namespace {

using nn::WeightRule;

struct Draws {
  Generator init{1}, draws{2}, data{3};
  nn::Init f32() { return {init}; }
};
GeneratorOptions generator_of(Architecture a, Shape sample, Index latent = 8) {
  GeneratorOptions o;
  o.architecture = a, o.sample = std::move(sample), o.latent = latent;
  return o;
}
CriticOptions critic_of(Architecture a, Shape sample) {
  CriticOptions o;
  o.architecture = a, o.sample = std::move(sample);
  return o;
}
Shape with_rows(Index n, const Shape& sample) {
  std::vector<Index> d = sample.dims();
  d.insert(d.begin(), n);
  return Shape(d);
}
// Every parameter takes part: a gradient that is not zero everywhere.
void expect_reached(const nn::Module& m, const Tensor& loss) {
  std::vector<Tensor> leaves;
  for (const Parameter& p : m.parameters()) leaves.push_back(p.value);
  const auto d = grad({loss}, leaves, {.allow_unused = true});
  for (std::size_t i = 0; i < leaves.size(); i++) {
    const std::string name = m.parameters()[i].name;
    ASSERT_TRUE(d[i].defined()) << name;
    double most = 0;
    for (double v : d[i].values()) {
      ASSERT_TRUE(std::isfinite(v)) << name;
      most = std::max(most, std::fabs(v));
    }
    EXPECT_GT(most, 0) << name;
  }
}
Tensor labels(Index n, Index classes) {
  std::vector<std::int64_t> v;
  for (Index i = 0; i < n; i++) v.push_back(i % classes);
  return Tensor::from(v, {n});
}
// Both sides on a batch of three, in training: shapes, ranges, gradients.
void play(const GeneratorOptions& go, const CriticOptions& co) {
  Draws d;
  GeneratorNetwork generator(go, d.f32(), d.draws);
  CriticNetwork critic(co, d.f32(), d.draws);
  const Index n = 3;
  const Tensor y = go.classes ? labels(n, go.classes) : Tensor(),
               to_critic = co.classes ? labels(n, co.classes) : Tensor();
  const Tensor x = generator.forward(ops::randn({n, go.latent}, d.data), y);
  ASSERT_EQ(x.shape(), with_rows(n, go.sample));
  if (go.sample.rank() == 3) {
    for (double v : x.values()) ASSERT_LE(std::fabs(v), 1);
  }
  const auto judged = critic.judge(x, to_critic);
  ASSERT_EQ(judged.features.shape(), (Shape{n, critic.features()}));
  ASSERT_EQ(judged.output.shape(), (Shape{n, co.outputs}));
  const Tensor loss = ops::sum(judged.output * ops::randn(judged.output.shape(), d.data));
  expect_reached(critic, loss);
  expect_reached(generator, loss);
  generator.eval(), critic.eval();
  EXPECT_EQ(critic.forward(x, to_critic).values(), critic.judge(x, to_critic).output.values());
}

TEST(Networks, EveryKindAndSize) {
  for (const Shape& sample : {Shape{2}, Shape{5}, Shape{7, 6, 3}}) {
    SCOPED_TRACE(concat(sample));
    play(generator_of(Architecture::dense, sample), critic_of(Architecture::dense, sample));
  }
  for (const Shape& sample :
       {Shape{28, 28, 1}, Shape{32, 32, 3}, Shape{12, 8, 2}, Shape{40, 64, 1}})
    for (const Architecture a : {Architecture::dcgan, Architecture::resnet}) {
      if (a == Architecture::resnet && sample[1] == 64) continue;  // nothing new, and slow
      SCOPED_TRACE(concat(sample));
      auto g = generator_of(a, sample);
      auto c = critic_of(a, sample);
      g.width = c.width = 4;
      c.outputs = 3;
      play(g, c);
    }
}

// Counts by hand: of a linear layer in * out + out, of a convolution k * k * in * out + out.
constexpr Index linear(Index in, Index out) { return in * out + out; }
constexpr Index conv(Index k, Index in, Index out) { return k * k * in * out + out; }

TEST(Networks, ParametersAreThoseOfTheDefaults) {
  Draws d;
  const auto generator = [&](const GeneratorOptions& o) {
    return GeneratorNetwork(o, d.f32(), d.draws).parameter_count();
  };
  const auto critic = [&](const CriticOptions& o) {
    return CriticNetwork(o, d.f32(), d.draws).parameter_count();
  };
  using enum Architecture;
  EXPECT_EQ(generator(generator_of(dense, {2}, 64)),
            linear(64, 128) + 2 * linear(128, 128) + linear(128, 2));
  EXPECT_EQ(critic(critic_of(dense, {2})), linear(2, 128) + 2 * linear(128, 128) + linear(128, 1));
  EXPECT_EQ(critic(critic_of(dense, {28, 28, 1})),
            linear(784, 128) + 2 * linear(128, 128) + linear(128, 1));
  EXPECT_EQ(generator(generator_of(dcgan, {28, 28, 1}, 64)),
            linear(64, 7 * 7 * 128) + conv(4, 128, 64) + conv(4, 64, 1));
  EXPECT_EQ(critic(critic_of(dcgan, {28, 28, 1})),
            conv(4, 1, 64) + conv(4, 64, 128) + linear(7 * 7 * 128, 1));
  EXPECT_EQ(generator(generator_of(dcgan, {32, 32, 3}, 64)),
            linear(64, 8 * 8 * 128) + conv(4, 128, 64) + conv(4, 64, 3));
  // One level more.
  EXPECT_EQ(critic(critic_of(dcgan, {64, 64, 3})),
            conv(4, 3, 64) + conv(4, 64, 128) + conv(4, 128, 256) + linear(8 * 8 * 256, 1));
  const Index block = 2 * conv(3, 64, 64), straight = conv(1, 64, 64);
  EXPECT_EQ(generator(generator_of(resnet, {28, 28, 1}, 64)),
            linear(64, 7 * 7 * 64) + 2 * (block + straight) + conv(3, 64, 1));
  EXPECT_EQ(generator(generator_of(resnet, {32, 32, 3}, 64)),
            linear(64, 4 * 4 * 64) + 3 * (block + straight) + conv(3, 64, 3));
  EXPECT_EQ(critic(critic_of(resnet, {32, 32, 3})), conv(3, 3, 64) + conv(3, 64, 64) +
                                                        conv(1, 3, 64) + block + straight +
                                                        2 * block + linear(64, 1));
  for (const Architecture a : {dense, dcgan, resnet})
    for (const Shape& sample : {Shape{28, 28, 1}, Shape{32, 32, 3}}) {
      EXPECT_LE(generator(generator_of(a, sample, 64)), 1'000'000);
      EXPECT_LE(critic(critic_of(a, sample)), 1'000'000);
    }
}

TEST(Networks, OptionsWorkOnEveryKind) {
  const Shape sample{8, 12, 2};
  for (const Architecture a : {Architecture::dense, Architecture::dcgan, Architecture::resnet})
    for (const WeightRule rule : {WeightRule::spectral, WeightRule::equalized})
      for (const Index discrimination : {0, 4}) {
        SCOPED_TRACE(concat(int(a), " ", int(rule), " ", discrimination));
        auto g = generator_of(a, sample);
        auto c = critic_of(a, sample);
        g.width = c.width = 8, g.layers = c.layers = 2;
        g.rule = c.rule = rule;
        c.discrimination = discrimination;
        c.activation = "silu", g.activation = "leaky_relu";
        g.dropout = c.dropout = .1;
        play(g, c);
        Draws d;
        CriticNetwork critic(c, d.f32(), d.draws);
        const Tensor x = ops::randn({2, 8, 12, 2}, d.data);
        critic.forward(x);
        const Generator before = d.draws;
        critic.forward(x);
        EXPECT_NE(d.draws.offset, before.offset) << "dropout draws";
      }
}

TEST(Networks, EveryNormOnEveryKind) {
  using enum Architecture;
  for (const char* norm : {"none", "batch", "layer", "instance", "group", "pixel"})
    for (const Architecture a : {dense, dcgan, resnet}) {
      SCOPED_TRACE(concat(int(a), " ", norm));
      const Shape sample{8, 8, 2};
      auto g = generator_of(a, sample);
      auto c = critic_of(a, sample);
      g.width = c.width = 16, g.layers = c.layers = 2;
      g.norm = c.norm = norm_from(norm);
      // Smooth: no unit of these few is dead.
      g.activation = c.activation = "silu";
      c.minibatch_stddev = true;
      if (a == dense && c.norm == Norm::instance) {
        Draws d;
        test::expect_error([&] { CriticNetwork(c, d.f32(), d.draws); }, {"critic", "instance"});
        continue;
      }
      play(g, c);
    }
}

TEST(Networks, NormsAndTheSpreadHaveTheirParameters) {
  Draws d;
  auto g = generator_of(Architecture::dcgan, {28, 28, 1}, 64);
  g.norm = Norm::batch;
  GeneratorNetwork generator(g, d.f32(), d.draws);
  // No bias where the norm has one.
  EXPECT_EQ(generator.parameter_count(),
            linear(64, 7 * 7 * 128) + 2 * 128 + 16 * 128 * 64 + 2 * 64 + conv(4, 64, 1));
  auto c = critic_of(Architecture::dcgan, {28, 28, 1});
  c.norm = Norm::layer, c.minibatch_stddev = true;
  CriticNetwork critic(c, d.f32(), d.draws);
  EXPECT_EQ(critic.parameter_count(),
            conv(4, 1, 64) + conv(4, 64, 128) + 2 * 128 + linear(7 * 7 * 129, 1));
  EXPECT_EQ(critic.features(), 7 * 7 * 129);
  const std::string text = critic.describe();
  EXPECT_NE(text.find("critic.3: LayerNorm(128"), text.npos) << text;
  EXPECT_NE(text.find("critic.5: MinibatchStddev"), text.npos) << text;
  EXPECT_NE(text.find("critic.6: Flatten"), text.npos) << text;
}

TEST(Networks, DrawsWeightsAsAsked) {
  Draws d;
  auto o = critic_of(Architecture::dcgan, {28, 28, 1});
  o.sigma = .02;
  const CriticNetwork critic(o, d.f32(), d.draws);
  const auto w = critic.parameters()[2].value.values();  // 64 to 128
  double s = 0;
  for (double v : w) s += v * v;
  EXPECT_NEAR(std::sqrt(s / double(w.size())), .02, .0005);
}

TEST(Networks, AttentionStandsWhereItIsAskedFor) {
  Draws d;
  for (const Architecture a : {Architecture::dcgan, Architecture::resnet}) {
    auto g = generator_of(a, {32, 32, 1});
    auto c = critic_of(a, {32, 32, 1});
    g.width = c.width = 8, g.attention = c.attention = 16;
    GeneratorNetwork generator(g, d.f32(), d.draws);
    CriticNetwork critic(c, d.f32(), d.draws);
    EXPECT_NE(generator.describe().find("SelfAttention(8,"), std::string::npos)
        << generator.describe();
    EXPECT_NE(critic.describe().find("SelfAttention(8,"), std::string::npos) << critic.describe();
    // gamma starts at 0: only its own gradient is not zero.
    const Tensor out = critic.forward(generator.forward(ops::randn({2, 8}, d.data)));
    for (const nn::Module* m :
         {static_cast<nn::Module*>(&generator), static_cast<nn::Module*>(&critic)})
      for (const Parameter& p : m->parameters())
        if (p.name.ends_with("gamma")) {
          EXPECT_NE(grad({ops::sum(out)}, {p.value})[0].item(), 0);
          p.value.fill_(.5);
        }
    const Tensor again = ops::sum(critic.forward(generator.forward(ops::randn({2, 8}, d.data))));
    expect_reached(generator, again);
    expect_reached(critic, again);
    c.attention = 5;
    test::expect_error([&] { CriticNetwork(c, d.f32(), d.draws); },
                       {"critic", "attention", "16, 8", "5"});
  }
}

TEST(Networks, TheConditionMatters) {
  using enum Architecture;
  for (const Architecture a : {dense, dcgan, resnet})
    for (const Index embedding : {0, 2})
      for (const Conditioning how : {Conditioning::input, Conditioning::projection}) {
        SCOPED_TRACE(concat(int(a), " ", embedding, " ", int(how)));
        const Shape sample = a == dense && embedding ? Shape{2} : Shape{8, 8, 1};
        auto g = generator_of(a, sample);
        auto c = critic_of(a, sample);
        g.width = c.width = 8;
        g.classes = c.classes = 3, g.embedding = c.embedding = embedding;
        c.conditioning = how;
        play(g, c);

        Draws d;
        GeneratorNetwork generator(g, d.f32(), d.draws);
        CriticNetwork critic(c, d.f32(), d.draws);
        const Tensor z = ops::randn({2, 8}, d.data), x = ops::randn(with_rows(2, sample), d.data);
        const Tensor first = Tensor::from(std::vector<std::int64_t>{0, 1}, {2}),
                     second = Tensor::from(std::vector<std::int64_t>{2, 1}, {2});
        const auto changed = [](const Tensor& p, const Tensor& q) {
          const auto u = p.values(), v = q.values();
          const std::size_t half = u.size() / 2;
          EXPECT_FALSE(std::equal(u.begin(), u.begin() + long(half), v.begin()));
          EXPECT_TRUE(std::equal(u.begin() + long(half), u.end(), v.begin() + long(half)));
        };
        changed(generator.forward(z, first), generator.forward(z, second));
        changed(critic.forward(x, first), critic.forward(x, second));
        // One-hot rows are labels.
        EXPECT_EQ(critic.forward(x, ops::one_hot(first, 3)).values(),
                  critic.forward(x, first).values());
        EXPECT_EQ(generator.forward(z, ops::one_hot(first, 3)).values(),
                  generator.forward(z, first).values());
      }
}

// Miyato & Koyama 2018, equation 3: the output is that of the last layer and the inner product.
TEST(Networks, ProjectionIsTheInnerProduct) {
  Draws d;
  auto o = critic_of(Architecture::dense, {2});
  o.classes = 3, o.conditioning = Conditioning::projection, o.width = 5;
  CriticNetwork critic(o, d.f32(), d.draws);
  const Tensor x = ops::randn({4, 2}, d.data);
  const auto judged = critic.judge(x, labels(4, 3));
  const auto f = judged.features.values(), got = judged.output.values(),
             v = critic.projection->weight.values();  // [5, 3]
  auto* const head = dynamic_cast<nn::Linear*>(&critic.net.layer(critic.net.size() - 1));
  ASSERT_NE(head, nullptr);
  const auto w = head->weight.values();
  for (std::size_t i = 0; i < 4; i++) {
    double want = head->bias.values()[0];
    for (std::size_t k = 0; k < 5; k++) want += f[i * 5 + k] * (w[k] + v[k * 3 + i % 3]);
    EXPECT_NEAR(got[i], want, 1e-6);
  }
}

// What a gradient penalty differentiates: every order through all that a critic may hold.
TEST(Networks, GradientsOfBothOrders) {
  for (const Architecture a : {Architecture::dcgan, Architecture::resnet}) {
    SCOPED_TRACE(int(a));
    Draws d;
    auto o = critic_of(a, {8, 8, 1});
    o.width = 2, o.activation = "silu", o.norm = Norm::layer, o.rule = WeightRule::spectral;
    o.attention = 2 * (a == Architecture::dcgan ? 1 : 2), o.discrimination = 1;
    o.minibatch_stddev = true, o.classes = 2, o.conditioning = Conditioning::projection;
    CriticNetwork critic(o, {d.init, {}, DType::f64}, d.draws);
    critic.eval();  // a power iteration would change what is differentiated
    const Tensor x = ops::randn({2, 8, 8, 1}, d.data, DType::f64).requires_grad_();
    std::vector<Tensor> leaves{x};
    for (const Parameter& p : critic.parameters()) {
      if (p.name.ends_with("gamma")) p.value.fill_(.5);
      leaves.push_back(p.value);
    }
    test::expect_gradients([&] { return ops::sum(ops::tanh(critic.forward(x, labels(2, 2)))); },
                           leaves, 3);
  }
}

TEST(Networks, Describe) {
  Draws d;
  auto g = generator_of(Architecture::dcgan, {28, 28, 1}, 64);
  g.classes = 10, g.embedding = 4;
  EXPECT_EQ(GeneratorNetwork(g, d.f32(), d.draws).describe(),
            "  generator.embedding: Linear(10, 4, no bias)\n"
            "  generator.0: Linear(68, 6272)\n"
            "  generator.1: Unflatten(7x7, 128 channels)\n"
            "  generator.2: relu\n"
            "  generator.3: ConvTranspose2d(128, 64, kernel 4, stride 2, padding 1)\n"
            "  generator.4: relu\n"
            "  generator.5: ConvTranspose2d(64, 1, kernel 4, stride 2, padding 1)\n"
            "  generator.6: tanh\n"
            "  generator: 564969 parameters\n");
  auto c = critic_of(Architecture::dcgan, {28, 28, 1});
  c.rule = WeightRule::spectral, c.dropout = .25, c.discrimination = 3;
  EXPECT_EQ(CriticNetwork(c, d.f32(), d.draws).describe(),
            "  critic.0: Conv2d(1, 64, kernel 4, stride 2, padding 1, spectral norm)\n"
            "  critic.1: leaky_relu\n"
            "  critic.2: Dropout(0.25)\n"
            "  critic.3: Conv2d(64, 128, kernel 4, stride 2, padding 1, spectral norm)\n"
            "  critic.4: leaky_relu\n"
            "  critic.5: Dropout(0.25)\n"
            "  critic.6: Flatten\n"
            "  critic.7: MinibatchDiscrimination(6272, 3 kernels of 8)\n"
            "  critic.8: Linear(6275, 1, spectral norm)\n"
            "  critic: 289092 parameters\n");
}

TEST(Networks, RefuseWhatDoesNotFit) {
  Draws d;
  const auto critic = [&](const CriticOptions& o) { CriticNetwork(o, d.f32(), d.draws); };
  test::expect_error(
      [&] {
        critic(critic_of(Architecture::dcgan, {30, 28, 1}));
      },
      {"critic", "divisible by 4", "[30, 28, 1]"});
  test::expect_error([&] { critic(critic_of(Architecture::resnet, {2})); }, {"[2]"});
  test::expect_error([&] { critic(critic_of(Architecture::dense, {4, 4})); }, {"[4, 4]"});
  auto o = critic_of(Architecture::dense, {2});
  o.attention = 8;
  test::expect_error([&] { critic(o); }, {"attention", "dense", "8"});
  o.attention = 0, o.outputs = 0;
  test::expect_error([&] { critic(o); }, {"outputs", "at least 1", "0"});
  o.outputs = 2, o.classes = 3, o.conditioning = Conditioning::projection;
  test::expect_error([&] { critic(o); }, {"outputs", "1, with projection", "2"});
  o.outputs = 1;
  CriticNetwork built(o, d.f32(), d.draws);
  const Tensor x = Tensor::zeros({2, 2});
  test::expect_error([&] { built.forward(x); },
                     {"condition", "int64 labels [2]", "[2, 3]", "none"});
  test::expect_error([&] { built.forward(x, labels(3, 3)); }, {"int64 [3]"});
  test::expect_error(
      [&] {
        built.forward(Tensor::zeros({2, 3}), labels(2, 3));
      },
      {"critic", "[2]", "[2, 3]"});
  o.classes = 0;
  CriticNetwork free(o, d.f32(), d.draws);
  test::expect_error([&] { free.forward(x, labels(2, 3)); }, {"without a condition", "classes"});
  test::expect_error([] { architecture_from("vgg"); },
                     {"architecture", "dense, dcgan, resnet", "vgg"});
  test::expect_error([] { norm_from("spectral"); }, {"norm", "none, batch, layer", "spectral"});
  test::expect_error([] { conditioning_from("late"); }, {"conditioning", "input, projection"});
  EXPECT_EQ(norm_from("pixel"), Norm::pixel);
}

}  // namespace
}  // namespace imago::models
