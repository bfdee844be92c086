#include "models/measures/frechet_peers.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "engine/ops/linalg.h"
#include "engine/ops/ops.h"
#include "engine/train/named.h"
#include "models/measures/frechet.h"

namespace imago::models {

namespace {

using Complex = std::complex<double>;

// The root of upper triangular t [n * n], column-major, in its place. False where it has none.
// Column by column (Bjorck and Hammarling 1983), by axpys of whole columns.
template <class T>
bool triangular_root(std::size_t n, T* t) {
  for (std::size_t j = 0; j < n; j++) {
    T* column = t + j * n;
    column[j] = std::sqrt(column[j]);
    for (std::size_t i = j; i-- > 0;) {
      const T* left = t + i * n;
      const T sum = left[i] + column[j];
      if (sum == T(0) && column[i] != T(0)) return false;
      column[i] = sum == T(0) ? T(0) : column[i] / sum;
      const T r = column[i];
      for (std::size_t k = 0; k < i; k++) column[k] -= left[k] * r;
    }
  }
  return true;
}

struct Diagonal {
  double trace = 0, imaginary = 0;  // of the root; its largest imaginary part on the diagonal
};
std::optional<Diagonal> root_diagonal(const Tensor& product) {
  const auto n = std::size_t(product.size(0));
  linalg::Schur s = linalg::complex_schur(product);
  bool real = true;
  for (std::size_t j = 0; j < n; j++)
    for (std::size_t i = 0; i <= j; i++)
      real = real && s.t[j * n + i].imag() == 0 && (i < j || s.t[j * n + i].real() >= 0);
  Diagonal d;
  if (real) {
    std::vector<double> t;
    for (const Complex& v : s.t) t.push_back(v.real());
    if (!triangular_root(n, t.data())) return {};
    for (std::size_t i = 0; i < n; i++) d.trace += t[i * n + i];
    return d;
  }
  if (!triangular_root(n, s.t.data())) return {};
  // The diagonal of z r z^H: that of (z r) z^H.
  std::vector<Complex> diagonal(n), product_column(n);
  for (std::size_t j = 0; j < n; j++) {
    std::fill(product_column.begin(), product_column.end(), 0.);
    for (std::size_t k = 0; k <= j; k++)
      for (std::size_t i = 0; i < n; i++) product_column[i] += s.z[k * n + i] * s.t[j * n + k];
    for (std::size_t i = 0; i < n; i++)
      diagonal[i] += product_column[i] * std::conj(s.z[j * n + i]);
  }
  for (const Complex& v : diagonal) {
    d.trace += v.real();
    d.imaginary = std::max(d.imaginary, std::fabs(v.imag()));
  }
  return d;
}

Tensor with_jitter(const Tensor& covariance) {
  const Index n = covariance.size(0);
  std::vector<double> v = covariance.values();
  for (Index i = 0; i < n; i++) v[std::size_t(i * (n + 1))] += 1e-6;
  return Tensor::from(v, {n, n});
}

}  // namespace

double trace_of_sqrtm(const Tensor& a, const Tensor& b, std::string& method, bool as_pytorch_fid) {
  method = "sqrtm";
  std::optional<Diagonal> d = root_diagonal(ops::matmul(a, b));
  if (!d && as_pytorch_fid) {
    method = "sqrtm with 1e-6 I added";
    d = root_diagonal(ops::matmul(with_jitter(a), with_jitter(b)));
  }
  if (!d)
    throw Error(ErrorKind::data,
                {"the product of the covariances has no square root", "sqrtm of SciPy", "a root",
                 "a division by 0", "take the exact trace"});
  if (as_pytorch_fid && d->imaginary > 1e-3)
    throw Error(ErrorKind::data,
                {"imaginary parts of the root of the covariances", "sqrtm of pytorch-fid",
                 "at most 1e-3", concat(d->imaginary), "take the exact trace"});
  return d->trace;
}

double trace_of_eigvals(const Tensor& a, const Tensor& b, std::string& method) {
  method = "eigvals";
  double trace = 0;
  for (const Complex& w : linalg::eigenvalues(ops::matmul(a, b))) trace += std::sqrt(w).real();
  return trace;
}

const std::vector<FrechetTool>& frechet_tools() {
  static const std::vector<FrechetTool> all = {
      {"imago", {}, {}},
      {"products", {}, {.trace = TraceRoot::products}},
      {"pytorch-fid", {}, {.trace = TraceRoot::sqrtm}},
      {"clean-fid", {.float32_mean = true}, {.trace = TraceRoot::sqrtm, .float32_mean = true}},
      {"torch-fidelity",
       {.float32_mean = true},
       {.trace = TraceRoot::eigvals, .float32_mean = true}},
      {"nvlabs", {.ddof = 0}, {.trace = TraceRoot::sqrtm_real}},
  };
  return all;
}
const FrechetTool& frechet_tool(const std::string& name) {
  return training::named(frechet_tools(), name, ErrorKind::usage, "no such way of computing it",
                         "Frechet distance", {});
}

}  // namespace imago::models
