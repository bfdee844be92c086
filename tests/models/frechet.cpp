// The Frechet distance against closed forms, on every way of factoring a covariance, and as other
// tools compute it.
#include "models/measures/frechet.h"

#include <omp.h>

#include <cmath>
#include <limits>

#include "engine/ops/linalg.h"
#include "engine/ops/ops.h"
#include "models/measures/frechet_peers.h"
#include "tests/errors.h"
#include "tests/io/files.h"
#include "tests/models/linear_algebra.h"
#include "tests/ops/devices.h"

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
                                  {singular, "rank 9"}}) {
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
  EXPECT_EQ(f.method, "rank 1");
  EXPECT_NEAR(f.distance, 2 * (2 * m + 1) * (2 * m + 1) + 2 * (2 * s) * (2 * s), 1e-10);
  // Against a full rank: of it, the same direction alone meets.
  f = frechet_distance(moments(features(1, 0)), gaussian({m, m, 2}, diagonal({4, 4, 9})));
  EXPECT_EQ(f.method, "rank 1, cholesky");
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
  near(x, many, "samples, rank 3");
  near(many, y, "rank 3, samples");
}

// S with eigenvalues 10^-e along the orthonormal directions that seed draws.
Moments of_spectrum(const std::vector<double>& exponents, std::uint64_t seed) {
  const Index d = Index(exponents.size());
  const Matrix q = test::orthonormal(matrix(normals(d, d, seed)));
  std::vector<double> w;
  for (const double e : exponents) w.push_back(std::pow(10., -e));
  return gaussian(std::vector<double>(exponents.size()), q * diagonal(w) * test::transpose(q));
}
std::vector<double> falling(Index d, double to) {
  std::vector<double> e;
  for (Index i = 0; i < d; i++) e.push_back(to * double(i) / double(d - 1));
  return e;
}
double oracle(const Moments& a, const Moments& b) {
  const Tensor product =
      ops::matmul(*linalg::cholesky(a.covariance), *linalg::cholesky(b.covariance), true);
  double s = 0;
  for (const double v : linalg::singular_values(product).values()) s += v;
  return s;
}
// Which route is taken, and that it is right: eigenvalues while their rounding is small or the
// determinant vouches for them, singular values otherwise.
TEST(Frechet, IllConditioned) {
  const Index d = 60;
  std::vector<double> step(std::size_t(d), 0.);
  std::fill(step.begin() + d / 2, step.end(), 9.);
  const std::vector<double> even(std::size_t(d), 0.);
  const auto check = [&](const Moments& a, const Moments& b, const char* method) {
    const Frechet f = frechet_distance(a, b), g = frechet_distance(b, a);
    EXPECT_EQ(f.method, method);
    EXPECT_EQ(g.method, method);
    const double traces = trace(matrix(a.covariance)) + trace(matrix(b.covariance)),
                 expected = oracle(a, b);
    EXPECT_NEAR(f.trace_of_root, expected, 1e-12 * traces) << method;
    EXPECT_NEAR(g.trace_of_root, expected, 1e-12 * traces) << method;
  };
  for (const double to : {0., 3., 6., 8., 10.})
    check(of_spectrum(falling(d, to), 20), of_spectrum(falling(d, to), 21), "cholesky");
  check(of_spectrum(even, 20), of_spectrum(falling(d, 12), 21), "cholesky");
  // Half of the roots are 1e-9 of the largest: their squares are lost in its rounding.
  check(of_spectrum(step, 20), of_spectrum(step, 20), "cholesky, singular values");
}

