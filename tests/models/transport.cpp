// Sinkhorn's and sliced distances against the exact assignment and closed forms.
#include "models/measures/transport.h"

#include <cmath>

#include "engine/ops/ops.h"
#include "models/measures/assignment.h"
#include "tests/errors.h"
#include "tests/io/files.h"
#include "tests/models/features.h"

namespace imago::models {
namespace {
using test::expect_error, test::normals, test::with_value;

// The plan with entropy costs more than the best, by at most epsilon times the entropy the best
// lacks: log n. The rest falls with epsilon.
TEST(Sinkhorn, TendsToTheExactCost) {
  const Index n = 60;
  for (const Index d : {Index(2), Index(30)})
    for (const int power : {1, 2}) {
      const Tensor x = normals({n, d}, 1), y = normals({n, d}, 2) * 1.5 + .5;
      const double exact = std::pow(wasserstein(x, y, power), power);
      double before = INFINITY;
      for (const double epsilon : {1., .1, .03, .01}) {
        const auto s = sinkhorn(x, y, {.power = power, .epsilon = epsilon});
        ASSERT_TRUE(s->converged) << epsilon;
        EXPECT_LE(s->error, 1e-5);
        const double cost = std::pow(s->distance, power), near = 1e-4 * exact;
        EXPECT_GT(cost, exact - near);
        EXPECT_LT(cost, exact + s->epsilon * std::log(double(n)) + near) << epsilon;
        EXPECT_LT(cost - exact, .7 * (before - exact) + near) << epsilon;
        before = cost;
      }
    }
}
// The plan itself, by iterations of its definition with plain numbers.
TEST(Sinkhorn, IsItsDefinition) {
  const Index n = 12, m = 9;
  const Tensor x = normals({n, 2}, 3), y = normals({m, 2}, 4);
  const auto s = sinkhorn(x, y, {.power = 2, .epsilon = .3, .tolerance = 1e-12});
  const std::vector<double> a = x.values(), b = y.values();
  std::vector<double> cost, u(std::size_t(n), 1.), v(std::size_t(m), 1.);
  double mean = 0;
  for (std::size_t i = 0; i < u.size(); i++)
    for (std::size_t j = 0; j < v.size(); j++) {
      cost.push_back(std::pow(a[2 * i] - b[2 * j], 2) + std::pow(a[2 * i + 1] - b[2 * j + 1], 2));
      mean += cost.back() / double(n * m);
    }
  EXPECT_NEAR(s->epsilon, .3 * mean, 1e-13);
  const auto k = [&](std::size_t i, std::size_t j) {
    return std::exp(-cost[i * v.size() + j] / (.3 * mean));
  };
  for (int round = 0; round < 2000; round++) {
    for (std::size_t j = 0; j < v.size(); j++) {
      double sum = 0;
      for (std::size_t i = 0; i < u.size(); i++) sum += u[i] * k(i, j);
      v[j] = 1 / double(m) / sum;
    }
    for (std::size_t i = 0; i < u.size(); i++) {
      double sum = 0;
      for (std::size_t j = 0; j < v.size(); j++) sum += v[j] * k(i, j);
      u[i] = 1 / double(n) / sum;
    }
  }
  double total = 0;
  for (std::size_t i = 0; i < u.size(); i++)
    for (std::size_t j = 0; j < v.size(); j++)
      total += u[i] * k(i, j) * v[j] * cost[i * v.size() + j];
  EXPECT_TRUE(s->converged);
  EXPECT_NEAR(s->distance, std::sqrt(total), 1e-10);
}
TEST(Sinkhorn, SaysWhenItHasNotConverged) {
  const Tensor x = normals({40, 2}, 5), y = normals({40, 2}, 6);
  const auto s = sinkhorn(x, y, {.epsilon = .001, .tolerance = 1e-9, .iterations = 3});
  EXPECT_FALSE(s->converged);
  EXPECT_GT(s->error, 1e-9);
  // After one iteration from potentials of 0 the columns are right, and rows hold their share of
  // each: by plain numbers.
  const auto once =
      sinkhorn(x, y, {.power = 2, .epsilon = 50, .tolerance = 1e-12, .iterations = 1});
  ASSERT_EQ(once->iterations, 1);
  const std::vector<double> a = x.values(), b = y.values();
  std::vector<double> rows(40, 0.);
  for (std::size_t j = 0; j < 40; j++) {
    std::vector<double> k;
    double sum = 0;
    for (std::size_t i = 0; i < 40; i++) {
      const double u = a[2 * i] - b[2 * j], v = a[2 * i + 1] - b[2 * j + 1];
      k.push_back(std::exp(-(u * u + v * v) / once->epsilon));
      sum += k.back();
    }
    for (std::size_t i = 0; i < 40; i++) rows[i] += k[i] / sum / 40;
  }
  double error = 0;
  for (const double r : rows) error += std::fabs(r - 1. / 40);
  EXPECT_NEAR(once->error, error, 1e-12);
}
TEST(Sinkhorn, KnownDistances) {
  const Tensor x = normals({50, 3}, 7), t = Tensor::from(std::vector<double>{1, -2, 2}, {3});
  // The optimal plan of a far shift is the shift, up to the entropy.
  EXPECT_NEAR(sinkhorn(x, x + 100 * t, {.power = 2, .epsilon = 1e-4})->distance, 300, .01);
  EXPECT_NEAR(sinkhorn(x, x, {.epsilon = 1e-3})->distance, 0, 1e-3);
  // One point against many: the plan has no choice.
  const Tensor one = Tensor::zeros({1, 3}, DType::f64);
  double mean = 0;
  for (const double s : ops::sum(ops::square(x), {1}).values()) mean += std::sqrt(s) / 50;
  EXPECT_NEAR(sinkhorn(x, one)->distance, mean, 1e-12);
  EXPECT_NEAR(sinkhorn(one, x)->distance, mean, 1e-12);
  const auto same = sinkhorn(one, one);
  EXPECT_TRUE(same->converged);
  EXPECT_EQ(same->distance, 0);
}
TEST(Sinkhorn, CostsMadeAgainAreThoseKept) {
  const Tensor x = normals({40, 20}, 8), y = normals({30, 20}, 9);
  const auto a = sinkhorn(x, y, {.epsilon = .1}), b = sinkhorn(x, y, {.epsilon = .1, .kept = 0});
  EXPECT_EQ(a->distance, b->distance);
  EXPECT_EQ(a->iterations, b->iterations);
}
TEST(Sinkhorn, OnEveryDevice) {
  const Tensor x = normals({20, 3}, 10), y = normals({25, 3}, 11);
  const double want = sinkhorn(x, y, {.epsilon = .1})->distance;
  for (const Device d : devices())
    EXPECT_NEAR(sinkhorn(x.to(d), y.to(d), {.epsilon = .1})->distance, want, 1e-10) << name(d);
}

TEST(Sliced, OfALineIsExact) {
  const Tensor x = normals({200, 1}, 12), y = normals({200, 1}, 13) * 2;
  for (const int power : {1, 2}) {
    const auto s = sliced_wasserstein(x, y, {.power = power, .directions = 3});
    EXPECT_NEAR(s->distance, wasserstein(x, y, power), 1e-12);
    EXPECT_NEAR(s->error, 0, 1e-12);
  }
  // Each point twice, or three times: the same distribution.
  const Tensor x2 = ops::concat({x, x}, 0), y3 = ops::concat({y, y, y}, 0);
  EXPECT_NEAR(sliced_wasserstein(x2, y3, {.directions = 2})->distance, wasserstein(x, y), 1e-12);
}
// Along direction u a shift by t costs |u.t|: the mean of its square is |t|^2 / d, and of its size
// |t| times that of a coordinate on the sphere, 1/2 in three dimensions.
TEST(Sliced, OfAShift) {
  const Tensor x = normals({100, 3}, 14), y = x + Tensor::from(std::vector<double>{2, -1, 2}, {3});
  for (const auto& [power, want] : {std::pair{1, 1.5}, {2, std::sqrt(3.)}}) {
    const auto s = sliced_wasserstein(x, y, {.power = power, .directions = 4000});
    EXPECT_NEAR(s->distance, want, 4 * s->error);
    EXPECT_GT(s->error, .001);
    EXPECT_LT(s->error, .02);
  }
  EXPECT_EQ(sliced_wasserstein(x, x)->distance, 0);
}
TEST(Sliced, SeedsAndDevices) {
  const Tensor x = normals({70, 5}, 15), y = normals({90, 5}, 16) + 1;
  const SlicedOptions o{.directions = 40, .seed = 3};
  const double want = sliced_wasserstein(x, y, o)->distance;
  EXPECT_EQ(sliced_wasserstein(x, y, o)->distance, want);
  EXPECT_NE(sliced_wasserstein(x, y, {.directions = 40, .seed = 4})->distance, want);
  for (const Device d : devices())
    EXPECT_NEAR(sliced_wasserstein(x.to(d), y.to(d), o)->distance, want, 1e-12) << name(d);
}

TEST(Transport, IsWatched) {
  const Tensor x = normals({20, 2}, 17);
  test::expect_watched(
      [&](const Watch& w) { return sinkhorn(x, x + 1, {.epsilon = .5, .watch = w}).has_value(); });
  test::expect_watched(
      [&](const Watch& w) { return sliced_wasserstein(x, x, {.watch = w}).has_value(); });
}
TEST(Transport, Refusals) {
  const Tensor x = normals({20, 2}, 18), wide = normals({20, 3}, 1), bad = with_value(x, 3, NAN);
  expect_error([&] { sinkhorn(x, wide); }, {"Sinkhorn", "received 3"});
  expect_error([&] { sliced_wasserstein(x, wide); }, {"sliced", "received 3"});
  expect_error([&] { sinkhorn(x, x, {.power = 3}); }, {"1 or 2", "received 3"});
  expect_error([&] { sliced_wasserstein(x, x, {.power = 0}); }, {"1 or 2", "received 0"});
  expect_error([&] { sliced_wasserstein(x, x, {.directions = 1}); }, {"at least 2", "received 1"});
  expect_error([&] { sinkhorn(x, x, {.epsilon = 0}); }, {"above 0", "0, 1e-05 and 10000"});
  expect_error([&] { sinkhorn(x, x, {.tolerance = NAN}); }, {"above 0", "nan"});
  expect_error([&] { sinkhorn(x, x, {.iterations = 0}); }, {"above 0", "and 0"});
  expect_error([&] { sinkhorn(x, Tensor::zeros({0, 2})); }, {"second set", "[0, 2]"});
  test::expect_error(ErrorKind::data, {"row 3", "second set"}, [&] { sinkhorn(x, bad); });
  test::expect_error(ErrorKind::data, {"too far out", "Sinkhorn", "finite"},
                     [&] { sinkhorn(x * 1e160, x * -1e160); });
  test::expect_error(ErrorKind::data, {"too far out", "sliced", "finite"},
                     [&] { sliced_wasserstein(x * 1e160, x * -1e160, {.power = 2}); });
  test::expect_error(ErrorKind::data, {"row 3", "first set"}, [&] { sliced_wasserstein(bad, x); });
}

}  // namespace
}  // namespace imago::models
