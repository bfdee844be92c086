// Reductions and softmax where a row of op_cases cannot go: infinities and NaN, ties, errors,
// accuracy of long sums, and equal bits with any number of threads.
#include "engine/ops/reduce.h"

#include <omp.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "engine/ops/ops.h"
#include "tests/errors.h"
#include "tests/ops/devices.h"

namespace imago::test {
namespace {

using Values = std::vector<double>;
constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNan = std::nan("");

// NaN equals NaN.
void expect_values(const Tensor& t, const Values& want, double tolerance = 1e-12) {
  const Values got = t.values();
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); i++) {
    if (std::isnan(want[i]))
      EXPECT_TRUE(std::isnan(got[i])) << "element " << i << " is " << got[i];
    else if (std::isinf(want[i]))
      EXPECT_EQ(got[i], want[i]) << "element " << i;
    else
      EXPECT_NEAR(got[i], want[i], tolerance) << "element " << i;
  }
}
// A test of fused ops and of their composites.
void both_modes(const std::function<void()>& test) {
  for (bool reference : {false, true}) {
    SCOPED_TRACE(reference ? "composite" : "fused");
    const bool before = reference_mode();
    set_reference_mode(reference);
    test();
    set_reference_mode(before);
  }
}

class ReduceOn : public OnDevice {
 protected:
  Tensor f64(const Values& v, Shape shape) const {
    return Tensor::from(v, std::move(shape), device());
  }
};

TEST_P(ReduceOn, MinusInfinityTakesNoPart) {
  both_modes([&] {
    const double a = std::exp(1.), b = std::exp(2.), s = a + b;
    const Tensor x = f64({1, -kInf, 2, -kInf, -kInf, -kInf}, {2, 3});
    x.requires_grad_();
    const Tensor lse = ops::logsumexp(x), p = ops::softmax(x), l = ops::log_softmax(x);
    expect_values(lse, {std::log(s), -kInf});
    expect_values(p, {a / s, 0, b / s, 0, 0, 0});
    expect_values(l, {1 - std::log(s), -kInf, 2 - std::log(s), -kInf, -kInf, -kInf});
    expect_values(grad({lse}, {x}, {.grad_outputs = {f64({3, 5}, {2})}})[0],
                  {3 * a / s, 0, 3 * b / s, 0, 0, 0});
    const Tensor g = f64({1, 2, 3, 4, 5, 6}, {2, 3});
    const double along = (a + 3 * b) / s;
    expect_values(grad({p}, {x}, {.grad_outputs = {g}})[0],
                  {a / s * (1 - along), 0, b / s * (3 - along), 0, 0, 0});
    expect_values(grad({l}, {x}, {.grad_outputs = {g}})[0],
                  {1 - 4 * a / s, 0, 3 - 4 * b / s, 0, 0, 0});
  });
}
TEST_P(ReduceOn, SecondDerivativeOfAMaskedRowIsFinite) {
  const Tensor x = f64({1, -kInf, 2, -kInf, -kInf, -kInf}, {2, 3});
  x.requires_grad_();
  for (const auto& op : {ops::softmax, ops::log_softmax}) {
    const Tensor g = grad({ops::sum(op(x, -1) * f64({1, 0, 3, 0, 0, 0}, {2, 3}))}, {x},
                          {.create_graph = true})[0];
    for (double d : grad({ops::sum(ops::square(g))}, {x})[0].values())
      EXPECT_TRUE(std::isfinite(d));
  }
}
TEST_P(ReduceOn, OtherInfinitiesAndNan) {
  expect_values(ops::logsumexp(f64({kInf, 1, kNan, 1, kInf, kNan}, {3, 2})), {kInf, kNan, kNan});
  expect_values(ops::softmax(f64({kNan, 1, 1e4, -1e4}, {2, 2})), {kNan, kNan, 1, 0});
  expect_values(ops::log_softmax(f64({1e4, -1e4}, {2})), {0, -2e4});
  const Tensor x = f64({1, kNan, 3, kInf, -kInf, 2, -kInf, -kInf, -kInf}, {3, 3});
  expect_values(ops::max(x, {1}), {kNan, kInf, -kInf});
  expect_values(ops::min(x, {1}), {kNan, -kInf, -kInf});
  expect_values(ops::max(x, {0}), {kInf, kNan, 3});
  expect_values(ops::min(x, {0}), {-kInf, kNan, -kInf});
  expect_values(ops::max(x), {kNan});
  expect_values(ops::argmax(x), {1, 0, 0});
  expect_values(ops::sum(x, {1}), {kNan, kNan, -kInf});
}

TEST_P(ReduceOn, TiesShareTheGradient) {
  const Tensor x = f64({1, 3, 3, 2, 2, 2}, {2, 3});
  x.requires_grad_();
  const GradOptions g{.grad_outputs = {f64({4, 6}, {2})}, .create_graph = true};
  const Tensor up = grad({ops::max(x, {1})}, {x}, g)[0], down = grad({ops::min(x, {1})}, {x}, g)[0];
  expect_values(up, {0, 2, 2, 2, 2, 2});
  expect_values(down, {4, 0, 0, 2, 2, 2});
  expect_values(grad({ops::max(x)}, {x})[0], {0, .5, .5, 0, 0, 0});
  // Which elements are extreme is a constant: nothing leads from the gradient back to x.
  EXPECT_FALSE(up.requires_grad());
}

