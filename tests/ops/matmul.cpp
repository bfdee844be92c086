// What matmul and linear refuse, and that they say why. Values and gradients are rows of
// tests/op_cases.
#include "engine/ops/matmul.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops/ops.h"
#include "tests/errors.h"

namespace imago::test {
namespace {

TEST(Matmul, RefusesWhatDoesNotFit) {
  const Tensor a = Tensor::zeros({2, 3}), b = Tensor::zeros({4, 5});
  expect_error([&] { ops::matmul(a, b); }, {"[matmul]", "[2, 3]", "[4, 5]"});
  EXPECT_EQ(ops::matmul(a, Tensor::zeros({5, 3}), false, true).shape(), (Shape{2, 5}));
  expect_error([&] { ops::matmul(a, Tensor::zeros({3})); }, {"[matmul]"});
  expect_error([&] { ops::matmul(a, Tensor::zeros({3, 4}, DType::f64)); }, {"[matmul]"});
  const Tensor whole = Tensor::zeros({2, 3}, DType::i64);
  expect_error([&] { ops::matmul(whole, whole, false, true); }, {"[matmul]"});
  const Tensor two = Tensor::zeros({2, 2, 3}), four = Tensor::zeros({4, 3, 2});
  expect_error([&] { ops::matmul(two, four); }, {"[matmul]"});
}

TEST(Linear, RefusesWhatDoesNotFit) {
  const Tensor x = Tensor::zeros({2, 3}), w = Tensor::zeros({4, 3});
  expect_error([&] { ops::linear(x, Tensor::zeros({3, 4}), {}); }, {"[linear]"});
  expect_error([&] { ops::linear(x, w, Tensor::zeros({3})); }, {"[linear]"});
  expect_error([&] { ops::linear(x, w, Tensor::zeros({4}, DType::f64)); }, {"[linear]"});
  expect_error([&] { ops::linear(x, Tensor::zeros({4, 3, 1}), {}); }, {"[linear]"});
}

TEST(Linear, GivesOnlyTheGradientsAskedFor) {
  const Tensor x = Tensor::full({2, 3}, .5), w = Tensor::full({4, 3}, .25),
               b = Tensor::full({4}, 1);
  b.requires_grad_();
  const Tensor y = ops::linear(x, w, b, ops::Activation::relu);
  const auto g = grad({ops::sum(y)}, {b});
  EXPECT_EQ(g[0].values(), (std::vector<double>{2, 2, 2, 2}));
}

// The second derivative of a piecewise linear layer by its own pre-activation is identically zero:
// unreachable, not zeros.
TEST(Linear, PiecewiseLinearActivationsEndTheGraph) {
  const Tensor x = Tensor::full({2, 3}, .5), w = Tensor::full({4, 3}, .25);
  x.requires_grad_();
  const Tensor y = ops::linear(x, w, {}, ops::Activation::leaky_relu);
  const auto g = grad({ops::sum(y)}, {x}, {.create_graph = true});
  EXPECT_THROW(grad({ops::sum(g[0])}, {x}), Error);
}

TEST(Dropout, RefusesAnImpossibleProbability) {
  Generator g;
  for (const double p : {-.1, 1.5, std::numeric_limits<double>::quiet_NaN()})
    expect_error([&] { ops::dropout(Tensor::zeros({3}), p, g); }, {"[dropout]"});
}

// A NaN must reach the loss, or the guard against divergence sees nothing.
TEST(Linear, KeepsNan) {
  for (const Device d : devices()) {
    for (const auto activation :
         {ops::Activation::none, ops::Activation::relu, ops::Activation::leaky_relu,
          ops::Activation::tanh, ops::Activation::sigmoid})
      for (const Index n : {1, 40})
        for (const DType t : {DType::f32, DType::f64}) {
          const Tensor x = Tensor::full({33, 20}, NAN, t, d), w = Tensor::full({n, 20}, .5, t, d);
          for (const double y : ops::linear(x, w, Tensor::full({n}, .1, t, d), activation).values())
            ASSERT_TRUE(std::isnan(y)) << d << " activation " << int(activation) << " n " << n;
        }
  }
}

}  // namespace
}  // namespace imago::test
