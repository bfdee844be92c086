// Special values of the elementwise ops: NaN, infinities, huge arguments, kinks, ties; and errors
// of the layout ops.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "engine/ops/ops.h"
#include "tests/ops/devices.h"

namespace imago {
namespace {

using namespace ops;
constexpr double inf = std::numeric_limits<double>::infinity(),
                 nan = std::numeric_limits<double>::quiet_NaN();
using Op = std::function<Tensor(const Tensor&)>;

Device current;
class PointwiseSpecial : public test::OnDevice {
 protected:
  void SetUp() override {
    OnDevice::SetUp();
    current = device();
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, PointwiseSpecial, testing::ValuesIn(test::built_backends()),
                         test::backend_name);

// Long enough for the vector body and the scalar end of the loop to see every value.
std::vector<double> repeated(const std::vector<double>& v, std::size_t n = 40) {
  std::vector<double> all;
  for (std::size_t k = 0; k < n; k++) all.insert(all.end(), v.begin(), v.end());
  return all;
}
Tensor make(const std::vector<double>& v, DType t, bool leaf = false) {
  const Tensor x = cast(Tensor::from(v, {Index(v.size())}, current), t);
  return leaf ? x.detach().requires_grad_() : x;
}
void expect_values(const std::string& what, const Tensor& got, const std::vector<double>& want,
                   double tolerance) {
  const std::vector<double> g = got.values(), w = repeated(want, g.size() / want.size());
  ASSERT_EQ(g.size(), w.size()) << what;
  for (std::size_t i = 0; i < g.size(); i++) {
    if (std::isnan(w[i])) {
      EXPECT_TRUE(std::isnan(g[i])) << what << " at " << i << ": got " << g[i];
    } else if (std::isinf(w[i]) || std::isinf(g[i])) {
      EXPECT_EQ(g[i], w[i]) << what << " at " << i;
    } else {
      EXPECT_NEAR(g[i], w[i], tolerance * (1 + std::fabs(w[i]))) << what << " at " << i;
    }
  }
}
void expect_op(const std::string& what, const Op& f, const std::vector<double>& x,
               const std::vector<double>& y, const std::vector<double>& slope = {}) {
  for (const DType t : {DType::f32, DType::f64}) {
    const double tolerance = t == DType::f32 ? 1e-5 : 1e-12;
    const Tensor in = make(repeated(x), t, !slope.empty());
    const Tensor out = f(in);
    expect_values(what + " " + name(t), out, y, tolerance);
    if (slope.empty()) continue;
    const Tensor ones = Tensor::full(out.shape(), 1, t, current);
    expect_values(what + "' " + name(t), grad({out}, {in}, {.grad_outputs = {ones}})[0], slope,
                  tolerance);
  }
}

TEST_P(PointwiseSpecial, HugeArgumentsSaturate) {
  const std::vector<double> x{1e4, -1e4, 1e30, -1e30, 0};
  expect_op("sigmoid", sigmoid, x, {1, 0, 1, 0, .5}, {0, 0, 0, 0, .25});
  expect_op("tanh", ops::tanh, x, {1, -1, 1, -1, 0}, {0, 0, 0, 0, 1});
  expect_op("erf", ops::erf, x, {1, -1, 1, -1, 0}, {0, 0, 0, 0, 2 / std::sqrt(std::acos(-1))});
  expect_op("softplus", softplus, x, {1e4, 0, 1e30, 0, std::log(2)}, {1, 0, 1, 0, .5});
  expect_op("logsigmoid", logsigmoid, x, {0, -1e4, 0, -1e30, -std::log(2)}, {0, 1, 0, 1, .5});
  expect_op("silu", silu, x, {1e4, 0, 1e30, 0, 0}, {1, 0, 1, 0, .5});
  expect_op("gelu", gelu, x, {1e4, 0, 1e30, 0, 0}, {1, 0, 1, 0, .5});
  expect_op("elu", [](const Tensor& v) { return elu(v, 2); }, x, {1e4, -2, 1e30, -2, 0},
            {1, 0, 1, 0, 2});
}
TEST_P(PointwiseSpecial, SecondDerivativesOfHugeArgumentsAreFinite) {
  const std::vector<std::pair<const char*, Op>> all = {
      {"sigmoid", sigmoid},
      {"tanh", ops::tanh},
      {"erf", ops::erf},
      {"softplus", softplus},
      {"logsigmoid", logsigmoid},
      {"silu", silu},
      {"gelu", gelu},
      {"elu", [](const Tensor& v) { return elu(v, 1); }}};
  for (const auto& [name, f] : all)
    for (const DType t : {DType::f32, DType::f64}) {
      const Tensor x = make(repeated({1e4, -1e4, 1e15, -1e15}), t, true);
      const Tensor ones = Tensor::full(x.shape(), 1, t, current);
      const Tensor g = grad({f(x)}, {x}, {.grad_outputs = {ones}, .create_graph = true})[0];
      expect_values(name, grad({g}, {x}, {.grad_outputs = {ones}})[0], {0, 0, 0, 0}, 1e-12);
    }
}
TEST_P(PointwiseSpecial, InfinitiesGiveLimits) {
  const std::vector<double> x{inf, -inf};
  expect_op("exp", ops::exp, x, {inf, 0}, {inf, 0});
  expect_op("expm1", ops::expm1, x, {inf, -1});
  expect_op("sigmoid", sigmoid, x, {1, 0}, {0, 0});
  expect_op("tanh", ops::tanh, x, {1, -1}, {0, 0});
  expect_op("erf", ops::erf, x, {1, -1});
  expect_op("softplus", softplus, x, {inf, 0}, {1, 0});
  expect_op("logsigmoid", logsigmoid, x, {0, -inf}, {0, 1});
  expect_op("relu", relu, x, {inf, 0}, {1, 0});
  expect_op("leaky_relu", [](const Tensor& v) { return leaky_relu(v, .2); }, x, {inf, -inf},
            {1, .2});
  expect_op("elu", [](const Tensor& v) { return elu(v, 1); }, x, {inf, -1}, {1, 0});
  expect_op("clamp", [](const Tensor& v) { return clamp(v, -2, 3); }, x, {3, -2}, {0, 0});
  expect_op("abs", ops::abs, x, {inf, inf}, {1, -1});
  expect_op("log", ops::log, {0, -1, inf}, {-inf, nan, inf});
  expect_op("log1p", ops::log1p, {-1, -2, inf}, {-inf, nan, inf});
  expect_op("sqrt", ops::sqrt, {0, -1, inf}, {0, nan, inf}, {inf, nan, 0});
  expect_op("reciprocal", reciprocal, {0, inf}, {inf, 0});
}
TEST_P(PointwiseSpecial, NaNPropagates) {
  const std::vector<std::pair<const char*, Op>> all = {
      {"affine", [](const Tensor& v) { return affine(v, 2, 1); }},
      {"neg", neg},
      {"square", square},
      {"sqrt", ops::sqrt},
      {"rsqrt", rsqrt},
      {"reciprocal", reciprocal},
      {"pow_scalar", [](const Tensor& v) { return pow_scalar(v, 3); }},
      {"exp", ops::exp},
      {"expm1", ops::expm1},
      {"log", ops::log},
      {"log1p", ops::log1p},
      {"sin", ops::sin},
      {"cos", ops::cos},
      {"tan", ops::tan},
      {"tanh", ops::tanh},
      {"erf", ops::erf},
      {"sigmoid", sigmoid},
      {"softplus", softplus},
      {"logsigmoid", logsigmoid},
      {"silu", silu},
      {"gelu", gelu},
      {"elu", [](const Tensor& v) { return elu(v, 1); }},
      {"relu", relu},
      {"leaky_relu", [](const Tensor& v) { return leaky_relu(v, .2); }},
      {"abs", ops::abs},
      {"clamp", [](const Tensor& v) { return clamp(v, -1, 1); }},
      {"floor", ops::floor},
      {"ceil", ops::ceil},
      {"round", ops::round}};
  for (const auto& [name, f] : all) expect_op(name, f, {nan}, {nan});
  const std::vector<double> a{nan, 1, nan, -inf}, b{1, nan, nan, inf};
  const auto with = [&](auto op) {
    return op(make(repeated(a), DType::f32), make(repeated(b), DType::f32));
  };
  expect_values("maximum", with(maximum), {nan, nan, nan, inf}, 0);
  expect_values("minimum", with(minimum), {nan, nan, nan, -inf}, 0);
  expect_values("equal", with(equal), {0, 0, 0, 0}, 0);
  expect_values("not_equal", with(not_equal), {1, 1, 1, 1}, 0);
  expect_values("less_equal", with(less_equal), {0, 0, 0, 1}, 0);
  expect_values("greater", with(greater), {0, 0, 0, 0}, 0);
}
TEST_P(PointwiseSpecial, KinksFollowPyTorch) {
  expect_op("relu", relu, {0}, {0}, {0});
  expect_op("leaky_relu", [](const Tensor& v) { return leaky_relu(v, .2); }, {0}, {0}, {.2});
  expect_op("abs", ops::abs, {0}, {0}, {0});
  expect_op("clamp", [](const Tensor& v) { return clamp(v, -1, 2); }, {-1, 2, -3, 4},
            {-1, 2, -1, 2}, {1, 1, 0, 0});
  expect_op("round", ops::round, {.5, 1.5, -.5, 2.5, 1e10}, {0, 2, 0, 2, 1e10});
  expect_op("sign", sign, {0, -3, 2}, {0, -1, 1});
  expect_op("step", step, {0, -3, 2}, {0, 0, 1});
  expect_op("square by pow", [](const Tensor& v) { return pow_scalar(v, 2); }, {0, -3}, {0, 9},
            {0, -6});
  expect_op("power one", [](const Tensor& v) { return pow_scalar(v, 1); }, {0, -3}, {0, -3},
            {1, 1});
  expect_op("power zero", [](const Tensor& v) { return pow_scalar(v, 0); }, {0, -3}, {1, 1},
            {0, 0});
}
TEST_P(PointwiseSpecial, PowerOfZeroHasThePolynomialsHigherDerivatives) {
  const Tensor x = make({0, 0, 0}, DType::f64, true);
  Tensor y = pow_scalar(x, 3);
  for (const double want : {0., 0., 6., 0.}) {
    y = grad(
        {y}, {x},
        {.grad_outputs = {Tensor::full({3}, 1, DType::f64, current)}, .create_graph = true})[0];
    expect_values("derivative", y, {want, want, want}, 1e-12);
  }
}
TEST_P(PointwiseSpecial, TiesShareTheGradient) {
  for (const auto& op : {maximum, minimum}) {
    const Tensor a = make({1, 2, 3}, DType::f64, true), b = make({1, 3, 2}, DType::f64, true);
    const auto g = grad({op(a, b)}, {a, b}, {.grad_outputs = {make({2, 2, 2}, DType::f64)}});
    const bool larger = op == &maximum;
    expect_values("a", g[0], larger ? std::vector<double>{1, 0, 2} : std::vector<double>{1, 2, 0},
                  0);
    expect_values("b", g[1], larger ? std::vector<double>{1, 2, 0} : std::vector<double>{1, 0, 2},
                  0);
  }
}
TEST_P(PointwiseSpecial, ZeroToTheZeroHasFiniteGradients) {
  const Tensor a = make({0, 0}, DType::f64, true), b = make({0, 2}, DType::f64, true);
  const Tensor y = pow(a, b);
  expect_values("pow", y, {1, 0}, 0);
  const auto g = grad({y}, {a, b}, {.grad_outputs = {make({1, 1}, DType::f64)}});
  expect_values("by a", g[0], {0, 0}, 0);
  expect_values("by b", g[1], {0, 0}, 0);
}
TEST_P(PointwiseSpecial, WhereTakesNothingFromTheOtherBranch) {
  const Tensor c = make({1, 0}, DType::f64);
  const Tensor a = make({1, nan}, DType::f64, true), b = make({inf, 2}, DType::f64, true);
  const Tensor y = where(c, a, b);
  expect_values("where", y, {1, 2}, 0);
  const auto g = grad({y}, {a, b}, {.grad_outputs = {make({3, 3}, DType::f64)}});
  expect_values("by a", g[0], {3, 0}, 0);
  expect_values("by b", g[1], {0, 3}, 0);
}
TEST_P(PointwiseSpecial, ConstantPiecesStopInfiniteGradients) {
  const std::vector<Tensor> infinite{make({inf, inf, 2}, DType::f64)};
  for (const auto& [name, f] :
       std::vector<std::pair<std::string, std::function<Tensor(const Tensor&)>>>{
           {"relu", [](const Tensor& x) { return relu(x); }},
           {"clamp", [](const Tensor& x) { return clamp(x, 0, 5); }}}) {
    const Tensor x = make({-1, 1, -1}, DType::f64, true);
    expect_values(name, grad({f(x)}, {x}, {.grad_outputs = infinite})[0], {0, inf, 0}, 0);
  }
  const Tensor x = make({-1}, DType::f64, true), one = make({1}, DType::f64);
  const Tensor fused =
      linear(reshape(x, {1, 1}), reshape(one, {1, 1}), one * -1., Activation::relu);
  const auto g = grad({fused}, {x}, {.grad_outputs = {reshape(one * inf, {1, 1})}});
  expect_values("linear", g[0], {0}, 0);
}
TEST_P(PointwiseSpecial, ScalarOperators) {
  const Tensor x = make({2, -4}, DType::f64, true);
  expect_values("a / x", 3 / x, {1.5, -.75}, 1e-15);
  expect_values("x / a", x / 4., {.5, -1}, 1e-15);
  expect_values("a - x", 1 - x, {-1, 5}, 1e-15);
  const auto g = grad({3 / x}, {x}, {.grad_outputs = {make({1, 1}, DType::f64)}});
  expect_values("gradient of a / x", g[0], {-.75, -3. / 16}, 1e-15);
}
TEST_P(PointwiseSpecial, ThirdDerivatives) {
  // d3/dx3 of tanh is (6 t^2 - 2)(1 - t^2); of gelu (x^3 - 4 x) phi(x); of softplus s (1 - s)(1 - 2
  // s).
  const std::vector<double> points{-1.5, -.3, 0, .4, 2};
  const auto third = [&](const Op& f) {
    const Tensor x = make(points, DType::f64, true);
    Tensor y = f(x);
    for (int k = 0; k < 3; k++)
      y = grad({y}, {x},
               {.grad_outputs = {Tensor::full(x.shape(), 1, DType::f64, current)},
                .create_graph = true})[0];
    return y.detach();
  };
  std::vector<double> tanh3, gelu3, softplus3, cube;
  for (const double x : points) {
    const double t = std::tanh(x), s = 1 / (1 + std::exp(-x)),
                 phi = std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1));
    tanh3.push_back((6 * t * t - 2) * (1 - t * t));
    gelu3.push_back((x * x * x - 4 * x) * phi);
    softplus3.push_back(s * (1 - s) * (1 - 2 * s));
  }
  expect_values("tanh", third(ops::tanh), tanh3, 1e-12);
  expect_values("gelu", third(gelu), gelu3, 1e-12);
  expect_values("softplus", third(softplus), softplus3, 1e-12);
  expect_values("exp", third(ops::exp), exp(make(points, DType::f64)).values(), 1e-12);
}
TEST_P(PointwiseSpecial, CastSaturates) {
  const std::vector<double> x{nan, inf, -inf, 1e30, -1e30, 2.9, -2.9, 255.5};
  const auto max = double(std::numeric_limits<std::int64_t>::max()),
             min = double(std::numeric_limits<std::int64_t>::min());
  for (const DType t : {DType::f32, DType::f64}) {
    expect_values("int64", cast(make(repeated(x), t), DType::i64),
                  {0, max, min, max, min, 2, -2, 255}, 0);
    expect_values("uint8", cast(make(repeated(x), t), DType::u8), {0, 255, 0, 255, 0, 2, 0, 255},
                  0);
  }
}
TEST_P(PointwiseSpecial, CastDownIsDifferentiable) {
  const Tensor x = make({1, 2, 3}, DType::f64, true);
  const Tensor y = cast(x, DType::f32);
  const auto g = grad({y}, {x}, {.grad_outputs = {make({2, .5, -1}, DType::f32)}});
  EXPECT_EQ(g[0].dtype(), DType::f64);
  expect_values("gradient", g[0], {2, .5, -1}, 0);
}
TEST_P(PointwiseSpecial, RowsWithoutSlopeRecordNothing) {
  const Tensor x = make({-1.5, 2}, DType::f64, true);
  for (const auto& f : {sign, step, ops::floor, ops::ceil, ops::round})
    EXPECT_FALSE(f(x).requires_grad());
  EXPECT_THROW(grad({step(x)}, {x}, {.grad_outputs = {make({1, 1}, DType::f64)}}), Error);
}

TEST(PointwiseErrors, NameBothSides) {
  current = {};
  const auto message = [](const std::function<void()>& f) -> std::string {
    try {
      f();
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::usage);
      return e.what();
    }
    return "no error";
  };
  const Tensor a = Tensor::zeros({3, 4}), b = Tensor::zeros({3}),
               c = Tensor::zeros({3, 4}, DType::f64);
  const Tensor i = Tensor::zeros({3, 4}, DType::i64);
  const auto has = [](const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), text.npos) << "'" << text << "' should contain '" << part << "'";
  };
  has(message([&] { add(a, b); }), "[add]");
  has(message([&] { add(a, b); }), "[3, 4] and [3]");
  has(message([&] { mul(a, c); }), "float32");
  has(message([&] { mul(a, c); }), "float64");
  has(message([&] { ops::tanh(i); }), "int64");
  has(message([&] { where(a, a, c); }), "[where]");
  has(message([&] { reshape(a, {5, 2}); }), "[reshape]");
  has(message([&] { reshape(a, {5, -1}); }), "12 elements");
  has(message([&] { reshape(a, {-1, -1}); }), "[reshape]");
  has(message([&] { squeeze(a, 0); }), "[squeeze]");
  has(message([&] { unsqueeze(a, 4); }), "[unsqueeze]");
  has(message([&] { flatten(a, 2); }), "[flatten]");
  has(message([&] { broadcast_to(a, Shape{4}); }), "[broadcast_to]");
  has(message([&] { broadcast_to(a, Shape{3, 8}); }), "[broadcast_to]");
  has(message([&] { permute(a, {0, 0}); }), "[permute]");
  has(message([&] { permute(a, {0}); }), "[permute]");
  has(message([&] { transpose(b); }), "[transpose]");
  has(message([&] { slice(a, 1, 2, 5); }), "[2, 5)");
  has(message([&] { slice(a, 1, 3, 2); }), "[slice]");
  has(message([&] { slice(a, 2, 0, 1); }), "[slice]");
  has(message([&] { pad(a, 0, -1, 0); }), "[pad]");
  has(message([&] { concat({a, b}, 0); }), "[concat]");
  has(message([&] { concat({a, c}, 0); }), "float64");
  has(message([&] { concat({}, 0); }), "[concat]");
  has(message([&] { stack({a, Tensor::zeros({4, 3})}, 0); }), "[stack]");
  has(message([&] { split(a, 0, {1, 1}); }), "[split]");
  has(message([&] { split(a, 0, {4, -1}); }), "[split]");
  has(message([&] { repeat_interleave(Tensor::zeros({}), 2); }), "[repeat_interleave]");
  const Tensor n = Tensor::zeros({1, 2, 1, 2, 1, 2, 1, 2, 1, 2}),
               m = Tensor::zeros({2, 1, 2, 1, 2, 1, 2, 1, 2, 1});
  has(message([&] { add(n, m); }), "at most 8 dimensions");
}
TEST(Views, ShareMemoryAndItsVersion) {
  const Tensor x = Tensor::zeros({4, 3});
  const Tensor row = slice(x, 0, 1, 2), flat = reshape(x, {12});
  EXPECT_EQ(row.data<float>(), x.data<float>() + 3);
  EXPECT_EQ(flat.data<float>(), x.data<float>());
  row.fill_(5);
  EXPECT_EQ(flat.values(), (std::vector<double>{0, 0, 0, 5, 5, 5, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(x.version(), row.version());
  EXPECT_NE(slice(x, 1, 0, 2).data<float>(), x.data<float>());
}
TEST(Views, OfAChangedTensorAreRefusedByTheGradient) {
  current = {};
  const Tensor x = make({1, 2, 3, 4}, DType::f64, true);
  const Tensor half = slice(x, 0, 0, 2), y = square(half);
  slice(x.detach(), 0, 2, 4).fill_(0);
  EXPECT_THROW(grad({y}, {x}, {.grad_outputs = {make({1, 1}, DType::f64)}}), Error);
}

}  // namespace
}  // namespace imago