TEST_P(ReduceOn, VarianceFarFromZero) {
  // Textbook sum of squares loses every digit here.
  std::vector<float> v(999);
  for (std::size_t i = 0; i < v.size(); i++) v[i] = 4096 + float(i % 3);
  const Tensor x = Tensor::from(v, {999}, device());
  EXPECT_NEAR(ops::var(x).item(), 2. / 3, 1e-6);
  EXPECT_NEAR(ops::var(ops::reshape(x, Shape{333, 3}), {0}).values()[1], 0, 1e-12);
}

TEST_P(ReduceOn, LongFloatSumsKeepTheirDigits) {
  // Added in order, 2^20 times 0.1 is wrong in the third digit. No chain of additions is longer
  // here than 1024 (a leaf of a row, where the compiler does not vectorise it), each of which
  // rounds by at most 2^-24 of the sum so far.
  const double tolerance = 1024 * 0x1p-25;
  const Index n = device().backend == Backend::emulated ? 1 << 17 : 1 << 20;
  const double want = double(.1f) * double(n);
  const Tensor x = Tensor::full({n}, .1f, DType::f32, device());
  for (const Shape& s : {Shape{n}, Shape{1, n}, Shape{4, n / 4}, Shape{n, 1}, Shape{n / 4, 4},
                         Shape{n / 512, 512}, Shape{2, n / 16, 8}}) {
    const Tensor y = ops::reshape(x, s);
    for (int axis = 0; axis < s.rank(); axis++) {
      const double parts = double(n / s[axis]);
      for (double got : ops::sum(y, {axis}).values())
        ASSERT_NEAR(got * parts / want, 1, tolerance) << s << " axis " << axis;
    }
  }
}

TEST(ReduceThreads, SameBitsWithAnyNumber) {
  const int before = omp_get_max_threads();
  Generator g{3, 0};
  for (const Shape& s : {Shape{5000, 20}, Shape{128, 784}, Shape{3, 300000}, Shape{70001},
                         Shape{5, 1009, 33}, Shape{20000, 3}}) {
    const Tensor x = ops::randn(s, g);
    for (int axis = 0; axis < s.rank(); axis++) {
      std::vector<std::vector<float>> seen;
      for (int threads : {1, 2, 3, 8}) {
        omp_set_num_threads(threads);
        std::vector<float> all = ops::sum(x, {axis}).to_vector<float>();
        for (const Tensor& t :
             {ops::var(x, {axis}), ops::logsumexp(x, axis), ops::sum(x), ops::mean(ops::exp(x))})
          for (float f : t.to_vector<float>()) all.push_back(f);
        seen.push_back(std::move(all));
        ASSERT_EQ(std::memcmp(seen[0].data(), seen.back().data(), seen[0].size() * 4), 0)
            << s << " axis " << axis << ", " << threads << " threads";
      }
    }
  }
  omp_set_num_threads(before);
}

TEST(ReduceErrors, SayWhatWasExpectedAndReceived) {
  const Tensor x = Tensor::zeros({2, 3}), none = Tensor::zeros({3, 0}),
               labels = Tensor::zeros({2}, DType::i64);
  expect_error([&] { ops::sum(x, {2}); }, {"[sum]", "[2, 3]", "received 2", "-2 to 1"});
  expect_error([&] { ops::mean(x, {-3}); }, {"[mean]", "received -3"});
  expect_error([&] { ops::sum(x, {1, -1}); }, {"[sum]", "axis 1 twice"});
  expect_error([&] { ops::max(none, {1}); }, {"[max]", "at least one element", "[3, 0]"});
  expect_error([&] { ops::min(none); }, {"[min]", "at least one element"});
  expect_error([&] { ops::mean(none, {1}); }, {"[mean]", "at least one element"});
  expect_error([&] { ops::argmax(none, 1); }, {"[argmax]", "at least one element"});
  expect_error([&] { ops::logsumexp(none, 1); }, {"[logsumexp]", "at least one element"});
  expect_error(
      [&] {
        ops::var(Tensor::zeros({1, 3}), {0}, 1);
      },
      {"[var]", "more than ddof = 1", "1 elements"});
  expect_error([&] { ops::var(x, {0}, -1); }, {"[var]", "ddof >= 0"});
  expect_error([&] { ops::sum(labels); }, {"[sum]", "float32 or float64", "int64"});
  expect_error([&] { ops::max(labels); }, {"[max]", "int64"});
  expect_error([&] { ops::softmax(labels); }, {"[softmax]", "int64"});
  expect_error([&] { ops::softmax(Tensor::scalar(1)); }, {"[softmax]", "a scalar has no axes"});
  expect_error([&] { ops::sum_to(x, {2}); }, {"[sum_to]", "[2, 3]", "[2]"});
  expect_error([&] { ops::sum_to(x, {1, 2, 3}); }, {"[sum_to]", "[1, 2, 3]"});
}

INSTANTIATE_TEST_SUITE_P(Backends, ReduceOn, testing::ValuesIn(built_backends()), backend_name);

}  // namespace
}  // namespace imago::test
