// Modules, layers and initialisers: names, values against plain loops, distributions, and what
// load_state_dict refuses.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/nn/layers.h"
#include "engine/ops/ops.h"

namespace imago::nn {
namespace {

struct Net : Module {
  explicit Net(const Init& init, Generator& g) {
    encoder.add<Linear>(5, 4, init);
    encoder.add<Activation>("relu");
    encoder.add<Dropout>(0.5, g);
    encoder.add<Linear>(4, 3, init);
    child("encoder", encoder);
    buffer("mean", mean, Tensor::zeros({2}));
  }
  Sequential encoder;
  Tensor mean;
};

std::vector<std::string> names(const std::vector<Parameter>& all) {
  std::vector<std::string> n;
  for (const auto& p : all) n.push_back(p.name);
  return n;
}
// The text of the Error a call throws, empty when it throws none.
template <class F>
std::string error_of(const F& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

TEST(Module, NamesAreThoseOfPyTorch) {
  Generator g{1};
  const Net net({g}, g);
  EXPECT_EQ(names(net.parameters()),
            (std::vector<std::string>{"encoder.0.weight", "encoder.0.bias", "encoder.3.weight",
                                      "encoder.3.bias"}));
  EXPECT_EQ(names(net.state_dict()),
            (std::vector<std::string>{"mean", "encoder.0.weight", "encoder.0.bias",
                                      "encoder.3.weight", "encoder.3.bias"}));
  EXPECT_EQ(net.parameter_count(), 5 * 4 + 4 + 4 * 3 + 3);
}

TEST(Module, StateDictRoundTripsAndNamesWhatDoesNotFit) {
  Generator g{1};
  const Net from({g}, g), to({g}, g);
  to.load_state_dict(from.state_dict());
  for (std::size_t i = 0; i < from.parameters().size(); i++)
    EXPECT_EQ(from.parameters()[i].value.values(), to.parameters()[i].value.values());

  auto state = from.state_dict();
  state.pop_back();
  EXPECT_NE(error_of([&] {
              to.load_state_dict(state, "file.safetensors");
            }).find("lack 'encoder.3.bias', in file.safetensors"),
            std::string::npos);
  state = from.state_dict();
  state.push_back({"decoder.weight", Tensor::zeros({1})});
  EXPECT_NE(error_of([&] { to.load_state_dict(state); }).find("'decoder.weight'"),
            std::string::npos);
  state = from.state_dict();
  const std::vector<double> before = to.parameters()[0].value.values();
  state[1].value = Tensor::zeros({4, 5});
  state[4].value = Tensor::zeros({7});
  const std::string text = error_of([&] { to.load_state_dict(state); });
  EXPECT_NE(text.find("'encoder.3.bias'"), std::string::npos) << text;
  EXPECT_NE(text.find("[3]"), std::string::npos) << text;
  EXPECT_NE(text.find("[7]"), std::string::npos) << text;
  EXPECT_EQ(to.parameters()[0].value.values(), before) << "a failing load must change nothing";
}

TEST(Sequential, JoinsActivationsAndEqualsPlainLoops) {
  Generator g{3};
  for (const std::string& name : activation_names()) {
    Sequential net;
    const auto& first = net.add<Linear>(5, 4, Init{g, {}, DType::f64});
    const auto& activation = net.add<Activation>(name);
    (void)activation;
    const auto& second = net.add<Linear>(4, 2, Init{g, {}, DType::f64});
    const Tensor x = ops::randn({3, 5}, g, DType::f64);
    const Tensor y = net(x);
    // The same without Sequential.
    Activation apart(name);
    const Tensor hidden = apart(ops::add(ops::matmul(x, first.weight, false, true), first.bias));
    const Tensor expected = ops::add(ops::matmul(hidden, second.weight, false, true), second.bias);
    const auto a = y.values(), b = expected.values();
    for (std::size_t i = 0; i < a.size(); i++) EXPECT_NEAR(a[i], b[i], 1e-12) << name;
  }
  EXPECT_NE(error_of([] { Activation("rellu"); }).find("relu"), std::string::npos);
}

TEST(Dropout, ActsInTrainingOnly) {
  Generator g{5};
  Sequential net;
  net.add<Dropout>(0.25, g);
  const Tensor x = Tensor::full({200, 100}, 1);
  double zeros = 0;
  for (double v : net(x).values()) {
    EXPECT_TRUE(v == 0 || std::fabs(v - 4. / 3) < 1e-6);
    zeros += v == 0;
  }
  EXPECT_NEAR(zeros / 20000, 0.25, 5 * std::sqrt(0.25 * 0.75 / 20000));
  net.eval();
  EXPECT_EQ(net(x).values(), x.values());
  EXPECT_NE(error_of([&] { net.add<Dropout>(1., g); }), "");
}

struct Moments {
  double mean = 0, variance = 0, low = 1e300, high = -1e300;
};
Moments moments(const Tensor& t) {
  Moments m;
  const auto v = t.values();
  for (double x : v) {
    m.mean += x / double(v.size());
    m.low = std::min(m.low, x);
    m.high = std::max(m.high, x);
  }
  for (double x : v) m.variance += (x - m.mean) * (x - m.mean) / double(v.size());
  return m;
}

TEST(Init, HasPyTorchsDistributions) {
  Generator g{7};
  const Linear linear(100, 300, {g});
  const double bound = 1 / std::sqrt(100.);
  for (const Tensor& t : {linear.weight, linear.bias}) {
    const Moments m = moments(t);
    EXPECT_GE(m.low, -bound);
    EXPECT_LE(m.high, bound);
    EXPECT_NEAR(m.mean, 0, 5 * bound / std::sqrt(3. * double(t.numel())));
    EXPECT_NEAR(m.variance, bound * bound / 3, 0.2 * bound * bound / 3);
  }
  const Moments embedding = moments(Embedding(200, 50, {g}).weight);
  EXPECT_NEAR(embedding.mean, 0, 0.05);
  EXPECT_NEAR(embedding.variance, 1, 0.07);
  const Shape w{300, 100};
  EXPECT_NEAR(moments(xavier_uniform(w, {g})).high, std::sqrt(6. / 400), 1e-3);
  EXPECT_NEAR(moments(xavier_normal(w, {g})).variance, 2. / 400, 0.05 * 2. / 400);
  EXPECT_NEAR(moments(kaiming_normal(w, {g}, 0)).variance, 2. / 100, 0.05 * 2. / 100);
  EXPECT_NEAR(moments(kaiming_uniform(w, {g}, 0)).high, std::sqrt(6. / 100), 1e-3);
  EXPECT_EQ(fans({8, 4, 3, 3}).in, 36);
  EXPECT_EQ(fans({8, 4, 3, 3}).out, 72);
}

TEST(Embedding, TakesRows) {
  Generator g{9};
  Embedding table(6, 3, {g});
  const Tensor y = table(Tensor::from(std::vector<std::int64_t>{4, 0, 0, 5}, {2, 2}));
  EXPECT_EQ(y.shape(), (Shape{2, 2, 3}));
  const auto w = table.weight.values(), v = y.values();
  const int rows[] = {4, 0, 0, 5};
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 3; j++)
      EXPECT_EQ(v[std::size_t(3 * i + j)], w[std::size_t(3 * rows[i] + j)]);
}

}  // namespace
}  // namespace imago::nn
