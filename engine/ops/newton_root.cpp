#include "engine/ops/newton_root.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "engine/ops/dispatch.h"
#include "engine/ops/linalg.h"
#include "engine/ops/ops.h"
#include "kernels/gemm.h"
#include "kernels/root.h"

namespace imago::linalg {
namespace {

// x times p(x^2), p(w) = a + b w + c w^2.
struct Polynomial {
  double a, b, c;
  double at(double x) const { return x * (a + x * x * (b + x * x * c)); }
};
struct Minimax {
  Polynomial p;
  double error;
};
// The odd polynomial of degree 5 nearest to 1 on [low, high] (Amsel et al. 2025, Polar Express):
// its error has the same size, with turning sign, at low, at two extrema and at high, which are
// found in turn (Remez).
Minimax nearest_to_one(double low, double high) {
  std::array<double, 4> at{low, (3 * low + high) / 4, (low + 3 * high) / 4, high};
  Minimax m{};
  for (int round = 0; round < 100; round++) {
    double rows[4][5];
    for (int i = 0; i < 4; i++) {
      const double x = at[std::size_t(i)];
      const double row[5] = {x, x * x * x, x * x * x * x * x, i % 2 ? -1. : 1., 1};
      std::copy(row, row + 5, rows[i]);
    }
    for (int i = 0; i < 4; i++) {  // Gauss and Jordan, with pivots
      int best = i;
      for (int k = i; k < 4; k++)
        if (std::fabs(rows[k][i]) > std::fabs(rows[best][i])) best = k;
      std::swap(rows[i], rows[best]);
      for (int k = 0; k < 4; k++) {
        const double factor = rows[k][i] / rows[i][i];
        for (int j = i; k != i && j < 5; j++) rows[k][j] -= factor * rows[i][j];
      }
    }
    const auto x = [&](int i) { return rows[i][4] / rows[i][i]; };
    const double before = m.error;
    m = {{x(0), x(1), x(2)}, x(3)};
    if (std::fabs(m.error - before) < 1e-14) break;
    const auto [a, b, c] = m.p;
    const double root = std::sqrt(9 * b * b - 20 * a * c);
    at[1] = std::sqrt((-3 * b - root) / (10 * c));
    at[2] = std::sqrt((-3 * b + root) / (10 * c));
  }
  return m;
}
// Polynomials that bring all of [low, 1] to 1, to the precision of the dtype.
std::vector<Polynomial> schedule(double low, DType dtype) {
  // An interval wider than this would have large values fall far below 1 for the sake of small
  // ones; the margin is for rounding.
  constexpr double widest = .024, margin = 1.001;
  std::vector<Polynomial> steps;
  for (double high = 1; 1 - low > 1e-2;) {
    const Minimax m = nearest_to_one(std::max(low, widest * high), margin * high);
    steps.push_back(m.p);
    low = std::min(m.p.at(low), 1 - m.error);
    high = 1 + m.error;
  }
  // From 1 - 1e-2: 1.5e-4, 3e-8, 2e-15.
  const int last = dtype == DType::f64 ? 3 : 2;
  for (int i = 0; i < last; i++) steps.push_back({1.5, -.5, 0});
  return steps;
}

template <class T>
class Iteration {
 public:
  Iteration(const Tensor& m)
      : n_(m.size(0)), m_(m), away_(Tensor::empty({n_}, m.dtype(), m.device())) {}

  NewtonRoot run() {
    NewtonRoot r;
    // At least the largest eigenvalue, rounding included.
    r.scale = 1.001 * std::sqrt(ops::sum(ops::square(m_)).item());
    const double eps = std::numeric_limits<T>::epsilon();
    // Rounding of the products, which grows as 1 / resolved^2, must leave the sign of an
    // eigenvalue.
    r.resolved = std::sqrt(16 * std::sqrt(double(n_)) * eps);
    if (r.scale == 0) return zero(std::move(r));
    const Tensor x = m_ / r.scale;
    Tensor y = x, z, w = fresh(), p = fresh(), spare = fresh();
    for (const Polynomial& step : schedule(r.resolved, m_.dtype())) {
      const Tensor& zy = z.defined() ? (multiply(z, y, w), w) : y;
      polynomial(step, zy, p);
      if (step.c != 0) multiply(zy, zy, p, step.c, 1);
      multiply(y, p, spare);
      // x stays: it is wanted at the end.
      y = std::exchange(spare, z.defined() ? y : fresh());
      if (z.defined()) {
        multiply(p, z, spare);
        std::swap(z, spare);
      } else {
        z = std::exchange(p, fresh());
      }
      r.steps++;
    }
    multiply(z, y, w);
    polynomial({0, 0, 0}, w, p);
    r.away = ops::sum(away_).item();
    r.trace = ops::sum(diagonal(y)).item();
    r.inverse_norm = std::sqrt(ops::sum(ops::square(z)).item());
    multiply(w, y, p);
    multiply(z, x, p, -1, 1);
    r.drift = ops::sum(diagonal(p)).item();
    r.drift_norm = std::sqrt(ops::sum(ops::square(p)).item());
    r.root = y;
    r.products = products_;
    return r;
  }

 private:
  NewtonRoot zero(NewtonRoot r) {
    r.root = m_;
    return r;
  }
  Tensor fresh() const { return Tensor::empty({n_, n_}, m_.dtype(), m_.device()); }
  // c = alpha a b + beta c.
  void multiply(const Tensor& a, const Tensor& b, const Tensor& c, double alpha = 1,
                double beta = 0) {
    Gemm<T> g;
    g.m = g.n = g.k = n_;
    g.a = a.data<T>(), g.b = b.data<T>(), g.c = c.data<T>();
    g.alpha = T(alpha), g.beta = T(beta);
    kernels::gemm(c.stream(), g);
    products_++;
  }
  void polynomial(const Polynomial& step, const Tensor& w, const Tensor& p) {
    kernels::root_polynomial(p.stream(), RootPolynomial<T>{n_, T(step.a), T(step.b), w.data<T>(),
                                                           p.data<T>(), away_.data<T>()});
  }
  Index n_;
  Tensor m_, away_;
  int products_ = 0;
};

}  // namespace

NewtonRoot newton_root(const Tensor& m) {
  const NoGrad no_grad;
  if (m.rank() != 2 || m.size(0) != m.size(1) || m.size(0) == 0)
    op_error("newton_root", "[n, n]", concat(m.shape()));
  return ops::with_floating("newton_root", m.dtype(),
                            [&](auto zero) { return Iteration<decltype(zero)>(m.detach()).run(); });
}

}  // namespace imago::linalg
