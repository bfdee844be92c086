// What matmul and linear refuse, and that they say why. Values and gradients are rows of
// tests/op_cases.
#include "engine/ops/matmul.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops/ops.h"

namespace imago::test {
namespace {

template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::usage);
    return e.what();
  }
  return "accepted";
}
bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

TEST(Matmul, RefusesWhatDoesNotFit) {
  const Tensor a = Tensor::zeros({2, 3}), b = Tensor::zeros({4, 5});
  const std::string inner = refusal([&] { ops::matmul(a, b); });
  EXPECT_TRUE(holds(inner, "[2, 3]") && holds(inner, "[4, 5]")) << inner;
  EXPECT_EQ(ops::matmul(a, Tensor::zeros({5, 3}), false, true).shape(), (Shape{2, 5}));
  EXPECT_NE(refusal([&] { ops::matmul(a, Tensor::zeros({3})); }), "accepted");
  EXPECT_NE(refusal([&] { ops::matmul(a, Tensor::zeros({3, 4}, DType::f64)); }), "accepted");
  EXPECT_NE(refusal([&] {
              ops::matmul(Tensor::zeros({2, 3}, DType::i64), Tensor::zeros({3, 4}, DType::i64));
            }),
            "accepted");
  EXPECT_NE(refusal([&] {
              ops::matmul(Tensor::zeros({2, 2, 3}), Tensor::zeros({4, 3, 2}));
            }),
            "accepted");
}

TEST(Linear, RefusesWhatDoesNotFit) {
  const Tensor x = Tensor::zeros({2, 3}), w = Tensor::zeros({4, 3});
  EXPECT_NE(refusal([&] { ops::linear(x, Tensor::zeros({3, 4}), {}); }), "accepted");
  EXPECT_NE(refusal([&] { ops::linear(x, w, Tensor::zeros({3})); }), "accepted");
  EXPECT_NE(refusal([&] { ops::linear(x, w, Tensor::zeros({4}, DType::f64)); }), "accepted");
  EXPECT_NE(refusal([&] { ops::linear(x, Tensor::zeros({4, 3, 1}), {}); }), "accepted");
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
    EXPECT_NE(refusal([&] { ops::dropout(Tensor::zeros({3}), p, g); }), "accepted") << p;
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
