// The Frechet distance as a loss: its value is the figure's, its first and second gradients are
// those of finite differences and of closed forms, and going down it moves points to the target.
#include "models/measures/frechet_loss.h"

#include <cmath>

#include "engine/ops/ops.h"
#include "engine/ops/trace_root.h"
#include "engine/optim/optimizer.h"
#include "models/measures/frechet.h"
#include "tests/errors.h"

namespace imago::models {
namespace {
using test::expect_error;

Tensor normals(Index n, Index d, std::uint64_t seed) {
  Generator g{seed};
  return ops::randn({n, d}, g, DType::f64);
}
Moments moments(const Tensor& x) {
  MomentSum s(x.size(1));
  s.add(x);
  return s.moments();
}
struct Case {
  const char* name;
  Tensor x;
  Moments target;
};
// More rows than features, fewer, a batch without variance in one direction, and a singular target.
std::vector<Case> cases() {
  const Index d = 5;
  const Tensor many = normals(40, d, 1) * 2 + .5;
  const Tensor flat = ops::concat({normals(12, d - 1, 2), Tensor::full({12, 1}, 3, DType::f64)}, 1);
  return {{"many", normals(12, d, 3), moments(many)},
          {"few", normals(4, d, 4), moments(many)},
          {"two", normals(2, d, 5), moments(many)},
          {"flat batch", flat, moments(many)},
          {"few targets", normals(12, d, 6), moments(normals(4, d, 7))},
          {"few of both", normals(3, d, 8), moments(normals(4, d, 9))},
          {"flat target", normals(12, d, 10), moments(flat)}};
}
Tensor moved(const Tensor& x, const Tensor& by, double step) { return x + by * step; }

TEST(FrechetLoss, ValueIsTheFigure) {
  for (const Case& c : cases()) {
    const double expected = frechet_distance(moments(c.x), c.target).distance;
    EXPECT_NEAR(FrechetLoss(c.target)(c.x).item(), expected, 1e-7 * expected) << c.name;
    EXPECT_NEAR(FrechetLoss(c.target)(ops::cast(c.x, DType::f32)).item(), expected, 1e-5 * expected)
        << c.name;
  }
}
TEST(FrechetLoss, GradientsAreThoseOfDifferences) {
  for (const Case& c : cases()) {
    const FrechetLoss loss(c.target);
    const Tensor x = c.x.detach(), along = normals(x.size(0), x.size(1), 11);
    x.requires_grad_();
    const Tensor first = grad({loss(x)}, {x}, {.create_graph = true})[0];
    // Across a direction without variance the trace has a kink: not there.
    const bool kink = std::string(c.name) == "flat batch";
    const Tensor u =
        kink ? along * Tensor::from(std::vector<double>{1, 1, 1, 1, 0}, {1, 5}) : along;
    const double h = 1e-5, slope = (loss(moved(x.detach(), u, h)).item() -
                                    loss(moved(x.detach(), u, -h)).item()) /
                                   (2 * h);
    EXPECT_NEAR(ops::sum(first * u).item(), slope, 1e-5 * (1 + std::fabs(slope))) << c.name;
    if (kink) continue;
    const Tensor second = grad({ops::sum(first * along)}, {x})[0];
    const auto gradient = [&](double step) {
      const Tensor at = moved(x.detach(), along, step);
      at.requires_grad_();
      return grad({loss(at)}, {at})[0];
    };
    const std::vector<double> found = second.values(),
                              expected = ((gradient(h) - gradient(-h)) / (2 * h)).values();
    for (std::size_t i = 0; i < found.size(); i++)
      EXPECT_NEAR(found[i], expected[i], 1e-4 * (1 + std::fabs(expected[i]))) << c.name << " " << i;
  }
}
// In one dimension the distance is (m - m2)^2 + (s - s2)^2.
TEST(FrechetLoss, OneDimension) {
  const Tensor x = Tensor::from(std::vector<double>{1, 2, 6}, {3, 1});
  const Moments target{Tensor::from(std::vector<double>{1}, {1}),
                       Tensor::full({1, 1}, 4, DType::f64)};
  x.requires_grad_();
  const Tensor loss = FrechetLoss(target)(x);
  const double m = 3, s = std::sqrt(7);
  EXPECT_NEAR(loss.item(), (m - 1) * (m - 1) + (s - 2) * (s - 2), 1e-12);
  const std::vector<double> g = grad({loss}, {x})[0].values(), v = x.values();
  for (std::size_t i = 0; i < 3; i++)
    EXPECT_NEAR(g[i], 2 * (m - 1) / 3 + 2 * (s - 2) * (v[i] - m) / (2 * s), 1e-12);
}
// At the target the distance is least: no slope.
TEST(FrechetLoss, NoSlopeAtTheTarget) {
  for (const Index n : {30, 4}) {
    const Tensor x = normals(n, 6, 12);
    const FrechetLoss loss(moments(x));
    x.requires_grad_();
    const Tensor value = loss(x);
    EXPECT_NEAR(value.item(), 0, 1e-12);
    for (const double g : grad({value}, {x})[0].values()) EXPECT_NEAR(g, 0, 1e-12);
  }
}
TEST(FrechetLoss, GoesDown) {
  const Tensor target = ops::matmul(normals(500, 3, 13), normals(3, 3, 14)) + 1,
               x = normals(50, 3, 15);
  const FrechetLoss loss(moments(target));
  x.requires_grad_();
  Optimizer adam({{"x", x}}, Adam{}, {.lr = .05});
  const double before = loss(x).item();
  for (int i = 0; i < 300; i++) adam.step(grad({loss(x)}, {x}));
  EXPECT_GT(before, 1);
  EXPECT_LT(loss(x).item(), 1e-3 * before);
  EXPECT_NEAR(frechet_distance(moments(x.detach()), moments(target)).distance, loss(x).item(),
              1e-9);
}
TEST(FrechetLoss, Refusals) {
  const FrechetLoss loss(moments(normals(9, 3, 16)));
  expect_error([&] { loss(normals(1, 3, 1)); }, {"at least two rows", "[1, 3]"});
  expect_error([&] { loss(normals(5, 4, 1)); }, {"[N, 3]", "[5, 4]"});
  expect_error([] { FrechetLoss(moments(normals(9, 3, 16)), 2); }, {"wrong ddof", "0 or 1", "2"});
  // A third derivative: refused, not wrong.
  const Tensor x = normals(9, 3, 17);
  x.requires_grad_();
  const auto of = [&](const Tensor& y) {
    return grad({ops::sum(ops::square(y))}, {x}, {.create_graph = true})[0];
  };
  const Tensor second = of(of(loss(x)));
  expect_error([&] { of(second); }, {"third derivative"});
  const Tensor definite = ops::matmul(x, x, true), singular = Tensor::zeros({3, 3}, DType::f64);
  expect_error([&] { ops::trace_sqrt_product(singular, definite); },
               {"positive definite first", "nuclear_norm"});
  expect_error([&] { ops::trace_sqrt_product(definite, singular.requires_grad_()); },
               {"positive definite second", "requires a gradient"});
  EXPECT_EQ(ops::trace_sqrt_product(definite, Tensor::zeros({3, 3}, DType::f64)).item(), 0);
  expect_error(
      [&] {
        ops::trace_sqrt_product(definite, Tensor::zeros({2, 2}, DType::f64));
      },
      {"[3, 3]", "[2, 2]"});
  expect_error([&] { ops::nuclear_norm(Tensor::zeros({3})); }, {"[m, n]", "[3]"});
}

}  // namespace
}  // namespace imago::models
