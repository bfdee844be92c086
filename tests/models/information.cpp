// Bounds of mutual information against plain loops and a channel whose information is known.
#include "models/measures/information.h"

#include <cmath>

#include "engine/ops/ops.h"
#include "tests/errors.h"
#include "tests/io/files.h"
#include "tests/models/features.h"

namespace imago::models {
namespace {
using test::expect_error, test::normals, test::with_value;

TEST(Information, IsItsDefinition) {
  const Index n = 60, d = 3;
  const Tensor mu = normals({n, d}, 1), logvar = normals({n, d}, 2) - 1,
               z = mu + ops::exp(.5 * logvar) * normals({n, d}, 3);
  const std::vector<double> m = mu.values(), l = logvar.values(), v = z.values();
  double lower = 0, upper = 0;
  for (std::size_t i = 0; i < std::size_t(n); i++) {
    double own = 0, sum = 0;
    for (std::size_t j = 0; j < std::size_t(n); j++) {
      double q = 1;
      for (std::size_t c = 0; c < std::size_t(d); c++) {
        const double e = v[i * 3 + c] - m[j * 3 + c], variance = std::exp(l[j * 3 + c]);
        q *= std::exp(-e * e / (2 * variance)) / std::sqrt(2 * M_PI * variance);
      }
      sum += q;
      if (i == j) own = q;
    }
    lower += std::log(own / (sum / double(n))) / double(n);
    upper += std::log(own / ((sum - own) / double(n - 1))) / double(n);
  }
  const auto got = mutual_information(z, mu, logvar);
  EXPECT_NEAR(got->lower, lower, 1e-10);
  EXPECT_NEAR(got->upper, upper, 1e-10);
  for (const Device at : devices())
    EXPECT_NEAR(mutual_information(z.to(at), mu.to(at), logvar.to(at))->upper, upper, 1e-10);
}
// mu ~ N(0, s^2) sent with noise of variance 1: log(1 + s^2) / 2 nats each.
TEST(Information, OfAGaussianChannel) {
  const Index n = 1100;  // more than one slab of rows
  const Tensor mu = 2 * normals({n, 2}, 4), logvar = Tensor::zeros({n, 2}, DType::f64),
               z = mu + normals({n, 2}, 5);
  const auto got = mutual_information(z, mu, logvar);
  // The mean of log q(z|mu) / p(z) over these very draws, p = N(0, 5): what is left is the error of
  // p from n means, of which E (mean_j q_j / p - 1)^2 = (25 - 1) / n: 12 / n of bias, down below
  // and up above, and a spread of less than 5 / n.
  double density = std::log(5.);
  const std::vector<double> m = mu.values(), v = z.values();
  for (std::size_t i = 0; i < v.size(); i++)
    density += (v[i] * v[i] / 5 - (v[i] - m[i]) * (v[i] - m[i])) / 2 / double(n);
  EXPECT_NEAR(got->lower, density - 6. / double(n), 26. / double(n));
  EXPECT_NEAR(got->upper, density + 6. / double(n), 26. / double(n));
  EXPECT_LT(got->lower, got->upper);
  // All known: log n is the most the lower bound can say, and the upper one is far above.
  const auto sure = mutual_information(mu, mu, logvar - 40);
  EXPECT_NEAR(sure->lower, std::log(double(n)), 1e-9);
  EXPECT_GT(sure->upper, 1e6);
  // Nothing known.
  const auto none = mutual_information(normals({50, 2}, 6), Tensor::zeros({50, 2}, DType::f64),
                                       Tensor::zeros({50, 2}, DType::f64));
  EXPECT_NEAR(none->lower, 0, 1e-12);
  EXPECT_NEAR(none->upper, 0, 1e-12);
}
TEST(Information, ActiveUnits) {
  const Tensor x = normals({500, 4}, 7),
               scale = Tensor::from(std::vector<double>{1, .12, .08, 0}, {4});
  EXPECT_EQ(active_units(x * scale + 3), 2);
  EXPECT_EQ(active_units(ops::cast(x * scale, DType::f32)), 2);
  EXPECT_EQ(active_units(Tensor::zeros({5, 2})), 0);
}
TEST(Information, WatchedAndRefusals) {
  const Tensor x = normals({1100, 1}, 8);
  test::expect_watched([&](const Watch& w) { return mutual_information(x, x, x, w).has_value(); });
  expect_error([&] { mutual_information(x, x, normals({1100, 2}, 1)); }, {"[1100, 2]"});
  expect_error(
      [&] {
        mutual_information(ops::slice(x, 0, 0, 1), ops::slice(x, 0, 0, 1), ops::slice(x, 0, 0, 1));
      },
      {"at least two rows"});
  expect_error([&] { active_units(Tensor::zeros({1, 2})); }, {"at least 2"});
  test::expect_error(ErrorKind::data, {"row 5", "posterior means", "nan"},
                     [&] { mutual_information(x, with_value(x, 5, NAN), x); });
}

}  // namespace
}  // namespace imago::models