// Units do not show, as long as the distance is a number: products of covariances would overflow or
// vanish long before, in float32 at 1e-12 already.
TEST(Frechet, Units) {
  const Tensor x = normals(90, 8, 40), y = normals(80, 8, 41) * 1.5, few = normals(5, 8, 42);
  const auto near = [&](const Tensor& p, const Tensor& q, double scale, double other,
                        const FrechetOptions& o, double tolerance) {
    SCOPED_TRACE(concat(scale, " ", other, " ", name(o.dtype)));
    const Moments a = moments(p), b = moments(q);
    const Frechet f = frechet_distance(moments(p * scale), moments(q * other), o);
    EXPECT_NEAR(f.trace_of_root / scale / other, frechet_distance(a, b, o).trace_of_root,
                tolerance * trace(matrix(a.covariance)));
    if (o.trace == TraceRoot::products) {
      EXPECT_EQ(f.method, "products");
      EXPECT_GT(f.residual, 0);
    }
  };
  const FrechetOptions by64{.trace = TraceRoot::products},
      by32{.trace = TraceRoot::products, .tolerance = 1e-3, .dtype = DType::f32};
  for (const double scale : {1e-150, 1e-90, 1e-30, 1e-12, 1e12, 1e30, 1e90, 1e150}) {
    near(x, y, scale, scale, {}, 1e-12);
    near(x, few, scale, scale, {}, 1e-12);
    near(x, y, scale, 1 / scale, {}, 1e-12);
    near(x, y, scale, scale, by64, 1e-12);
    near(x, y, scale, scale, by32, 1e-3);
  }
  // Powers of 2 to the last bit.
  EXPECT_EQ(frechet_distance(x * 1024, y * 1024).distance / 1024 / 1024,
            frechet_distance(x, y).distance);
  for (const TraceRoot t : {TraceRoot::exact, TraceRoot::products, TraceRoot::eigvals})
    expect_error(ErrorKind::data, {"too far out", "Frechet distance", "finite"},
                 [&] { frechet_distance(moments(x * 1e160), moments(y * 1e160), {.trace = t}); });
}

// exact on a device is exact on the cpu, and says where it was.
class FrechetOn : public test::OnDevice {
 protected:
  std::string here(const std::string& word) const {
    return device() == cpu_device ? word : concat(word, " on ", device());
  }
  std::string not_here(const std::string& word) const {
    return device() == cpu_device ? word : concat(word, ", not on ", device());
  }
  Frechet measured(const Moments& a, const Moments& b) const {
    return frechet_distance(a, b, {.device = device()});
  }
  // Wherever: how good the small eigenvalues are is the library's affair.
  std::string expect_right(const Moments& a, const Moments& b) const {
    const Frechet f = measured(a, b), cpu = frechet_distance(a, b);
    const double traces = trace(matrix(a.covariance)) + trace(matrix(b.covariance));
    EXPECT_TRUE(f.method == here("cholesky") || f.method == not_here(cpu.method)) << f.method;
    EXPECT_NEAR(f.distance, cpu.distance, 1e-10 * traces);
    EXPECT_NEAR(f.trace_of_root, oracle(a, b), 1e-10 * traces);
    return f.method;
  }
  void expect_here(const Moments& a, const Moments& b) const {
    EXPECT_EQ(expect_right(a, b), here("cholesky"));
  }
  // On the cpu, to the bit.
  void expect_not_here(const Moments& a, const Moments& b) const {
    const Frechet f = measured(a, b), cpu = frechet_distance(a, b);
    EXPECT_EQ(f.method, not_here(cpu.method));
    EXPECT_EQ(f.distance, cpu.distance);
  }
};
INSTANTIATE_TEST_SUITE_P(, FrechetOn, testing::ValuesIn(test::built_backends()),
                         test::backend_name);

