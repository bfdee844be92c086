// How the weight of a forward comes about: the spectral norm against a singular value
// decomposition and finite differences, the equalised learning rate, initial values, and layers
// that join and describe them.
#include <algorithm>
#include <cmath>

#include "engine/nn/conv.h"
#include "engine/ops/ops.h"
#include "tests/errors.h"

namespace imago::nn {
namespace {

constexpr WeightOptions spectral{.rule = WeightRule::spectral};

// Largest singular value of a matrix [rows][cols], by Jacobi rotations of its columns.
double largest_singular_value(std::vector<std::vector<double>> a) {
  const std::size_t rows = a.size(), cols = a[0].size();
  const auto dot = [&](std::size_t p, std::size_t q) {
    double s = 0;
    for (std::size_t i = 0; i < rows; i++) s += a[i][p] * a[i][q];
    return s;
  };
  for (int sweep = 0; sweep < 60; sweep++)
    for (std::size_t p = 0; p + 1 < cols; p++)
      for (std::size_t q = p + 1; q < cols; q++) {
        const double c = dot(p, q);
        if (c == 0) continue;
        const double angle = .5 * std::atan2(2 * c, dot(p, p) - dot(q, q));
        for (std::size_t i = 0; i < rows; i++) {
          const double x = a[i][p], y = a[i][q];
          a[i][p] = std::cos(angle) * x + std::sin(angle) * y;
          a[i][q] = -std::sin(angle) * x + std::cos(angle) * y;
        }
      }
  double most = 0;
  for (std::size_t p = 0; p < cols; p++) most = std::max(most, std::sqrt(dot(p, p)));
  return most;
}
// The matrix outputs x rest; any order of the rest has the same singular values.
std::vector<std::vector<double>> matrix(const Tensor& w, bool outputs_last) {
  const auto v = w.values();
  const auto n = std::size_t(w.size(outputs_last ? -1 : 0)), rest = v.size() / n;
  std::vector<std::vector<double>> m(rest, std::vector<double>(n));
  for (std::size_t i = 0; i < n; i++)
    for (std::size_t j = 0; j < rest; j++) m[j][i] = outputs_last ? v[j * n + i] : v[i * rest + j];
  return m;
}
std::vector<double> buffer_values(const Module& m, const std::string& name) {
  for (const Parameter& p : m.state_dict())
    if (p.name == name) return p.value.values();
  ADD_FAILURE() << name;
  return {};
}

void check_spectral(Weighted& layer, bool outputs_last) {
  const double want = largest_singular_value(matrix(layer.weight, outputs_last));
  for (int i = 0; i < 400; i++) layer.weight_now();
  layer.eval();
  const Tensor now = layer.weight_now();
  EXPECT_NEAR(largest_singular_value(matrix(now, outputs_last)), 1, 1e-9);
  const auto a = layer.weight.values(), b = now.values();
  for (std::size_t i = 0; i < a.size(); i++)
    ASSERT_NEAR(b[i] * want, a[i], 1e-9 * (1 + std::fabs(a[i])));
}

TEST(Spectral, ManyIterationsEqualTheDecomposition) {
  Generator g{1};
  const Init init{g, {}, DType::f64};
  Linear linear(7, 5, init, true, spectral);
  check_spectral(linear, false);
  Conv2d conv(3, 4, {2, 3}, {}, init, true, spectral);
  check_spectral(conv, false);
  ConvTranspose2d transpose(3, 4, {2, 3}, {}, init, true, spectral);
  check_spectral(transpose, true);
}

TEST(Spectral, OneIterationEachTrainingForwardAndNoneInEvaluation) {
  Generator g{2};
  const Init init{g, {}, DType::f64};
  Sequential net;
  auto& layer = net.add<Linear>(6, 5, init, true, spectral);
  net.add<Activation>("relu");
  const Tensor x = ops::randn({3, 6}, g, DType::f64);
  const auto u = [&] { return buffer_values(layer, "parametrizations.weight.0._u"); };
  layer.weight.copy_(ops::randn({5, 6}, g, DType::f64));
  net.eval();
  const auto start = u();
  net(x);
  EXPECT_EQ(u(), start);
  // One iteration from v, in plain loops.
  const auto w = layer.weight.values(), v = buffer_values(layer, "parametrizations.weight.0._v");
  std::vector<double> want(5);
  double norm = 0;
  for (std::size_t i = 0; i < 5; i++) {
    for (std::size_t j = 0; j < 6; j++) want[i] += w[i * 6 + j] * v[j];
    norm += want[i] * want[i];
  }
  net.train();
  net(x);
  const auto next = u();
  for (std::size_t i = 0; i < 5; i++) EXPECT_NEAR(next[i], want[i] / std::sqrt(norm), 1e-12);
  net.eval();
  net(x);
  EXPECT_EQ(u(), next);
}

// Two forwards before one backward, as a critic on real and generated data: the second iteration
// changes nothing that the first one's graph has kept.
TEST(Spectral, ForwardsOfOneStepKeepTheirVectors) {
  Generator g{3};
  const Init init{g, {}, DType::f64};
  for (const bool training : {true, false}) {
    Conv2d layer(2, 3, 3, {}, init, true, spectral);
    const auto state = layer.state_dict();
    std::vector<Parameter> kept;
    for (const Parameter& p : state) {
      kept.push_back({p.name, Tensor::empty(p.value.shape(), p.value.dtype())});
      kept.back().value.copy_(p.value);
    }
    const Tensor a = ops::randn({1, 4, 4, 2}, g, DType::f64),
                 b = ops::randn({1, 4, 4, 2}, g, DType::f64);
    const auto loss = [&](const Tensor& x) { return ops::sum(ops::square(layer.forward(x))); };
    layer.train(training);
    const Tensor first = loss(a);
    layer.train();
    const Tensor second = loss(b);
    const auto both = grad({first + second}, {layer.weight})[0].values();
    layer.load_state_dict(kept);
    layer.train(training);
    const auto one = grad({loss(a)}, {layer.weight})[0].values();
    layer.train();
    const auto other = grad({loss(b)}, {layer.weight})[0].values();
    for (std::size_t i = 0; i < both.size(); i++) EXPECT_NEAR(both[i], one[i] + other[i], 1e-10);
  }
}

// d/dW of f(W / sigma(W)) with u and v held: central differences in evaluation.
TEST(Spectral, GradientEqualsDifferences) {
  Generator g{4};
  const Init init{g, {}, DType::f64};
  Linear layer(4, 3, init, true, spectral);
  layer.eval();
  const Tensor x = ops::randn({5, 4}, g, DType::f64);
  const auto loss = [&] { return ops::sum(ops::tanh(layer.forward(x))); };
  const auto got = grad({loss()}, {layer.weight})[0].values();
  for (Index i = 0; i < layer.weight.numel(); i++) {
    double* const w = layer.weight.data<double>() + i;
    const double keep = *w, eps = 1e-6;
    *w = keep + eps;
    const double above = loss().item();
    *w = keep - eps;
    const double below = loss().item();
    *w = keep;
    EXPECT_NEAR(got[std::size_t(i)], (above - below) / (2 * eps), 1e-6);
  }
}

TEST(Spectral, TrainedTensorAndBuffersAreNamedAsPyTorchNamesThem) {
  Generator g{5};
  const ConvTranspose2d layer(3, 4, 2, {}, {g}, false, spectral);
  std::vector<std::string> names;
  for (const Parameter& p : layer.state_dict()) names.push_back(p.name);
  EXPECT_EQ(names, (std::vector<std::string>{"parametrizations.weight.original",
                                             "parametrizations.weight.0._u",
                                             "parametrizations.weight.0._v"}));
  ASSERT_EQ(layer.parameters().size(), 1u);
  EXPECT_EQ(layer.parameters()[0].name, "parametrizations.weight.original");
  EXPECT_EQ(layer.parameter_count(), 3 * 4 * 4);
}

double deviation(const Tensor& t) {
  double s = 0;
  for (double v : t.values()) s += v * v;
  return std::sqrt(s / double(t.numel()));
}

TEST(Equalized, UnitWeightsScaledAtRunTime) {
  Generator g{6};
  const Init init{g, {}, DType::f64};
  const WeightOptions equalized{.rule = WeightRule::equalized, .gain = 2};
  const auto check = [&](Weighted& layer, double fan_in) {
    EXPECT_NEAR(deviation(layer.weight), 1, .1);
    const auto w = layer.weight.values(), now = layer.weight_now().values();
    for (std::size_t i = 0; i < w.size(); i++)
      ASSERT_NEAR(now[i], w[i] * 2 / std::sqrt(fan_in), 1e-12);
    for (double b : layer.bias.values()) EXPECT_EQ(b, 0);
    const auto d = grad({ops::sum(layer.weight_now())}, {layer.weight})[0].values();
    EXPECT_NEAR(d[0], 2 / std::sqrt(fan_in), 1e-12);
    EXPECT_EQ(layer.parameters()[0].name, "weight");
  };
  Linear linear(30, 20, init, true, equalized);
  check(linear, 30);
  Conv2d conv(8, 12, {3, 5}, {.groups = 2}, init, true, equalized);
  check(conv, 4 * 15);
  ConvTranspose2d transpose(12, 8, {4, 2}, {.stride = 2, .groups = 2}, init, true, equalized);
  check(transpose, 6 * 8);
}

TEST(Weighted, DrawsAsAsked) {
  Generator g{7};
  const Conv2d conv(16, 32, 4, {}, {g}, true, {.sigma = .02});
  EXPECT_NEAR(deviation(conv.weight), .02, .001);
  for (double b : conv.bias.values()) EXPECT_EQ(b, 0);
  Linear plain(3, 2, {g}, false);
  EXPECT_FALSE(plain.bias.defined());
  EXPECT_EQ(plain.weight_now().ptr(), plain.weight.ptr());
}

TEST(Weighted, TextsSayTheRule) {
  Generator g{8};
  EXPECT_EQ(Linear(3, 2, {g}, true, spectral).describe(), "Linear(3, 2, spectral norm)");
  EXPECT_EQ(Conv2d(3, 2, 3, {}, {g}, false, {.rule = WeightRule::equalized}).describe(),
            "Conv2d(3, 2, kernel 3, no bias, equalized)");
}

}  // namespace
}  // namespace imago::nn
