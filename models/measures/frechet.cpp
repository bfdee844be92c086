#include "models/measures/frechet.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "engine/ops/linalg.h"
#include "engine/ops/newton_root.h"
#include "engine/ops/ops.h"
#include "models/measures/frechet_peers.h"
#include "models/measures/rows.h"

namespace imago::models {

namespace {

double trace(const Tensor& square) {
  const double* v = square.data<double>();
  double t = 0;
  for (Index i = 0; i < square.size(0); i++) t += v[i * (square.size(0) + 1)];
  return t;
}
// Moments in units in which the covariance's trace is near 1: products of two such neither overflow
// nor vanish. A power of 2, so that nothing is rounded.
struct InUnits {
  Moments m;
  double unit = 1;
  explicit InUnits(const Moments& moments) : m(moments) {
    const double t = trace(m.covariance);
    if (!(t > 0) || !std::isfinite(t)) return;
    unit = std::ldexp(1, std::ilogb(t) / 2);
    m.covariance = m.covariance / unit / unit;
    if (m.rows.defined()) m.rows = m.rows / unit;
  }
};
double sum_of_log_squares(const std::vector<double>& v) {
  double s = 0;
  for (const double x : v) s += 2 * std::log(x);
  return s;
}

// What a covariance is known by: its rows, or its pivoted factor.
struct Factor {
  const Moments& m;
  linalg::Pivoted cholesky = {};
  explicit Factor(const Moments& moments) : m(moments) {
    if (!m.rows.defined()) cholesky = linalg::pivoted_cholesky(m.covariance);
  }
  Tensor rows() const { return m.rows.defined() ? m.rows : linalg::factor(cholesky); }
  bool full() const { return cholesky.l.defined() && cholesky.rank() == m.covariance.size(0); }
  std::string word() const {
    if (m.rows.defined()) return "samples";
    return full() ? "cholesky" : concat("rank ", cholesky.rank());
  }
  // How far the pivots fall, as a share of the first: the less, the better graded is a product by
  // it.
  double fall() const {
    const std::vector<double> p = cholesky.pivots();
    return p.empty() ? 0 : p.back() / p.front();
  }
};

struct Root {
  double trace;
  bool good;
};
// Of eigenvalues w, rising, of L^T S L, with d rows of L; log_determinant is by the covariances'
// factors, NaN where one is singular.
Root of_eigenvalues(const std::vector<double>& w, Index d, double log_determinant, double traces) {
  if (w.empty()) return {0, true};
  const double rounding =
      std::sqrt(double(d)) * std::numeric_limits<double>::epsilon() * std::max(w.back(), 0.);
  double root = 0, error = 0, logs = 0;
  for (const double v : w) {
    root += std::sqrt(std::max(v, 0.));
    error += rounding > 0 ? rounding / std::sqrt(std::max(v, rounding)) : 0;
    logs += std::log(std::max(v, 0.));
  }
  // The determinant knows of every eigenvalue's relative error.
  return {root, 2 * error <= 1e-9 * traces || std::fabs(logs - log_determinant) <= .1};
}
Root by_eigenvalues(const Factor& a, const Factor& b, double traces) {
  const bool first = a.cholesky.rank() != b.cholesky.rank() ? a.cholesky.rank() < b.cholesky.rank()
                                                            : a.fall() <= b.fall();
  const std::vector<double> w =
      linalg::symmetric_eigenvalues(first ? linalg::congruence(a.cholesky, b.m.covariance)
                                          : linalg::congruence(b.cholesky, a.m.covariance))
          .to_vector<double>();
  const double log_determinant = a.full() && b.full() ? sum_of_log_squares(a.cholesky.pivots()) +
                                                            sum_of_log_squares(b.cholesky.pivots())
                                                      : NAN;
  return of_eigenvalues(w, a.m.covariance.size(0), log_determinant, traces);
}

// By factors without pivots, on a device. Nothing where a covariance is singular by what the
// pivoted factor calls so, or the eigenvalues are not good.
std::optional<double> on_device(const Moments& a, const Moments& b, double traces, Device device) {
  if (a.rows.defined() || b.rows.defined()) return {};
  const Index d = a.covariance.size(0);
  std::optional<Tensor> l;
  double log_determinant = 0;
  for (const Moments* m : {&a, &b}) {
    l = linalg::cholesky(m->covariance.to(device));
    if (!l) return {};
    const std::vector<double> pivots = linalg::diagonal(*l).to_vector<double>(),
                              variances = linalg::diagonal(m->covariance).to_vector<double>();
    const double least = *std::min_element(pivots.begin(), pivots.end()),
                 most = *std::max_element(variances.begin(), variances.end());
    if (least * least <= double(d) * std::numeric_limits<double>::epsilon() * most) return {};
    log_determinant += sum_of_log_squares(pivots);
  }
  const Tensor product = ops::matmul(*l, ops::matmul(a.covariance.to(device), *l), true);
  const Root r = of_eigenvalues(linalg::symmetric_eigenvalues(product).to_vector<double>(), d,
                                log_determinant, traces);
  if (!r.good) return {};
  return r.trace;
}

void on_cpu(const Moments& a, const Moments& b, double traces, Frechet& f) {
  const Factor fa(a), fb(b);
  f.method = fa.word() == fb.word() ? fa.word() : fa.word() + ", " + fb.word();
  if (!a.rows.defined() && !b.rows.defined()) {
    const Root r = by_eigenvalues(fa, fb, traces);
    f.trace_of_root = r.trace;
    if (r.good) return;
    f.method += ", singular values";
  }
  f.trace_of_root = 0;
  for (const double s :
       linalg::singular_values(ops::matmul(fa.rows(), fb.rows(), false, true)).to_vector<double>())
    f.trace_of_root += s;
}

void exact(const Moments& a, const Moments& b, double traces, Device device, Frechet& f) {
  if (device == cpu_device) return on_cpu(a, b, traces, f);
  if (const std::optional<double> root = on_device(a, b, traces, device)) {
    f.trace_of_root = *root;
    f.method = concat("cholesky on ", device);
    return;
  }
  on_cpu(a, b, traces, f);
  f.method += concat(", not on ", device);
}

// The residual adds up, for each of the two roots, what the last iterate shows of its error, the
// eigenvalues that are not found at the most they can be, and the rounding of the matrix itself as
// noise. That of the first root r reaches the trace by |r - S1^(1/2)| |S2^(1/2)| at most.
void by_products(const Moments& a, const Moments& b, double traces, const FrechetOptions& o,
                 Frechet& f) {
  const auto there = [&](const Tensor& t) { return ops::cast(t, o.dtype).to(o.device); };
  const linalg::NewtonRoot half = linalg::newton_root(there(a.covariance));
  const Tensor root = half.root * std::sqrt(half.scale),
               m = ops::matmul(root, ops::matmul(there(b.covariance), root));
  const linalg::NewtonRoot whole = linalg::newton_root((m + ops::transpose(m)) * .5);
  f.trace_of_root = whole.trace * std::sqrt(whole.scale);
  const double eps = o.dtype == DType::f64 ? std::numeric_limits<double>::epsilon()
                                           : double(std::numeric_limits<float>::epsilon());
  const double of_half = half.drift_norm / 2 + 2 * std::sqrt(half.away) * half.resolved +
                         eps * half.inverse_norm,
               of_whole = std::fabs(whole.drift) / 2 + 4 * whole.away * whole.resolved +
                          2 * eps * whole.inverse_norm;
  f.residual =
      2 *
      (of_half * std::sqrt(half.scale * trace(b.covariance)) + of_whole * std::sqrt(whole.scale)) /
      traces;
  f.method = "products";
}

double squared_distance(const Tensor& a, const Tensor& b, bool float32) {
  const double *x = a.data<double>(), *y = b.data<double>();
  double s = 0;
  for (Index i = 0; i < a.numel(); i++) {
    const double difference = float32 ? double(float(x[i]) - float(y[i])) : x[i] - y[i];
    s += difference * difference;
  }
  return float32 ? double(float(s)) : s;
}

}  // namespace

Frechet frechet_distance(const Moments& a, const Moments& b, const FrechetOptions& options) {
  const NoGrad no_grad;
  if (a.mean.shape() != b.mean.shape())
    throw Error(ErrorKind::usage, {"the numbers of features differ", "Frechet distance",
                                   concat(a.mean.numel()), concat(b.mean.numel())});
  const double traces = trace(a.covariance) + trace(b.covariance);
  Frechet f;
  f.mean_term = squared_distance(a.mean, b.mean, options.float32_mean);
  check_finite(f.mean_term + traces, options.where);
  const auto in_units = [&](const auto& root_of) {
    const InUnits p(a), q(b);
    root_of(p.m, q.m, traces / p.unit / q.unit);
    f.trace_of_root *= p.unit * q.unit;
  };
  const auto exactly = [&](const Moments& p, const Moments& q, double t) {
    exact(p, q, t, options.device, f);
  };
  switch (options.trace) {
    case TraceRoot::exact: in_units(exactly); break;
    case TraceRoot::products:
      in_units(
          [&](const Moments& p, const Moments& q, double t) { by_products(p, q, t, options, f); });
      if (f.residual <= options.tolerance) break;  // not where it is NaN
      in_units(exactly);
      f.method += ", not products";
      break;
    case TraceRoot::sqrtm:
    case TraceRoot::sqrtm_real:
      f.trace_of_root =
          trace_of_sqrtm(a.covariance, b.covariance, f.method, options.trace == TraceRoot::sqrtm);
      break;
    case TraceRoot::eigvals:
      f.trace_of_root = trace_of_eigvals(a.covariance, b.covariance, f.method);
      break;
  }
  f.distance = f.mean_term + traces - 2 * f.trace_of_root;
  check_finite(f.distance, options.where);
  return f;
}

Frechet frechet_distance(const Tensor& x, const Tensor& y) {
  const auto moments = [](const Tensor& t, const char* where) {
    if (t.rank() != 2)
      throw Error(ErrorKind::usage, {"wrong features", where, "[N, D]", concat(t.shape())});
    MomentSum s(t.size(1), where);
    s.add(t);
    return s.moments();
  };
  return frechet_distance(moments(x, "the first features"), moments(y, "the second features"));
}

}  // namespace imago::models