TEST_P(FrechetOn, OneDimension) {
  const Frechet f = measured(gaussian({1}, diagonal({4})), gaussian({-2}, diagonal({.25})));
  EXPECT_NEAR(f.distance, 9 + 1.5 * 1.5, 1e-13);
  EXPECT_EQ(f.method, here("cholesky"));
}
TEST_P(FrechetOn, WellConditioned) {
  const Index d = 40;
  const Moments a = moments(ops::matmul(normals(200, d, 1), normals(d, d, 2))),
                b = moments(normals(300, d, 3) + .5);
  expect_here(a, b);
  expect_here(b, a);
  EXPECT_NEAR(measured(a, a).distance, 0, 1e-9 * trace(matrix(a.covariance)));
}
// The rounding of the eigenvalues is small as it is; their determinant vouches for them; that of L
// and S alone is as large as they are.
TEST_P(FrechetOn, IllConditioned) {
  const Index d = 60;
  const std::vector<double> even(std::size_t(d), 0.);
  const auto step = [&](double down) {
    std::vector<double> e = even;
    std::fill(e.begin() + d / 2, e.end(), down);
    return e;
  };
  expect_here(of_spectrum(even, 20), of_spectrum(falling(d, 12), 21));
  expect_here(of_spectrum(falling(d, 12), 21), of_spectrum(even, 20));
  expect_here(of_spectrum(step(6), 20), of_spectrum(step(6), 20));
  expect_right(of_spectrum(falling(d, 12), 20), of_spectrum(falling(d, 12), 21));
  expect_right(of_spectrum(step(9), 20), of_spectrum(step(9), 20));
  expect_not_here(of_spectrum(step(13.5), 20), of_spectrum(step(13.5), 21));
}
TEST_P(FrechetOn, Singular) {
  const Index d = 6;
  const Tensor x = normals(50, d, 32), two = ops::slice(x, 1, 0, 2);
  const Moments full = moments(x * 2 + 1);
  // A feature that does not vary, those that are others' sums, and samples that are too few.
  for (const Tensor& singular :
       {ops::concat({ops::slice(x, 1, 0, d - 1), Tensor::full({50, 1}, 2, DType::f64)}, 1),
        ops::matmul(two, normals(2, d, 33)), ops::slice(x, 0, 0, d)}) {
    expect_not_here(moments(singular), full);
    expect_not_here(full, moments(singular));
    expect_not_here(moments(singular), moments(singular));
  }
  const Moments plain = gaussian({1, 2}, diagonal({1, 2}));
  expect_not_here(gaussian({1, 2}, diagonal({0, 0})), plain);
  // A factor without pivots is found, but its last pivot is no more than rounding.
  Matrix twice(2, 2);
  twice.v = {1, 1, 1, 1 + 2 * std::numeric_limits<double>::epsilon()};
  EXPECT_TRUE(linalg::cholesky(from(twice).to(device())));
  expect_not_here(gaussian({0, 0}, twice), plain);
  expect_not_here(plain, gaussian({0, 0}, twice));
}
TEST_P(FrechetOn, Refusals) {
  expect_error(
      [&] {
        measured(gaussian({1}, diagonal({4})), gaussian({1, 2}, diagonal({1, 1})));
      },
      {"features differ", "1", "2"});
}

// The iteration on every device: below its residual from the oracle, and left where that is large.
TEST(Frechet, Products) {
  const Index d = 40;
  for (const Device device : devices())
    for (const DType dtype : {DType::f64, DType::f32}) {
      const FrechetOptions o{.trace = TraceRoot::products,
                             .tolerance = dtype == DType::f64 ? 1e-8 : 1e-3,
                             .device = device,
                             .dtype = dtype};
      int taken = 0;
      for (const double to : {0., 1., 2., 4., 8., 12.}) {
        SCOPED_TRACE(concat(name(device), " ", name(dtype), " ", to));
        const Moments a = of_spectrum(falling(d, to), 20), b = of_spectrum(falling(d, to), 21);
        const double traces = trace(matrix(a.covariance)) + trace(matrix(b.covariance));
        const Frechet f = frechet_distance(a, b, o);
        if (f.method == "products") {
          taken++;
          EXPECT_LE(f.residual, o.tolerance);
          EXPECT_LE(2 * std::fabs(f.trace_of_root - oracle(a, b)), f.residual * traces + 1e-15);
        } else {
          EXPECT_EQ(f.method.substr(0, 8), "cholesky");
          EXPECT_GT(f.residual, o.tolerance);
          EXPECT_EQ(f.distance, frechet_distance(a, b, {.device = device}).distance);
        }
      }
      EXPECT_EQ(taken, dtype == DType::f64 ? 5 : 3);
    }
}
TEST(Frechet, ProductsOfNothing) {
  const FrechetOptions o{.trace = TraceRoot::products};
  const Moments none = gaussian({1, 2}, diagonal({0, 0})),
                some = gaussian({1, 2}, diagonal({1, 2}));
  EXPECT_EQ(frechet_distance(none, some, o).distance, 3);
  EXPECT_EQ(frechet_distance(some, none, o).distance, 3);
  EXPECT_EQ(frechet_distance(none, none, o).distance, 0);
  // What is no covariance has no root, and the residual says so.
  const Frechet f = frechet_distance(gaussian({0, 0}, diagonal({1, -1})), some, o);
  EXPECT_NE(f.method, "products");
  EXPECT_FALSE(f.residual <= 1e-8);
}

