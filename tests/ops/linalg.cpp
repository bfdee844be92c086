// Factorisations: they multiply back to the matrix, and say what they cannot take.
#include "engine/ops/linalg.h"

#include "engine/ops/ops.h"
#include "tests/errors.h"

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

TEST(Linalg, Cholesky) {
  for (const Index n : {0, 1, 2, 17, 70}) {
    const Tensor x = normals({2 * n + 1, n}, 1), a = ops::matmul(x, x, true);
    const auto l = linalg::cholesky(lower_only(a));
    ASSERT_TRUE(l) << n;
    expect_near(ops::matmul(*l, *l, false, true), a, 1e-11);
    const std::vector<double> v = l->values();
    for (Index i = 0; i < n; i++)
      for (Index j = i + 1; j < n; j++) EXPECT_EQ(v[std::size_t(i * n + j)], 0);
  }
  EXPECT_FALSE(linalg::cholesky(Tensor::zeros({3, 3}, DType::f64)));
  EXPECT_FALSE(linalg::cholesky(identity(3) * -1));
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
TEST(Linalg, LeavesItsArgument) {
  const Tensor a = identity(3) * 4;
  linalg::cholesky(a);
  linalg::symmetric_eigen(a);
  linalg::singular_values(a);
  expect_near(a, identity(3) * 4, 0);
}
TEST(Linalg, Refusals) {
  expect_error(
      [] {
        linalg::cholesky(Tensor::zeros({2, 3}, DType::f64));
      },
      {"[cholesky]", "[n, n]", "[2, 3]"});
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
