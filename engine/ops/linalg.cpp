#include "engine/ops/linalg.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/ops.h"
#include "kernels/linalg.h"

namespace imago::linalg {
namespace {

// A copy to work in.
Tensor checked(const char* op, const Tensor& a, bool square, bool anywhere = false) {
  if (a.dtype() != DType::f64 || (!anywhere && a.device() != cpu_device))
    op_error(op, concat("a float64 tensor", anywhere ? "" : " on the cpu"),
             concat(a.dtype(), " on ", a.device()));
  if (a.rank() != 2 || (square && a.size(0) != a.size(1)))
    op_error(op, square ? "[n, n]" : "[m, n]", concat(a.shape()));
  const Tensor copy = Tensor::empty(a.shape(), DType::f64, a.device());
  copy.copy_(a.detach());
  return copy;
}

}  // namespace

std::optional<Tensor> cholesky(const Tensor& a) {
  const Tensor l = checked("cholesky", a, true, true);
  bool definite = false;
  kernels::cholesky(l.stream(), l.size(0), l.data<double>(), &definite);
  if (!definite) return {};
  return l;
}

std::vector<double> Pivoted::pivots() const {
  std::vector<double> p;
  const double* v = l.data<double>();
  for (Index i = 0; i < rank(); i++) p.push_back(v[i * rank() + i]);
  return p;
}
Pivoted pivoted_cholesky(const Tensor& a) {
  const Tensor work = checked("pivoted_cholesky", a, true);
  const Index n = work.size(0);
  const double* from = work.data<double>();
  double most = 0;
  for (Index i = 0; i < n; i++) most = std::max(most, from[i * n + i]);
  std::vector<Index> order(static_cast<std::size_t>(n));
  const Index rank = host::pivoted_cholesky(
      n, work.data<double>(), double(n) * std::numeric_limits<double>::epsilon() * most,
      order.data());
  if (rank == n) return {work, std::move(order)};
  const Tensor l = Tensor::empty({n, rank}, DType::f64);
  for (Index i = 0; i < n; i++) std::copy_n(from + i * n, rank, l.data<double>() + i * rank);
  return {l, std::move(order)};
}
Tensor congruence(const Pivoted& p, const Tensor& s) {
  const Index n = p.l.size(0), r = p.rank();
  if (s.shape() != Shape{n, n})
    op_error("congruence", concat("[", n, ", ", n, "]"), concat(s.shape()));
  const Tensor from = checked("congruence", s, true), to = Tensor::empty({n, n}, DType::f64),
               t = Tensor::empty({n, r}, DType::f64), m = Tensor::zeros({r, r}, DType::f64);
  const double* v = from.data<double>();
  double* w = to.data<double>();
  for (Index i = 0; i < n; i++)
    for (Index j = 0; j < n; j++)
      w[i * n + j] = v[p.order[std::size_t(i)] * n + p.order[std::size_t(j)]];
  host::congruence(n, r, p.l.data<double>(), w, t.data<double>(), m.data<double>());
  return m;
}
Tensor factor(const Pivoted& p) {
  const Index n = p.l.size(0), r = p.rank();
  const Tensor f = Tensor::empty({r, n}, DType::f64);
  for (Index i = 0; i < n; i++)
    for (Index j = 0; j < r; j++)
      f.data<double>()[j * n + p.order[std::size_t(i)]] = p.l.data<double>()[i * r + j];
  return f;
}
Tensor diagonal(const Tensor& a) {
  if (a.rank() != 2 || a.size(0) != a.size(1)) op_error("diagonal", "[n, n]", concat(a.shape()));
  const Index n = a.size(0);
  std::vector<std::int64_t> places;
  for (Index i = 0; i < n; i++) places.push_back(i * (n + 1));
  return ops::reshape(
      ops::gather_rows(ops::reshape(a, {n * n, 1}), Tensor::from(places, {n}, a.device())), {n});
}
Tensor inverse_of_lower(const Tensor& l) {
  const Tensor inverse = checked("inverse_of_lower", l, true);
  host::invert_lower(l.size(0), inverse.data<double>());
  return inverse;
}

Eigen symmetric_eigen(const Tensor& a) {
  const Tensor vectors = checked("symmetric_eigen", a, true),
               values = Tensor::empty({a.size(0)}, DType::f64);
  host::symmetric_eigen(a.size(0), vectors.data<double>(), values.data<double>());
  return {values, vectors};
}
Tensor symmetric_eigenvalues(const Tensor& a) {
  const Tensor work = checked("symmetric_eigenvalues", a, true, true),
               values = Tensor::empty({a.size(0)}, DType::f64, a.device());
  kernels::symmetric_eigenvalues(values.stream(), a.size(0), work.data<double>(),
                                 values.data<double>());
  return values;
}
Tensor singular_values(const Tensor& a) {
  const Tensor work = checked("singular_values", a, false),
               s = Tensor::empty({std::min(a.size(0), a.size(1))}, DType::f64);
  host::singular_values(a.size(0), a.size(1), work.data<double>(), s.data<double>());
  return s;
}
Svd svd(const Tensor& a) {
  const Tensor work = checked("svd", a, false);
  const Index m = a.size(0), n = a.size(1), k = std::min(m, n);
  const Svd r{Tensor::empty({m, k}, DType::f64), Tensor::empty({k}, DType::f64),
              Tensor::empty({k, n}, DType::f64)};
  host::svd(m, n, work.data<double>(), r.s.data<double>(), r.u.data<double>(), r.vt.data<double>());
  return r;
}

std::vector<std::complex<double>> eigenvalues(const Tensor& a) {
  const Tensor work = checked("eigenvalues", a, true);
  const auto n = std::size_t(a.size(0));
  std::vector<double> re(n), im(n);
  host::eigenvalues(Index(n), work.data<double>(), re.data(), im.data());
  std::vector<std::complex<double>> w;
  for (std::size_t i = 0; i < n; i++) w.emplace_back(re[i], im[i]);
  return w;
}
Schur complex_schur(const Tensor& a) {
  const Tensor work = checked("complex_schur", a, true),
               vectors = Tensor::empty(a.shape(), DType::f64);
  const auto n = std::size_t(a.size(0));
  std::vector<double> re(n), im(n);
  host::schur(Index(n), work.data<double>(), vectors.data<double>(), re.data(), im.data());
  Schur s;
  s.t.assign(work.data<double>(), work.data<double>() + n * n);
  s.z.assign(vectors.data<double>(), vectors.data<double>() + n * n);
  using C = std::complex<double>;
  const auto t = [&](std::size_t i, std::size_t j) -> C& { return s.t[j * n + i]; };
  const auto z = [&](std::size_t i, std::size_t j) -> C& { return s.z[j * n + i]; };
  // A rotation for each 2 x 2 block, from the last on.
  for (std::size_t m = n; m-- > 1;) {
    if (t(m, m - 1) == 0.) continue;
    // The block's eigenvalues less its last element: mu.
    const C p = t(m - 1, m - 1), q = t(m, m), half = (p + q) / 2.,
            root = std::sqrt((p - q) * (p - q) / 4. + t(m - 1, m) * t(m, m - 1)),
            mu = half + root - q;
    const double r = std::hypot(std::abs(mu), std::abs(t(m, m - 1)));
    const C c = mu / r, e = t(m, m - 1) / r;
    for (std::size_t j = m - 1; j < n; j++) {
      const C x = t(m - 1, j), y = t(m, j);
      t(m - 1, j) = std::conj(c) * x + e * y;
      t(m, j) = -e * x + c * y;
    }
    for (std::size_t i = 0; i <= m; i++) {
      const C x = t(i, m - 1), y = t(i, m);
      t(i, m - 1) = x * c + y * std::conj(e);
      t(i, m) = -x * std::conj(e) + y * std::conj(c);
    }
    for (std::size_t i = 0; i < n; i++) {
      const C x = z(i, m - 1), y = z(i, m);
      z(i, m - 1) = x * c + y * std::conj(e);
      z(i, m) = -x * std::conj(e) + y * std::conj(c);
    }
    t(m, m - 1) = 0;
  }
  return s;
}

void add_centred_gram(Index n, Index d, double* x, double* mean, double* scatter) {
  host::add_centred_gram(n, d, x, mean, scatter);
}

}  // namespace imago::linalg
