// Divergences on grids against closed forms.
#include "models/measures/divergences.h"

#include <cmath>

#include "engine/ops/ops.h"
#include "tests/errors.h"
#include "tests/io/files.h"

namespace imago::models {
namespace {
using test::expect_error;

Tensor of(const std::vector<double>& v) { return Tensor::from(v, {Index(v.size())}); }
Tensor log_of(std::vector<double> v) {
  for (double& a : v) a = std::log(a);
  return of(v);
}

// N(m, s^2) on 2001 cells from -20 to 20, not normalised.
Tensor gaussian(double m, double s) {
  std::vector<double> v;
  for (int i = 0; i <= 2000; i++) v.push_back(-.5 * std::pow((-20 + .02 * i - m) / s, 2) + 7);
  return of(v);
}
TEST(Divergences, OfGaussians) {
  const auto kl = [](double m, double s, double n, double t) {
    return std::log(t / s) + (s * s + (m - n) * (m - n)) / (2 * t * t) - .5;
  };
  const auto d = divergences(gaussian(0, 1), gaussian(1, 2));
  EXPECT_NEAR(d.kl, kl(0, 1, 1, 2), 1e-9);
  EXPECT_NEAR(d.reverse_kl, kl(1, 2, 0, 1), 1e-9);
  EXPECT_GT(d.js, 0);
  EXPECT_LT(d.js, std::min(d.kl, d.reverse_kl) / 2);
}
TEST(Divergences, OfFewCells) {
  const auto d = divergences(log_of({1, 3}), log_of({2, 2}));
  EXPECT_NEAR(d.kl, .25 * std::log(.5) + .75 * std::log(1.5), 1e-15);
  EXPECT_NEAR(d.reverse_kl, .5 * std::log(2) + .5 * std::log(2. / 3), 1e-15);
  const double m = .375, w = .625;  // the mixture
  EXPECT_NEAR(d.js,
              (.25 * std::log(.25 / m) + .75 * std::log(.75 / w) + .5 * std::log(.5 / m) +
               .5 * std::log(.5 / w)) /
                  2,
              1e-15);
  const auto same = divergences(gaussian(1, 2), gaussian(1, 2) - 5);
  EXPECT_NEAR(same.kl, 0, 1e-14);
  EXPECT_NEAR(same.js, 0, 1e-14);
  // Where one density is 0 and the other is not.
  const auto half = divergences(log_of({1, 0, 0}), log_of({1, 1, 0}));
  EXPECT_NEAR(half.kl, std::log(2), 1e-15);
  EXPECT_EQ(half.reverse_kl, INFINITY);
  const auto apart = divergences(log_of({1, 0}), log_of({0, 1}));
  EXPECT_EQ(apart.kl, INFINITY);
  EXPECT_NEAR(apart.js, std::log(2), 1e-15);
  EXPECT_EQ(divergences(of({-1000}), of({1000})).kl, 0);  // one cell
}
TEST(Divergences, Refusals) {
  expect_error([] { divergences(of({1, 2}), of({1})); }, {"[2] and [1]"});
  expect_error([] { divergences(of({}), of({})); }, {"with cells"});
  test::expect_error(ErrorKind::data, {"cell 1", "second density", "nan"}, [] {
    divergences(of({1, 2}), of({1, NAN}));
  });
  test::expect_error(ErrorKind::data, {"cell 0", "first density", "inf"}, [] {
    divergences(of({INFINITY, 2}), of({1, 1}));
  });
  test::expect_error(ErrorKind::data, {"no density anywhere", "second density"}, [] {
    divergences(of({1, 2}), log_of({0, 0}));
  });
}

}  // namespace
}  // namespace imago::models
