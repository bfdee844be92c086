// Factorisations: they multiply back to the matrix, and say what they cannot take.
#include "engine/ops/linalg.h"

#include "engine/ops/ops.h"
#include "tests/errors.h"
#include "tests/ops/devices.h"

namespace imago::test {
namespace {

Tensor normals(const Shape& shape, std::uint64_t seed) {
  Generator g{seed};
  return ops::randn(shape, g, DType::f64);
}
void expect_near(const Tensor& a, const Tensor& b, double tolerance) {
  ASSERT_EQ(a.shape(), b.shape());
  const std::vector<double> x = a.values(), y = b.values();
  for (std::size_t i = 0; i < x.size(); i++) EXPECT_NEAR(x[i], y[i], tolerance) << i;
}
Tensor identity(Index n) {
  std::vector<double> v(std::size_t(n * n));
  for (Index i = 0; i < n; i++) v[std::size_t(i * (n + 1))] = 1;
  return Tensor::from(v, {n, n});
}
// The upper triangle is not read.
Tensor lower_only(const Tensor& a) {
  std::vector<double> v = a.values();
  for (Index i = 0; i < a.size(0); i++)
    for (Index j = i + 1; j < a.size(0); j++) v[std::size_t(i * a.size(0) + j)] = 1e9;
  return Tensor::from(v, a.shape());
}

class LinalgOn : public OnDevice {};
INSTANTIATE_TEST_SUITE_P(, LinalgOn, testing::ValuesIn(built_backends()), backend_name);

TEST_P(LinalgOn, Cholesky) {
  for (const Index n : {0, 1, 2, 17, 70}) {
    const Tensor x = normals({2 * n + 1, n}, 1), a = ops::matmul(x, x, true);
    const auto l = linalg::cholesky(lower_only(a).to(device()));
    ASSERT_TRUE(l) << n;
    EXPECT_EQ(l->device(), device());
    expect_near(ops::matmul(*l, *l, false, true), a, 1e-11);
    const std::vector<double> v = l->values();
    for (Index i = 0; i < n; i++)
      for (Index j = i + 1; j < n; j++) EXPECT_EQ(v[std::size_t(i * n + j)], 0);
  }
  EXPECT_FALSE(linalg::cholesky(Tensor::zeros({3, 3}, DType::f64, device())));
  EXPECT_FALSE(linalg::cholesky(identity(3).to(device()) * -1));
  // Not before its last pivot.
  EXPECT_FALSE(linalg::cholesky(Tensor::from(std::vector<double>{4, 2, 2, .9}, {2, 2}, device())));
}
TEST(Linalg, SymmetricEigen) {
  for (const Index n : {0, 1, 2, 17, 70}) {
    const Tensor x = normals({n, n}, 2), a = x + ops::transpose(x);
    const linalg::Eigen e = linalg::symmetric_eigen(lower_only(a));
    expect_near(ops::matmul(e.vectors, e.vectors, false, true), identity(n), 1e-13);
    expect_near(ops::matmul(e.vectors, ops::reshape(e.values, {n, 1}) * e.vectors, true), a, 1e-12);
    const std::vector<double> w = e.values.values();
    EXPECT_TRUE(std::is_sorted(w.begin(), w.end()));
  }
}
// x = u diag(s) v^T with rows of orthonormal u, v.
TEST(Linalg, SingularValues) {
  for (const auto& [m, n] : {std::pair{5, 5}, {9, 4}, {4, 9}, {1, 6}, {6, 1}}) {
    const Index k = std::min(m, n);
    const auto rows = [&](Index size) {
      const Tensor x = normals({size, size}, 3);
      return ops::slice(linalg::symmetric_eigen(x + ops::transpose(x)).vectors, 0, 0, k);
    };
    std::vector<double> s;
    for (Index i = 0; i < k; i++) s.push_back(double(k - i) * (i + 1 == k && k > 1 ? 1e-9 : 2));
    const Tensor a = ops::matmul(rows(m), Tensor::from(s, {k, 1}) * rows(n), true);
    expect_near(linalg::singular_values(a), Tensor::from(s, {k}), 1e-13);
  }
  EXPECT_EQ(linalg::singular_values(Tensor::zeros({0, 4}, DType::f64)).numel(), 0);
}
TEST_P(LinalgOn, SymmetricEigenvalues) {
  for (const Index n : {0, 1, 2, 17, 70}) {
    const Tensor x = normals({n, n}, 4), a = x + ops::transpose(x),
                 w = linalg::symmetric_eigenvalues(ops::transpose(lower_only(a)).to(device()));
    EXPECT_EQ(w.device(), device());
    expect_near(w, linalg::symmetric_eigen(a).values, 1e-12);
  }
  expect_near(linalg::symmetric_eigenvalues(Tensor::zeros({5, 5}, DType::f64, device())),
              Tensor::zeros({5}, DType::f64), 0);
}
// Eigenvalues from 1 to 1e-12: the small ones to the rounding of the large.
TEST_P(LinalgOn, IllConditioned) {
  const Index n = 40;
  std::vector<double> w;
  for (Index i = 0; i < n; i++) w.push_back(std::pow(10., -12 * double(n - 1 - i) / double(n - 1)));
  const Tensor x = normals({n, n}, 11), q = linalg::symmetric_eigen(x + ops::transpose(x)).vectors,
               a = ops::matmul(q, Tensor::from(w, {n, 1}) * q, true),
               there = ((a + ops::transpose(a)) * .5).to(device());
  expect_near(linalg::symmetric_eigenvalues(there), Tensor::from(w, {n}), 1e-14);
  const auto l = linalg::cholesky(there);
  ASSERT_TRUE(l);
  expect_near(ops::matmul(*l, *l, false, true), there, 1e-15);
}
TEST_P(LinalgOn, LeavesItsArgument) {
  const Tensor a = (identity(3) * 4).to(device());
  linalg::cholesky(a);
  linalg::symmetric_eigenvalues(a);
  expect_near(a, identity(3) * 4, 0);
}
TEST_P(LinalgOn, Diagonal) {
  expect_near(linalg::diagonal(Tensor::from(std::vector<double>{1, 2, 3, 4}, {2, 2}, device())),
              Tensor::from(std::vector<double>{1, 4}, {2}), 0);
  EXPECT_EQ(linalg::diagonal(Tensor::zeros({0, 0}, DType::f64, device())).numel(), 0);
}
TEST_P(LinalgOn, Refusals) {
  const Tensor floats = Tensor::zeros({2, 2}, DType::f32, device()),
               wide = Tensor::zeros({2, 3}, DType::f64, device());
  const std::string here = concat("float32 on ", device());
  expect_error([&] { linalg::cholesky(floats); }, {"[cholesky]", "a float64 tensor", here});
  expect_error([&] { linalg::cholesky(wide); }, {"[cholesky]", "[n, n]", "[2, 3]"});
  expect_error([&] { linalg::symmetric_eigenvalues(floats); },
               {"[symmetric_eigenvalues]", "a float64 tensor", here});
  expect_error([&] { linalg::symmetric_eigenvalues(wide); },
               {"[symmetric_eigenvalues]", "[n, n]", "[2, 3]"});
  expect_error([&] { linalg::diagonal(wide); }, {"[diagonal]", "[n, n]", "[2, 3]"});
  // The others are of the cpu.
  if (device() != cpu_device)
    expect_error(
        [&] {
          linalg::symmetric_eigen(Tensor::zeros({2, 2}, DType::f64, device()));
        },
        {"[symmetric_eigen]", "float64 tensor on the cpu", concat("float64 on ", device())});
}
TEST(Linalg, PivotedCholesky) {
  for (const auto& [n, rank] : {std::pair{0, 0}, {1, 1}, {6, 0}, {17, 17}, {40, 11}, {300, 270}}) {
    const Tensor x = normals({rank, n}, 5),
                 a = rank ? ops::matmul(x, x, true) : Tensor::zeros({n, n}, DType::f64);
    const linalg::Pivoted p = linalg::pivoted_cholesky(lower_only(a));
    ASSERT_EQ(p.rank(), rank);
    const Tensor f = linalg::factor(p);
    if (rank) expect_near(ops::matmul(f, f, true), a, 1e-10);
    std::vector<double> falls = p.pivots();
    EXPECT_TRUE(std::is_sorted(falls.rbegin(), falls.rend()));
    const std::vector<double> l = p.l.values();
    for (Index i = 0; i < n; i++)
      for (Index j = i + 1; j < rank; j++) EXPECT_EQ(l[std::size_t(i * rank + j)], 0);
    // F s F^T in tiles, of which the upper triangle is there.
    const Tensor y = normals({n, n}, 6), s = y + ops::transpose(y);
    if (!rank) continue;
    const Tensor m = linalg::congruence(p, s),
                 want = ops::matmul(f, ops::matmul(s, f, false, true));
    for (Index i = 0; i < rank; i++)
      for (Index j = i; j < rank; j++)
        EXPECT_NEAR(m.data<double>()[i * rank + j], want.data<double>()[i * rank + j], 1e-8);
  }
}
TEST(Linalg, InverseOfLower) {
  const Tensor x = normals({9, 5}, 7), l = *linalg::cholesky(ops::matmul(x, x, true));
  expect_near(ops::matmul(linalg::inverse_of_lower(l), l), identity(5), 1e-12);
}
TEST(Linalg, Svd) {
  for (const auto& [m, n] : {std::pair{5, 5}, {9, 4}, {4, 9}, {1, 6}, {6, 1}}) {
    const Index k = std::min(m, n);
    const Tensor a = normals({m, n}, 8);
    const linalg::Svd r = linalg::svd(a);
    expect_near(r.s, linalg::singular_values(a), 1e-13);
    expect_near(ops::matmul(r.u, r.u, true), identity(k), 1e-13);
    expect_near(ops::matmul(r.vt, r.vt, false, true), identity(k), 1e-13);
    expect_near(ops::matmul(r.u, ops::reshape(r.s, {k, 1}) * r.vt), a, 1e-13);
  }
}
// Of a real matrix with real and complex eigenvalues; t is triangular and z unitary.
TEST(Linalg, ComplexSchur) {
  using C = std::complex<double>;
  const std::size_t n = 12;
  const Tensor a = normals({12, 12}, 9);
  const linalg::Schur s = linalg::complex_schur(a);
  const double* v = a.data<double>();
  double below = 0, complex = 0;
  for (std::size_t i = 0; i < n; i++)
    for (std::size_t j = 0; j < n; j++) {
      C product = 0, unit = 0;
      for (std::size_t k = 0; k < n; k++) {
        unit += s.z[i * n + k] * std::conj(s.z[j * n + k]);
        for (std::size_t l = 0; l < n; l++)
          product += s.z[k * n + i] * s.t[l * n + k] * std::conj(s.z[l * n + j]);
      }
      EXPECT_NEAR(std::abs(product - v[j * n + i]), 0, 1e-13);
      EXPECT_NEAR(std::abs(unit - double(i == j)), 0, 1e-13);
      if (i > j) below += std::abs(s.t[j * n + i]);
      if (i == j) complex += std::fabs(s.t[j * n + i].imag());
    }
  EXPECT_EQ(below, 0);
  EXPECT_GT(complex, 1);
  C sum = 0, expected = 0;
  for (const C& w : linalg::eigenvalues(a)) sum += w * w;
  for (std::size_t i = 0; i < n; i++) expected += s.t[i * n + i] * s.t[i * n + i];
  EXPECT_NEAR(std::abs(sum - expected), 0, 1e-11);
}
TEST(Linalg, CentredGram) {
  for (const auto& [n, d] : {std::pair{1, 1}, {5, 3}, {70, 300}}) {
    const Tensor x = normals({n, d}, 10), centred = x - ops::mean(x, {0}),
                 want = ops::matmul(centred, centred, true);
    std::vector<double> v = x.values(), mean(std::size_t(d), 7.), sum(std::size_t(d * d), 1.);
    linalg::add_centred_gram(n, d, v.data(), mean.data(), sum.data());
    expect_near(Tensor::from(v, {n, d}), centred, 1e-14);
    expect_near(Tensor::from(mean, {d}), ops::mean(x, {0}), 1e-14);
    for (Index i = 0; i < d; i++)
      for (Index j = 0; j <= i; j++)
        EXPECT_NEAR(sum[std::size_t(i * d + j)], 1 + want.data<double>()[i * d + j], 1e-11);
  }
}
TEST(Linalg, LeavesItsArgument) {
  const Tensor a = identity(3) * 4;
  linalg::symmetric_eigen(a);
  linalg::singular_values(a);
  expect_near(a, identity(3) * 4, 0);
}
TEST(Linalg, Refusals) {
  expect_error(
      [] {
        linalg::symmetric_eigen(Tensor::zeros({2, 2}));
      },
      {"[symmetric_eigen]", "float64 tensor on the cpu", "float32 on cpu"});
  expect_error([] { linalg::singular_values(Tensor::zeros({2}, DType::f64)); },
               {"[singular_values]", "[m, n]", "[2]"});
}

}  // namespace
}  // namespace imago::test
