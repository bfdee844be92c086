#include "engine/autograd/autograd.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops/ops.h"
#include "tests/errors.h"

namespace imago {
namespace {

using test::message;

class Autograd : public testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(live_nodes(), 0) << "graph nodes leak"; }
};
Tensor leaf(double x, Device d = {}) {
  Tensor t = Tensor::full({}, x, DType::f64, d);
  t.requires_grad_();
  return t;
}
TEST_F(Autograd, FiveOrdersOfAPolynomial) {
  for (Device d : devices()) {
    const Tensor x = leaf(1.5, d);
    Tensor y = x * x * x * x * x;  // x^5
    double factor = 1;
    for (int order = 1; order <= 5; order++) {
      y = grad({y}, {x}, {.create_graph = true})[0];
      factor *= 6 - order;
      EXPECT_NEAR(y.item(), factor * std::pow(1.5, 5 - order), 1e-12) << "order " << order;
    }
  }
}
TEST_F(Autograd, FourOrdersThroughTheTableAndItsComposite) {
  // d^n tanh: closed forms of orders 1 to 4 at x = 0.3.
  const Tensor x = leaf(0.3);
  Tensor y = ops::tanh(x);
  const double t = std::tanh(0.3), s = 1 - t * t;
  const double want[] = {s, -2 * t * s, s * (6 * t * t - 2), s * t * (16 - 24 * t * t)};
  for (double w : want) {
    y = grad({y}, {x}, {.create_graph = true})[0];
    EXPECT_NEAR(y.item(), w, 1e-12);
  }
}
TEST_F(Autograd, UnreachableInputThrowsInsteadOfZero) {
  const Tensor x = leaf(1), z = leaf(2);
  const Tensor y = x * x;
  EXPECT_NE(message([&] {
              grad({y}, {x, z});
            }).find("input 1 is not reachable"),
            std::string::npos);
  const auto g = grad({y}, {x, z}, {.allow_unused = true});
  EXPECT_EQ(g[0].item(), 2);
  EXPECT_FALSE(g[1].defined());
}
TEST_F(Autograd, ZeroDerivativeOpsCutTheGraph) {
  const Tensor x = leaf(1);
  EXPECT_FALSE(ops::sign(x).requires_grad());
  EXPECT_FALSE(ops::greater(x, leaf(0)).requires_grad());
  const Tensor y = ops::sign(x) + leaf(1);
  EXPECT_NE(message([&] { grad({y}, {x}); }).find("not reachable"), std::string::npos);
}
TEST_F(Autograd, MissingVjpThrows) {
  const Tensor x = leaf(1);
  const Tensor y = record(x.detach(), "opaque", {x}, save_nothing, nullptr);
  EXPECT_NE(message([&] { grad({y}, {x}); }).find("[opaque] has no gradient"), std::string::npos);
}
TEST_F(Autograd, VjpThatLeavesAnInputOutThrows) {
  const Tensor x = leaf(1);
  const Tensor y = record(x.detach(), "lazy", {x}, save_nothing, [](Vjp&) {});
  EXPECT_NE(message([&] { grad({y}, {x}); }).find("leaves the gradient of input 0 out"),
            std::string::npos);
}
TEST_F(Autograd, GradientOfTheWrongShapeThrows) {
  const Tensor x = leaf(1);
  const Tensor y = record(x.detach(), "wrong", {x}, save_nothing,
                          [](Vjp& v) { v.set(0, Tensor::zeros({2}, DType::f64)); });
  EXPECT_NE(message([&] { grad({y}, {x}); }).find("wrong shape"), std::string::npos);
}
TEST_F(Autograd, ChangedSavedTensorIsRefused) {
  const Tensor x = leaf(2);
  const Tensor y = x * x;
  x.fill_(3);
  EXPECT_NE(message([&] { grad({y}, {x}); }).find("changed in place"), std::string::npos);
}
TEST_F(Autograd, UnsavedReadIsAnError) {
  const Tensor x = leaf(2);
  const Tensor y =
      record(x.detach(), "careless", {x}, save_nothing, [](Vjp& v) { v.set(0, v.input(0)); });
  EXPECT_NE(message([&] { grad({y}, {x}); }).find("not saved"), std::string::npos);
}
TEST_F(Autograd, OnlyWhatIsNeededIsComputed) {
  int weight = 0, input = 0;
  const Tensor x = leaf(2), w = leaf(3);
  const Tensor y = record(Tensor::full({}, 6, DType::f64), "product", {x, w},
                          save_input(0) | save_input(1), [&](Vjp& v) {
                            v.give(0, [&] { return input++, v.grad() * v.input(1); });
                            v.give(1, [&] { return weight++, v.grad() * v.input(0); });
                          });
  EXPECT_EQ(grad({y}, {x})[0].item(), 3);
  EXPECT_EQ(input, 1);
  EXPECT_EQ(weight, 0) << "the gradient penalty's first pass must not compute weight gradients";
}
TEST_F(Autograd, GradientPenaltyIsClosedForm) {
  // f(x) = w . x, penalty (|w| - 1)^2, gradient 2 (|w| - 1) w / |w|.
  Tensor x = Tensor::from(std::vector<double>{1, 2, 3, 4}, {1, 4}),
         w = Tensor::from(std::vector<double>{1, -2, 2, 0}, {1, 4});
  x.requires_grad_(), w.requires_grad_();
  const Tensor f = ops::sum(ops::linear(x, w, Tensor()));
  const Tensor g = grad({f}, {x}, {.create_graph = true})[0];
  const Tensor norm = ops::sqrt(ops::sum(g * g));
  const Tensor penalty = ops::square(norm - 1);
  const auto gw = grad({penalty}, {w})[0].values();
  const double want[] = {4. / 3, -8. / 3, 8. / 3, 0};
  for (int i = 0; i < 4; i++) EXPECT_NEAR(gw[std::size_t(i)], want[i], 1e-12);
}
TEST_F(Autograd, IntermediatesAndOutputsCanBeAskedFor) {
  const Tensor x = leaf(2);
  const Tensor h = x * x, y = h * h;
  const auto g = grad({y}, {h, x, y});
  EXPECT_EQ(g[0].item(), 8);
  EXPECT_EQ(g[1].item(), 32);
  EXPECT_EQ(g[2].item(), 1);
  EXPECT_EQ(grad({x}, {x})[0].item(), 1);
}
TEST_F(Autograd, SameInputTwice) {
  const Tensor x = leaf(3);
  const auto g = grad({x * x}, {x, x});
  EXPECT_EQ(g[0].item(), 6);
  EXPECT_EQ(g[1].item(), 6);
}
TEST_F(Autograd, SeveralOutputsAdd) {
  const Tensor x = leaf(3);
  EXPECT_EQ(
      grad({x * x, x * 5.}, {x},
           {.grad_outputs = {Tensor::scalar(1, DType::f64), Tensor::scalar(2, DType::f64)}})[0]
          .item(),
      16);
}
TEST_F(Autograd, GradOutputsAreChecked) {
  const Tensor x = leaf(3);
  EXPECT_NE(message([&] {
              grad({x * x}, {x}, {.grad_outputs = {Tensor::zeros({2}, DType::f64)}});
            }).find("does not fit"),
            std::string::npos);
  Tensor m = Tensor::zeros({2}, DType::f64);
  m.requires_grad_();
  EXPECT_NE(message([&] { grad({m * m}, {m}); }).find("is no scalar"), std::string::npos);
  EXPECT_NE(message([&] { grad({x * x}, {Tensor::scalar(1)}); }).find("requires no gradient"),
            std::string::npos);
}
TEST_F(Autograd, BackwardAddsDetachedGradients) {
  const Tensor x = leaf(3), unused = leaf(1);
  backward(x * x);
  EXPECT_EQ(x.grad().item(), 6);
  EXPECT_FALSE(x.grad().requires_grad());
  backward(x * x);
  EXPECT_EQ(x.grad().item(), 12);
  EXPECT_FALSE(unused.grad().defined());
}
TEST_F(Autograd, NoGradRecordsNothing) {
  const Tensor x = leaf(3);
  const NoGrad off;
  EXPECT_FALSE((x * x).requires_grad());
  const EnableGrad on;
  EXPECT_TRUE((x * x).requires_grad());
}
TEST_F(Autograd, GradientsAreRecordedOnlyWithCreateGraph) {
  const Tensor x = leaf(3);
  const Tensor y = x * x;
  EXPECT_FALSE(grad({y}, {x})[0].requires_grad());
  EXPECT_TRUE(grad({y}, {x}, {.create_graph = true})[0].requires_grad());
}
TEST_F(Autograd, ALongChainDiesWithoutRecursion) {
  Tensor y = leaf(1);
  for (int i = 0; i < 300000; i++) y = ops::reshape(y, Shape{});
  EXPECT_EQ(live_nodes(), 300000);
}
TEST_F(Autograd, CreateGraphLeavesNoCycle) {
  const Tensor x = leaf(2);
  for (int step = 0; step < 3; step++) {
    const Tensor y = ops::exp(ops::tanh(x) * x);
    const Tensor g = grad({y}, {x}, {.create_graph = true})[0];
    backward(g * g);
    x.set_grad(Tensor());
  }
  EXPECT_EQ(live_nodes(), 0);
}
TEST_F(Autograd, ReferenceVjpIsDifferentiable) {
  const Tensor x = leaf(0.7);
  const auto cube = [](const std::vector<Tensor>& p) {
    return std::vector<Tensor>{p[0] * p[0] * p[0]};
  };
  const Tensor one = Tensor::scalar(1, DType::f64);
  const Tensor g = reference_vjp(cube, {x}, {one}, {true})[0];
  EXPECT_NEAR(g.item(), 3 * 0.49, 1e-12);
  EXPECT_NEAR(grad({g}, {x})[0].item(), 6 * 0.7, 1e-12);
  const NoGrad off;
  EXPECT_FALSE(reference_vjp(cube, {x}, {one}, {true})[0].requires_grad());
}

}  // namespace
}  // namespace imago
