// KID against plain loops in float64, and the values of torch-fidelity's definition.
#include "models/measures/kid.h"

#include <omp.h>

#include <cmath>

#include "engine/ops/ops.h"
#include "models/measures/numpy_random.h"
#include "tests/errors.h"
#include "tests/io/files.h"
#include "tests/models/features.h"

namespace imago::models {
namespace {
using test::expect_error, test::normals, test::with_value;

struct Oracle {
  double mean = 0, std = 0;
};
Oracle oracle(const Tensor& x, const Tensor& y, const KidOptions& o) {
  const std::vector<double> a = x.values(), b = y.values();
  const Index d = x.size(1);
  const auto k = [&](const std::vector<double>& u, Index i, const std::vector<double>& v, Index j) {
    long double dot = 0;
    for (Index c = 0; c < d; c++)
      dot += (long double)(u[std::size_t(i * d + c)]) * v[std::size_t(j * d + c)];
    return std::pow(dot / (long double)(d) + 1, 3);
  };
  NumpyRandom random(o.seed);
  std::vector<double> all;
  const auto n = (long double)(o.subset_size);
  for (Index s = 0; s < o.subsets; s++) {
    const auto p = random.choice(x.size(0), o.subset_size),
               q = random.choice(y.size(0), o.subset_size);
    long double within = 0, between = 0;
    for (std::size_t i = 0; i < p.size(); i++)
      for (std::size_t j = 0; j < p.size(); j++) {
        if (i != j) within += k(a, p[i], a, p[j]) + k(b, q[i], b, q[j]);
        between += k(a, p[i], b, q[j]);
      }
    all.push_back(double(within / (n * (n - 1)) - 2 * between / (n * n)));
  }
  Oracle r;
  for (const double v : all) r.mean += v / double(all.size());
  for (const double v : all) r.std += (v - r.mean) * (v - r.mean) / double(all.size());
  r.std = std::sqrt(r.std);
  return r;
}

TEST(Kid, IsItsDefinition) {
  for (const DType dtype : {DType::f64, DType::f32}) {
    // Several tiles of one size and a rest; sets of two sizes.
    const Tensor x = normals({700, 5}, 1, dtype), y = normals({650, 5}, 2, dtype) * 1.3 + .2;
    for (const KidOptions& o : {KidOptions{2, 600, 2020, {}}, {5, 31, 7, {}}, {3, 2, 1, {}}}) {
      const auto got = kid(x, y, o);
      const Oracle want = oracle(x, y, o);
      EXPECT_NEAR(got->mean, want.mean, 1e-10 * got->mean_kernel) << o.subset_size;
      EXPECT_NEAR(got->std, want.std, 1e-10 * got->mean_kernel) << o.subset_size;
    }
  }
  const Tensor x = normals({40, 1}, 1), y = normals({40, 1}, 2);
  EXPECT_NEAR(kid(x, y, {10, 20, 3, {}})->mean, oracle(x, y, {10, 20, 3, {}}).mean, 1e-12);
}
// All of both sets, whatever their order: k(x, y) of constants is known.
TEST(Kid, Constants) {
  const Tensor one = Tensor::full({50, 4}, 1, DType::f64), half = one * .5;
  const auto apart = kid(one, half, {2, 50, 1, {}});
  // (1 + 1)^3 + (1/4 + 1)^3 - 2 (1/2 + 1)^3
  EXPECT_NEAR(apart->mean, 8 + 1.953125 - 6.75, 1e-13);
  EXPECT_NEAR(apart->mean_kernel, (8 + 1.953125 + 3.375) / 3, 1e-13);
  EXPECT_NEAR(apart->std, 0, 1e-13);
  EXPECT_NEAR(kid(one, one, {2, 50, 1, {}})->mean, 0, 1e-13);
}
// Unbiased: two halves of one distribution have a mean of 0, and a shift is seen.
TEST(Kid, OfOneDistributionIsNothing) {
  const Tensor x = normals({4000, 3}, 3), y = normals({4000, 3}, 4);
  const KidOptions o{50, 80, 2020, {}};
  const auto same = kid(x, y, o), shifted = kid(x, y + .5, o);
  EXPECT_LT(std::fabs(same->mean), 4 * same->std / std::sqrt(50));
  EXPECT_GT(shifted->mean, 8 * same->std / std::sqrt(50));
}
TEST(Kid, ThreadsAndDevicesDoNotShow) {
  const Tensor x = normals({300, 6}, 5), y = normals({310, 6}, 6);
  const KidOptions o{2, 290, 2020, {}};
  const double want = kid(x, y, o)->mean;
  const int threads = omp_get_max_threads();
  omp_set_num_threads(threads == 1 ? 3 : 1);
  EXPECT_EQ(kid(x, y, o)->mean, want);
  omp_set_num_threads(threads);
  for (const Device d : devices())
    EXPECT_NEAR(kid(x.to(d), y.to(d), o)->mean, want, 1e-12) << name(d);
}
TEST(Kid, IsWatched) {
  const Tensor x = normals({300, 2}, 7);
  test::expect_watched([&](const Watch& w) { return kid(x, x, {3, 290, 1, w}).has_value(); });
}
TEST(Kid, Refusals) {
  const Tensor x = normals({30, 2}, 8);
  expect_error([&] { kid(x, x); }, {"KID, first set", "at least 1000", "received 30", "smaller"});
  expect_error(
      [&] {
        kid(x, normals({20, 2}, 1), {1, 25, 1, {}});
      },
      {"second set", "at least 25", "received 20"});
  expect_error(
      [&] {
        kid(x, normals({30, 3}, 1), {1, 9, 1, {}});
      },
      {"numbers of features", "expected 2", "received 3"});
  expect_error([&] { kid(x, x, {1, 1, 1, {}}); }, {"at least 2", "received 1"});
  expect_error([&] { kid(x, x, {0, 9, 1, {}}); }, {"at least 1", "received 0"});
  expect_error([&] { kid(normals({1, 2}, 1), x, {1, 9, 1, {}}); }, {"first set", "received 1"});
  expect_error([&] { kid(normals({4}, 1), x); }, {"[N, D]"});
  test::expect_error(ErrorKind::data, {"row 7", "second set", "inf"}, [&] {
    kid(x, with_value(x, 7, INFINITY), {1, 9, 1, {}});
  });
  // Kernels that overflow, and kernels whose squares do.
  for (const double scale : {1e60, 1e30})
    test::expect_error(ErrorKind::data, {"too far out", "KID", "finite"}, [&] {
      kid(x * scale, x * -scale, {2, 9, 1, {}});
    });
}

}  // namespace
}  // namespace imago::models
