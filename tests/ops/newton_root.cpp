// The square root by products: it multiplies back, its figures say how good it is, and its fused
// kernel is the plain formula.
#include "engine/ops/newton_root.h"

#include <cmath>

#include "engine/ops/linalg.h"
#include "engine/ops/ops.h"
#include "kernels/root.h"
#include "tests/errors.h"

namespace imago::test {
namespace {

// Q diag(w) Q^T with a random basis.
Tensor of_spectrum(const std::vector<double>& w, std::uint64_t seed) {
  const Index n = Index(w.size());
  Generator g{seed};
  const Tensor x = ops::randn({n, n}, g, DType::f64);
  const Tensor q = linalg::symmetric_eigen(x + ops::transpose(x)).vectors;
  return ops::matmul(q, Tensor::from(w, {n, 1}) * q, true);
}
double norm(const Tensor& x) { return std::sqrt(ops::sum(ops::square(x)).item()); }

TEST(NewtonRoot, MultipliesBack) {
  for (const Device device : devices())
    for (const DType dtype : {DType::f64, DType::f32})
      for (const Index n : {1, 2, 33}) {
        SCOPED_TRACE(concat(name(device), " ", name(dtype), " ", n));
        std::vector<double> w;
        for (Index i = 0; i < n; i++) w.push_back(4 * std::pow(.9, double(i)));
        const Tensor m = ops::cast(of_spectrum(w, 1), dtype).to(device);
        const linalg::NewtonRoot r = linalg::newton_root(m);
        const double eps = dtype == DType::f64 ? 1e-14 : 1e-5;
        EXPECT_LT(norm(ops::matmul(r.root, r.root) * r.scale - m), eps * norm(m));
        double trace = 0, inverse = 0;
        for (const double v : w) trace += std::sqrt(v), inverse += 1 / v;
        EXPECT_NEAR(r.trace * std::sqrt(r.scale), trace, eps * trace);
        EXPECT_NEAR(r.inverse_norm / std::sqrt(r.scale), std::sqrt(inverse), eps * inverse);
        EXPECT_LT(r.away, eps);
        EXPECT_LT(r.drift_norm, eps);
        EXPECT_GT(r.products, 10);
      }
}
// Eigenvalues below what it resolves are counted, one each.
TEST(NewtonRoot, CountsWhatItDoesNotFind) {
  for (const Device device : devices()) {
    std::vector<double> w(20, 1.);
    for (std::size_t i = 0; i < 7; i++) w[i] = 0;
    const linalg::NewtonRoot r = linalg::newton_root(of_spectrum(w, 2).to(device));
    EXPECT_NEAR(r.away, 7, .5) << name(device);
    EXPECT_NEAR(r.trace * std::sqrt(r.scale), 13, 1e-5);
    EXPECT_GT(r.inverse_norm, .1 / r.resolved);
  }
}
TEST(NewtonRoot, Refusals) {
  expect_error(
      [] {
        linalg::newton_root(Tensor::zeros({2, 3}));
      },
      {"[newton_root]", "[n, n]", "[2, 3]"});
  expect_error(
      [] {
        linalg::newton_root(Tensor::zeros({2, 2}, DType::i64));
      },
      {"[newton_root]", "float"});
  EXPECT_EQ(linalg::newton_root(Tensor::zeros({2, 2})).trace, 0);
}
// Not a root of anything: no promise but figures that say so.
TEST(NewtonRoot, OfAnIndefiniteMatrix) {
  const linalg::NewtonRoot r = linalg::newton_root(of_spectrum({1, 1, -1}, 3));
  EXPECT_FALSE(r.away < .5);
}

template <class T>
void polynomial(Device device) {
  for (const Index n : {1, 7, 130}) {
    Generator g{5};
    const Tensor w = ops::randn({n, n}, g, dtype_of<T>(), device),
                 p = Tensor::empty({n, n}, dtype_of<T>(), device),
                 away = Tensor::empty({n}, dtype_of<T>(), device);
    kernels::root_polynomial(
        p.stream(), RootPolynomial<T>{n, T(1.5), T(-.5), w.data<T>(), p.data<T>(), away.data<T>()});
    const std::vector<double> x = w.values(), y = p.values(), a = away.values();
    for (Index r = 0; r < n; r++) {
      double sum = 0;
      for (Index c = 0; c < n; c++) {
        const double v = x[std::size_t(r * n + c)], one = r == c;
        EXPECT_NEAR(y[std::size_t(r * n + c)], 1.5 * one - .5 * v, 1e-6);
        sum += (v - one) * (v - one);
      }
      EXPECT_NEAR(a[std::size_t(r)], sum, 1e-6 * (1 + sum));
    }
  }
}
TEST(NewtonRoot, Polynomial) {
  for (const Device device : devices()) polynomial<float>(device), polynomial<double>(device);
}

}  // namespace
}  // namespace imago::test
