// The Frechet distance against closed forms, on every way of factoring a covariance.
#include "models/measures/frechet.h"

#include <omp.h>

#include <cmath>

#include "engine/ops/ops.h"
#include "tests/errors.h"
#include "tests/io/files.h"
#include "tests/models/linear_algebra.h"

namespace imago::models {
namespace {
using test::expect_error;
using test::Matrix;

Tensor normals(Index n, Index d, std::uint64_t seed) {
  Generator g{seed};
  return ops::randn({n, d}, g, DType::f64);
}
Tensor from(const Matrix& m) { return Tensor::from(m.v, {Index(m.rows), Index(m.cols)}); }
Matrix matrix(const Tensor& t) {
  Matrix m(std::size_t(t.size(0)), std::size_t(t.size(1)));
  m.v = t.values();
  return m;
}
Matrix diagonal(const std::vector<double>& values) {
  Matrix m(values.size(), values.size());
  for (std::size_t i = 0; i < values.size(); i++) m(i, i) = values[i];
  return m;
}
Moments gaussian(const std::vector<double>& mean, const Matrix& covariance) {
  return {Tensor::from(mean, {Index(mean.size())}), from(covariance), {}};
}
Moments moments(const Tensor& x) {
  MomentSum s(x.size(1));
  s.add(x);
  return s.moments();
}
double trace(const Matrix& m) {
  double t = 0;
  for (std::size_t i = 0; i < m.rows; i++) t += m(i, i);
  return t;
}
Matrix root(const Matrix& s) {
  const test::Eigen e = test::eigen(s);
  std::vector<double> w = e.values;
  for (double& v : w) v = std::sqrt(std::max(v, 0.));
  return e.vectors * diagonal(w) * test::transpose(e.vectors);
}

TEST(Frechet, OneDimension) {
  const Frechet f = frechet_distance(gaussian({1}, diagonal({4})), gaussian({-2}, diagonal({.25})));
  EXPECT_NEAR(f.distance, 9 + 1.5 * 1.5, 1e-13);
  EXPECT_EQ(f.method, "cholesky");
}
TEST(Frechet, Diagonal) {
  EXPECT_NEAR(frechet_distance(gaussian({0, 1, 2}, diagonal({1, 4, 9})),
                               gaussian({0, 0, 0}, diagonal({4, 4, .01})))
                  .distance,
              5 + 1 + 0 + 2.9 * 2.9, 1e-13);
}
// In the plane tr (S1 S2)^(1/2) = (tr S1 S2 + 2 det(S1 S2)^(1/2))^(1/2); the two do not commute.
TEST(Frechet, Plane) {
  Matrix a(2, 2), b(2, 2);
  a.v = {2, .9, .9, .5};
  b.v = {1, -.6, -.6, 3};
  const double determinants = (2 * .5 - .81) * (3 - .36),
               expected = 25 + 6.5 - 2 * std::sqrt(trace(a * b) + 2 * std::sqrt(determinants));
  EXPECT_NEAR(frechet_distance(gaussian({3, 0}, a), gaussian({0, 4}, b)).distance, expected, 1e-12);
}
TEST(Frechet, AgainstTheSymmetricRoot) {
  const Index d = 20;
  const Moments a = moments(ops::matmul(normals(60, d, 1), normals(d, d, 2))),
                b = moments(ops::matmul(normals(50, d, 3), normals(d, d, 4)) + .5);
  const Matrix ra = root(matrix(a.covariance)), sb = matrix(b.covariance);
  double means = 0;
  const std::vector<double> ma = a.mean.values(), mb = b.mean.values();
  for (std::size_t i = 0; i < ma.size(); i++) means += (ma[i] - mb[i]) * (ma[i] - mb[i]);
  const double traces = trace(matrix(a.covariance)) + trace(sb);
  const Frechet f = frechet_distance(a, b);
  EXPECT_EQ(f.method, "cholesky");
  EXPECT_NEAR(f.distance, means + traces - 2 * trace(root(ra * sb * ra)), 1e-11 * traces);
}

// The moments themselves, by two plain passes; far from the origin, where sums of squares cancel.
TEST(Frechet, Moments) {
  for (const Index n : {2, 7, 8, 2000, 3077}) {
    const Index d = 7;
    const Tensor x = normals(n, d, 5) + 1e6;
    const Matrix m = matrix(x);
    const Moments found = moments(x);
    EXPECT_EQ(found.rows.defined(), n <= d);
    const std::vector<double> mean = found.mean.values();
    const Matrix covariance = matrix(found.covariance);
    for (std::size_t i = 0; i < std::size_t(d); i++) {
      double expected = 0;
      for (std::size_t k = 0; k < m.rows; k++) expected += (m(k, i) - 1e6) / double(n);
      EXPECT_NEAR(mean[i] - 1e6, expected, 1e-9) << n;
      for (std::size_t j = 0; j <= i; j++) {
        double c = 0;
        for (std::size_t k = 0; k < m.rows; k++) c += (m(k, i) - mean[i]) * (m(k, j) - mean[j]);
        EXPECT_NEAR(covariance(i, j), c / double(n - 1), 1e-8) << n;
      }
    }
  }
}
TEST(Frechet, PartsAndThreadsDoNotShow) {
  const Tensor x = normals(3000, 9, 6), y = normals(2500, 9, 7);
  const Moments whole = moments(x);
  MomentSum parts(9);
  for (Index i = 0, n = 1; i < 3000; i += n, n = std::min<Index>(2 * n + 1, 3000 - i))
    parts.add(ops::cast(ops::slice(x, 0, i, std::min<Index>(i + n, 3000)), DType::f64));
  EXPECT_EQ(parts.count(), 3000);
  EXPECT_EQ(parts.moments().covariance.values(), whole.covariance.values());
  EXPECT_EQ(parts.moments().mean.values(), whole.mean.values());
  const double distance = frechet_distance(x, y).distance;
  const int threads = omp_get_max_threads();
  omp_set_num_threads(threads == 1 ? 3 : 1);
  EXPECT_EQ(frechet_distance(x, y).distance, distance);
  omp_set_num_threads(threads);
}

TEST(Frechet, OfASetAndItselfIsNothing) {
  const Index d = 24;
  Tensor singular = normals(100, d, 8);
  singular = ops::concat({ops::slice(singular, 1, 0, 9), ops::slice(singular, 1, 0, 9) * 3,
                          Tensor::full({100, 6}, 2, DType::f64)},
                         1);
  for (const auto& [x, method] : {std::pair{normals(100, d, 9), "cholesky"},
                                  {normals(d, d, 10), "samples"},
                                  {normals(d + 1, d, 11), "cholesky"},
                                  {singular, "eigen"}}) {
    const Frechet f = frechet_distance(x, x);
    EXPECT_EQ(f.method, method);
    EXPECT_NEAR(f.distance, 0, 1e-7 * trace(matrix(moments(x).covariance)));
  }
}
// Features [a, a, 2]: all variance, 2 s^2, lies in the direction (1, 1, 0) / sqrt 2.
TEST(Frechet, RankDeficient) {
  const Tensor a = normals(50, 1, 12);
  const auto features = [&](double scale, double shift) {
    return ops::concat({a * scale + shift, a * scale + shift, Tensor::full({50, 1}, 2, DType::f64)},
                       1);
  };
  const double s = std::sqrt(moments(a).covariance.item()), m = moments(a).mean.item();
  Frechet f = frechet_distance(features(1, 0), features(3, 1));
  EXPECT_EQ(f.method, "eigen");
  EXPECT_NEAR(f.distance, 2 * (2 * m + 1) * (2 * m + 1) + 2 * (2 * s) * (2 * s), 1e-10);
  // Against a full rank: of it, the same direction alone meets.
  f = frechet_distance(moments(features(1, 0)), gaussian({m, m, 2}, diagonal({4, 4, 9})));
  EXPECT_EQ(f.method, "eigen, cholesky");
  EXPECT_NEAR(f.distance, 2 * s * s + 17 - 2 * std::sqrt(4 * 2 * s * s), 1e-8 * 20);
}
// Turned into a space of more dimensions than there are samples, the distance stays.
TEST(Frechet, FewerSamplesThanFeatures) {
  const Tensor x = ops::matmul(normals(10, 3, 13), normals(3, 3, 14)), y = normals(11, 3, 15) * 2,
               many = normals(400, 3, 16) + 1;
  const Tensor turn = from(test::transpose(test::orthonormal(matrix(normals(12, 3, 17)))));
  const auto turned = [&](const Tensor& t) { return ops::matmul(t, turn); };
  const auto near = [&](const Tensor& p, const Tensor& q, const char* method) {
    const Frechet f = frechet_distance(turned(p), turned(q));
    EXPECT_EQ(f.method, method);
    const double expected = frechet_distance(p, q).distance;
    EXPECT_GT(expected, 1);
    EXPECT_NEAR(f.distance, expected, 1e-8 * expected);
  };
  near(x, y, "samples");
  near(x, many, "samples, eigen");
  near(many, y, "eigen, samples");
}

TEST(Frechet, Refusals) {
  Tensor x = normals(1500, 4, 18);
  expect_error([&] { frechet_distance(x, normals(9, 5, 1)); }, {"features differ", "4", "5"});
  expect_error([&] { frechet_distance(x, Tensor::zeros({9}, DType::f64)); },
               {"the second features", "[N, D]", "[9]"});
  expect_error([&] { MomentSum(0); }, {"at least one", "0"});
  MomentSum s(4, "mine.npy");
  expect_error([&] { s.add(normals(2, 5, 1)); }, {"mine.npy", "[N, 4]", "[2, 5]"});
  expect_error(ErrorKind::data, {"mine.npy", "at least 2", "received 0"}, [&] { s.moments(); });
  s.add(ops::slice(x, 0, 0, 1));
  expect_error(ErrorKind::data, {"at least 2", "received 1"}, [&] { s.moments(); });
  for (const double bad : {double(NAN), double(INFINITY)}) {
    std::vector<double> v = x.values();
    v[4 * 1200 + 2] = bad;
    expect_error(ErrorKind::data, {"row 1201", "mine.npy", concat(bad)}, [&] {
      s.add(Tensor::from(v, {1500, 4}));
    });
  }
  EXPECT_EQ(s.count(), 1);  // nothing of what was refused
}

}  // namespace
}  // namespace imago::models