TEST(Frechet, Merge) {
  const Index d = 9;
  const Tensor x = normals(5000, d, 22) + 1e3;
  const Moments whole = moments(x);
  // Parts that are folded, that wait, and none.
  for (const std::vector<Index>& cuts :
       {std::vector<Index>{2500}, {10}, {4990}, {1024}, {3, 1500, 1500, 4000}}) {
    MomentSum sum(d);
    Index at = 0;
    for (const Index end : cuts) {
      MomentSum part(d);
      if (end > at) part.add(ops::cast(ops::slice(x, 0, at, end), DType::f64));
      sum.merge(part);
      at = end;
    }
    MomentSum rest(d);
    rest.add(ops::slice(x, 0, at, 5000));
    sum.merge(rest);
    EXPECT_EQ(sum.count(), 5000);
    const Moments m = sum.moments();
    const std::vector<double> mean = m.mean.values(), c = m.covariance.values(),
                              mean0 = whole.mean.values(), c0 = whole.covariance.values();
    for (std::size_t i = 0; i < mean.size(); i++) EXPECT_NEAR(mean[i], mean0[i], 1e-11);
    for (std::size_t i = 0; i < c.size(); i++) EXPECT_NEAR(c[i], c0[i], 1e-12);
  }
  // Few rows are still known by themselves; a sum may join itself, and copies are copies.
  MomentSum few(d), more(d);
  few.add(ops::slice(x, 0, 0, 3));
  more.add(ops::slice(x, 0, 3, 6));
  const MomentSum copy = few;
  few.merge(more);
  few.merge(few);
  EXPECT_EQ(few.count(), 12);
  EXPECT_EQ(copy.count(), 3);
  EXPECT_TRUE(copy.moments().rows.defined());
  MomentSum six(d);
  six.add(ops::slice(x, 0, 0, 6));
  MomentSum again(d);
  again.add(ops::slice(x, 0, 0, 3));
  again.merge(more);
  EXPECT_EQ(again.moments().rows.values(), six.moments().rows.values());
  expect_error([&] { few.merge(MomentSum(8)); }, {"9 features", "8 features"});
  expect_error([&] { few.merge(MomentSum(d, "other", {.ddof = 0})); },
               {"ddof 1", "ddof 0", "other"});
}
TEST(Frechet, FloatFeaturesAreTheirDoubles) {
  const Tensor x = ops::cast(normals(1500, 6, 23) * 30 + 7, DType::f32);
  const Moments a = moments(x), b = moments(ops::cast(x, DType::f64));
  EXPECT_EQ(a.covariance.values(), b.covariance.values());
  EXPECT_EQ(a.mean.values(), b.mean.values());
  EXPECT_EQ(a.count, 1500);
}
TEST(Frechet, Ddof) {
  const Tensor x = normals(10, 4, 24);
  MomentSum population(4, "features", {.ddof = 0});
  population.add(x);
  const std::vector<double> c = population.moments().covariance.values(),
                            c1 = moments(x).covariance.values();
  for (std::size_t i = 0; i < c.size(); i++) EXPECT_NEAR(c[i], c1[i] * .9, 1e-15);
  MomentSum few(20, "features", {.ddof = 0});
  few.add(normals(10, 20, 25));
  const Moments m = few.moments();
  const std::vector<double> product = ops::matmul(m.rows, m.rows, true).values(),
                            s = m.covariance.values();
  for (std::size_t i = 0; i < s.size(); i++) EXPECT_NEAR(product[i], s[i], 1e-14);
  expect_error([&] { MomentSum(3, "mine", {.ddof = 2}); }, {"ddof", "0 or 1", "2"});
}
// Row after row in float32, here where every addition rounds.
TEST(Frechet, Float32Mean) {
  const Tensor x = ops::cast(normals(3000, 5, 26) + 1000, DType::f32);
  const std::vector<float> v = x.to_vector<float>();
  MomentSum s(5, "features", {.float32_mean = true}), other(5, "features", {.float32_mean = true});
  s.add(x);
  other.add(x);
  const std::vector<double> found = s.moments().mean.values(), exact = moments(x).mean.values();
  bool differs = false;
  for (std::size_t j = 0; j < 5; j++) {
    float sum = 0;
    for (std::size_t r = 0; r < 3000; r++) sum += v[r * 5 + j];
    EXPECT_EQ(found[j], double(sum / 3000.f));
    differs = differs || std::fabs(found[j] - exact[j]) > 1e-4;
  }
  EXPECT_TRUE(differs);
  s.merge(other);
  EXPECT_EQ(s.moments().mean.values(), found);  // doubled sum and count
  // The means' difference is rounded to float32 as well.
  const Moments a = gaussian({1e8, 0}, diagonal({1, 1})), b = gaussian({1, 1e-3}, diagonal({1, 1}));
  const Frechet f = frechet_distance(a, b, {.float32_mean = true});
  EXPECT_EQ(f.mean_term, double(float(1e16 + 1e-6)));
}

