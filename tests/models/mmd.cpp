// The maximum mean discrepancy against plain loops, the differentiable form and closed forms.
#include "models/measures/mmd.h"

#include <algorithm>
#include <cmath>

#include "engine/ops/ops.h"
#include "models/measures/pairwise.h"
#include "tests/errors.h"
#include "tests/io/files.h"
#include "tests/models/features.h"

namespace imago::models {
namespace {
using test::expect_error, test::normals, test::with_value;
using Kernel = MmdOptions::Kernel;

double squared_distance(const std::vector<double>& a, Index i, const std::vector<double>& b,
                        Index j, Index d) {
  double sum = 0;
  for (Index c = 0; c < d; c++)
    sum += std::pow(a[std::size_t(i * d + c)] - b[std::size_t(j * d + c)], 2);
  return sum;
}

TEST(Mmd, IsItsDefinition) {
  const std::vector<double> widths{.5, 2};
  for (const Index d : {Index(2), Index(40)})  // coordinate by coordinate, and by products
    for (const Kernel kernel : {Kernel::gaussian, Kernel::inverse}) {
      const Index n = 300, m = 270;
      const Tensor x = normals({n, d}, 1), y = normals({m, d}, 2) * 1.2 + .3;
      const std::vector<double> a = x.values(), b = y.values();
      const auto k = [&](const std::vector<double>& u, Index i, const std::vector<double>& v,
                         Index j) {
        double sum = 0;
        for (const double w : widths) {
          const double s = squared_distance(u, i, v, j, d);
          sum += kernel == Kernel::gaussian ? std::exp(-s / (2 * w * w)) : w * w / (w * w + s);
        }
        return sum;
      };
      double xx = 0, yy = 0, xy = 0;
      for (Index i = 0; i < n; i++)
        for (Index j = 0; j < n; j++) xx += i == j ? 0 : k(a, i, a, j);
      for (Index i = 0; i < m; i++)
        for (Index j = 0; j < m; j++) yy += i == j ? 0 : k(b, i, b, j);
      for (Index i = 0; i < n; i++)
        for (Index j = 0; j < m; j++) xy += k(a, i, b, j);
      const double N = double(n), M = double(m);
      const auto got = mmd(x, y, {kernel, widths, {}});
      EXPECT_NEAR(got->squared, xx / (N * (N - 1)) + yy / (M * (M - 1)) - 2 * xy / (N * M), 1e-12);
      EXPECT_NEAR(got->biased, (xx + 2 * N) / (N * N) + (yy + 2 * M) / (M * M) - 2 * xy / (N * M),
                  1e-12);
      EXPECT_EQ(got->widths, widths);
    }
}
TEST(Mmd, EqualsTheDifferentiableForm) {
  const Tensor x = normals({50, 3}, 3), y = normals({60, 3}, 4);
  const Tensor other =
      mmd2([](const Tensor& u, const Tensor& v) { return ops::exp(squared_distances(u, v) * -.5); },
           x, y);
  EXPECT_NEAR(mmd(x, y, {Kernel::gaussian, {1}, {}})->squared, other.item(), 1e-12);
}
// E exp(-|x - y|^2 / (2 w^2)) of N(0, 1) and N(t, 1) is w / sqrt(w^2 + 2) exp(-t^2 / (2 (w^2 +
// 2))).
TEST(Mmd, OfTwoGaussians) {
  const double t = 1.5, w = 1.2, v = w * w + 2;
  const double want = 2 * w / std::sqrt(v) * (1 - std::exp(-t * t / (2 * v)));
  const Tensor x = normals({3000, 1}, 5), y = normals({3000, 1}, 6) + t;
  EXPECT_NEAR(mmd(x, y, {Kernel::gaussian, {w}, {}})->squared, want, .02);
}
TEST(Mmd, IdenticalAndShiftedSets) {
  const Tensor x = normals({200, 4}, 7), y = normals({200, 4}, 8);
  for (const Kernel kernel : {Kernel::gaussian, Kernel::inverse}) {
    EXPECT_NEAR(mmd(x, x, {kernel, {}, {}})->biased, 0, 1e-13);
    EXPECT_LT(mmd(x, x, {kernel, {}, {}})->squared, 0);  // unbiased: what the diagonals gave
    EXPECT_LT(std::fabs(mmd(x, y, {kernel, {}, {}})->squared), .02);
    EXPECT_GT(mmd(x, y + 1, {kernel, {}, {}})->squared, .1);
  }
}
TEST(Mmd, TheMedianIsTheWidth) {
  const Tensor x = normals({90, 3}, 9), y = normals({70, 3}, 10);
  const std::vector<double> v = ops::concat({x, y}, 0).values();
  std::vector<double> all;
  for (Index i = 0; i < 160; i++)
    for (Index j = 0; j < i; j++) all.push_back(std::sqrt(squared_distance(v, i, v, j, 3)));
  std::sort(all.begin(), all.end());
  const double median = median_distance(x, y);
  EXPECT_NEAR(median, all[all.size() / 2], 1e-13);
  EXPECT_EQ(mmd(x, y)->widths,
            (std::vector<double>{median / 4, median / 2, median, 2 * median, 4 * median}));
  // Of many rows, some.
  const Tensor many = ops::concat({x, x, x, x, x, x, x, x, x, x, x, x, x}, 0);
  EXPECT_NEAR(median_distance(many, many), median_distance(x, x), .2);
}
TEST(Mmd, OnEveryDevice) {
  const Tensor x = normals({60, 3}, 11), y = normals({50, 3}, 12);
  const double want = mmd(x, y)->squared;
  for (const Device d : devices())
    EXPECT_NEAR(mmd(x.to(d), y.to(d))->squared, want, 1e-12) << name(d);
}
TEST(Mmd, IsWatched) {
  const Tensor x = normals({300, 1}, 13);
  test::expect_watched([&](const Watch& w) {
    return mmd(x, x, {Kernel::gaussian, {1}, w}).has_value();
  });
}
TEST(Mmd, Refusals) {
  const Tensor x = normals({20, 2}, 14);
  expect_error([&] { mmd(x, normals({20, 3}, 1)); }, {"numbers of features", "received 3"});
  expect_error([&] { mmd(x, normals({1, 2}, 1)); }, {"second set", "at least 2 rows"});
  expect_error([&] { mmd(x, x, {Kernel::inverse, {1, 0}, {}}); }, {"above 0", "received 0"});
  expect_error([&] { mmd(x, x, {Kernel::inverse, {NAN}, {}}); }, {"above 0", "received nan"});
  test::expect_error(ErrorKind::data, {"no width", "give widths"}, [&] {
    mmd(Tensor::zeros({9, 2}), Tensor::zeros({9, 2}));
  });
  test::expect_error(ErrorKind::data, {"row 3", "first set", "nan"},
                     [&] { mmd(with_value(x, 3, NAN), x); });
}

}  // namespace
}  // namespace imago::models