TEST(Frechet, AsOtherToolsDo) {
  const Index d = 12;
  const Moments a = moments(ops::matmul(normals(100, d, 27), normals(d, d, 28))),
                b = moments(ops::matmul(normals(90, d, 29), normals(d, d, 30)) + .5);
  const double expected = frechet_distance(a, b).distance;
  for (const FrechetTool& tool : frechet_tools()) {
    const Frechet f = frechet_distance(a, b, tool.distance);
    EXPECT_NEAR(f.distance, expected, 1e-6 * expected) << tool.name;
    const TraceRoot t = tool.distance.trace;
    EXPECT_EQ(f.method, t == TraceRoot::exact      ? "cholesky"
                        : t == TraceRoot::products ? "products"
                        : t == TraceRoot::eigvals  ? "eigvals"
                                                   : "sqrtm");
  }
  EXPECT_EQ(frechet_tool("nvlabs").moments.ddof, 0);
  EXPECT_TRUE(frechet_tool("torch-fidelity").moments.float32_mean);
  expect_error([] { frechet_tool("torch_fidelity"); },
               {"torch_fidelity", "perhaps torch-fidelity"});
}
// Products with complex, negative and nilpotent parts: of matrices that are no covariances.
TEST(Frechet, RootsOfAnyMatrix) {
  std::string method;
  const Index n = 7;
  const Tensor any = normals(n, n, 31) + from(diagonal(std::vector<double>(7, 3.)));
  const Tensor one = from(diagonal(std::vector<double>(7, 1.)));
  const double schur = trace_of_sqrtm(any, one, method);
  EXPECT_NEAR(trace_of_eigvals(any, one, method), schur, 1e-10);
  EXPECT_EQ(method, "eigvals");
  const auto two = [](double a, double b, double c, double d) {
    return Tensor::from(std::vector<double>{a, b, c, d}, {2, 2});
  };
  EXPECT_NEAR(trace_of_sqrtm(two(4, 5, 0, 9), two(1, 0, 0, 1), method), 5, 1e-12);
  EXPECT_EQ(method, "sqrtm");
  // A turn by a right angle, whose root is one by half of it.
  EXPECT_NEAR(trace_of_sqrtm(two(0, -1, 1, 0), two(1, 0, 0, 1), method), std::sqrt(2), 1e-12);
  EXPECT_NEAR(trace_of_eigvals(two(0, -1, 1, 0), two(1, 0, 0, 1), method), std::sqrt(2), 1e-12);
  // [0 1; 0 0] has no root; with the jitter e its trace is e + 2 e^2, its determinant nearly e, and
  // in the plane the root's trace is (trace + 2 determinant^(1/2))^(1/2).
  const double e = 1e-6, determinant = e * (1 + e) * (1 + e * e);
  EXPECT_NEAR(trace_of_sqrtm(two(1, 0, 0, 0), two(0, 1, -1, 0), method),
              std::sqrt(e + 2 * e * e + 2 * std::sqrt(determinant)), 1e-12);
  EXPECT_EQ(method, "sqrtm with 1e-6 I added");
  expect_error(ErrorKind::data, {"imaginary", "1e-3", "received 0.5"},
               [&] { trace_of_sqrtm(two(-.25, 0, 0, 1), two(1, 0, 0, 1), method); });
  // NVlabs takes real parts of whatever root there is, and adds nothing.
  EXPECT_NEAR(trace_of_sqrtm(two(-.25, 0, 0, 1), two(1, 0, 0, 1), method, false), 1, 1e-15);
  expect_error(ErrorKind::data, {"no square root", "division by 0"},
               [&] { trace_of_sqrtm(two(1, 0, 0, 0), two(0, 1, -1, 0), method, false); });
  const Moments imaginary = gaussian({0, 0}, diagonal({-.25, 1})),
                one2 = gaussian({0, 0}, diagonal({1, 1}));
  EXPECT_NEAR(frechet_distance(imaginary, one2, frechet_tool("nvlabs").distance).distance, 2.75 - 2,
              1e-15);
  expect_error(ErrorKind::data, {"imaginary"},
               [&] { frechet_distance(imaginary, one2, frechet_tool("pytorch-fid").distance); });
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
