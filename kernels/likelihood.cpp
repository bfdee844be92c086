#include "kernels/likelihood.h"

#include "kernels/backend.h"

namespace imago::IMAGO_BACKEND {

template <class T>
DEVICE inline T sigmoid(T u) {
  return T(1) / (T(1) + exp(-u));
}

// The row of x that row r reads. Looked up once a row: a division inside a SIMD body would undo it.
DEVICE inline Index x_row(Index r, Index samples) { return samples == 1 ? r : r / samples; }

// --- Bernoulli: du = g (x - sigmoid(u)); second: du = -g a sigmoid'(u), dg = sum a (x -
// sigmoid(u)) -----------------------

template <class T>
void bernoulli_log_prob(Stream s, const Bernoulli<T>& p) {
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const T *u = p.logits + r * p.cols, *x = p.x + x_row(r, p.samples) * p.cols;
        const T sum = row.template sum<T>(p.cols, [=](Index c) {
          return x[c] * u[c] - maximum(T(0), u[c]) - log1p(exp(-fabs(u[c])));
        });
        if (row.serves(0)) p.log_prob[r] = sum;
      });
}

template <class T>
void bernoulli_log_prob_backward(Stream s, const Bernoulli<T>& p) {
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const T *u = p.logits + r * p.cols, *x = p.x + x_row(r, p.samples) * p.cols;
        T* du = p.du + r * p.cols;
        const T g = p.g[r];
        row.each(p.cols, [=](Index c) { du[c] = g * (x[c] - sigmoid(u[c])); });
      });
}

template <class T>
void bernoulli_log_prob_second(Stream s, const Bernoulli<T>& p) {
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const T *u = p.logits + r * p.cols, *x = p.x + x_row(r, p.samples) * p.cols,
                *a = p.to_du + r * p.cols;
        T* du = p.du + r * p.cols;
        const T g = p.g[r];
        const T sum = row.template sum<T>(p.cols, [=](Index c) {
          const T y = sigmoid(u[c]);
          du[c] = -(g * a[c] * (y * (T(1) - y)));
          return a[c] * (x[c] - y);
        });
        if (row.serves(0)) p.dg[r] = sum;
      });
}

// --- densities of a mean and a log scale: value and derivatives at one element

template <class T>
struct Gradient {
  T mean, log_scale;
};

struct GaussianDensity {
  template <class T>
  static DEVICE T log_prob(T x, T mean, T logvar) {
    const T d = x - mean;
    return T(-.5) * (T(1.83787706640934548356) + logvar + d * d * exp(-logvar));  // log 2 pi
  }
  template <class T>
  static DEVICE Gradient<T> gradient(T x, T mean, T logvar) {
    const T d = x - mean, e = d * exp(-logvar);
    return {e, T(.5) * (d * e - T(1))};
  }
};

// sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - e^(b - a)), each factor exact in its
// logarithm, so that bins far from the mean neither underflow nor cancel. Both ends of x's bin are
// worked out, and a tail drops one: a call in a branch would keep SIMD away.
struct LogisticDensity {
  template <class T>
  static DEVICE T log_prob(T x, T mean, T log_scale) {
    const T h = T(1. / 510), k = exp(-log_scale), a = (x - mean + h) * k, b = (x - mean - h) * k;
    const T left = T(1) + exp(-fabs(a)), right = T(1) + exp(-fabs(b)), bin = -expm1(T(-2) * h * k);
    const T bend_left = minimum(a, T(0)), bend_right = maximum(b, T(0));
    const bool low = x<h, high = x> T(1) - h;
    const T ratio = low ? T(1) / left : high ? T(1) / right : bin / (left * right);
    return (high ? T(0) : bend_left) - (low ? T(0) : bend_right) + log(ratio);
  }
  template <class T>
  static DEVICE Gradient<T> gradient(T x, T mean, T log_scale) {
    const T h = T(1. / 510), k = exp(-log_scale), a = (x - mean + h) * k, b = (x - mean - h) * k;
    const T width = T(2) * h * k, da = sigmoid(-a), db = sigmoid(b), dbin = width / expm1(width);
    const bool low = x<h, high = x> T(1) - h;
    const T left = high ? T(0) : da, right = low ? T(0) : db;
    return {k * (right - left), b * right - a * left - (low ? T(0) : high ? T(0) : dbin)};
  }
};

template <Spread L, class T>
DEVICE inline T at(const T* scale, Index c) {
  return scale[L == Spread::one ? 0 : c];
}

// What a row reads.
template <Spread L, class T>
struct RowOf {
  const T *x, *mean, *log_scale;
  DEVICE RowOf(const LocationScale<T>& p, Index r)
      : x(p.x + x_row(r, p.samples) * p.cols),
        mean(p.mean + r * p.cols),
        log_scale(p.log_scale + (L == Spread::each ? r * p.cols : 0)) {}
};

template <class Density, Spread L, class T>
void forward(Stream s, const LocationScale<T>& p) {
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const RowOf<L, T> i(p, r);
        const T sum = row.template sum<T>(p.cols, [=](Index c) {
          return Density::log_prob(i.x[c], i.mean[c], at<L>(i.log_scale, c));
        });
        if (row.serves(0)) p.log_prob[r] = sum;
      });
}

template <class Density, Spread L, class T>
void backward_mean(Stream s, const LocationScale<T>& p) {
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const RowOf<L, T> i(p, r);
        T* dmean = p.dmean + r * p.cols;
        const T g = p.g[r];
        row.each(p.cols, [=](Index c) {
          dmean[c] = g * Density::gradient(i.x[c], i.mean[c], at<L>(i.log_scale, c)).mean;
        });
      });
}

template <class Density, class T>
void backward_each(Stream s, const LocationScale<T>& p) {
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const RowOf<Spread::each, T> i(p, r);
        T *dmean = p.dmean + r * p.cols, *dlog_scale = p.dlog_scale + r * p.cols;
        const T g = p.g[r];
        row.each(p.cols, [=](Index c) {
          const Gradient<T> d = Density::gradient(i.x[c], i.mean[c], i.log_scale[c]);
          dmean[c] = g * d.mean;
          dlog_scale[c] = g * d.log_scale;
        });
      });
}

template <class Density, class T>
void backward_column(Stream s, const LocationScale<T>& p) {
  column_reduce<T>(
      s, p.rows, p.cols,
      KERNEL(Index r, Index c) {
        const RowOf<Spread::column, T> i(p, r);
        return p.g[r] * Density::gradient(i.x[c], i.mean[c], i.log_scale[c]).log_scale;
      },
      KERNEL(Index c, T sum) { p.dlog_scale[c] = sum; });
}

template <class Density, class T>
void backward_one(Stream s, const LocationScale<T>& p) {
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const RowOf<Spread::one, T> i(p, r);
        const T sum = row.template sum<T>(p.cols, [=](Index c) {
          return Density::gradient(i.x[c], i.mean[c], *i.log_scale).log_scale;
        });
        if (row.serves(0)) p.dlog_scale[r] = p.g[r] * sum;
      });
}

template <class Density, class T>
void run_forward(Stream s, const LocationScale<T>& p) {
  switch (p.spread) {
    case Spread::each: return forward<Density, Spread::each>(s, p);
    case Spread::column: return forward<Density, Spread::column>(s, p);
    case Spread::one: return forward<Density, Spread::one>(s, p);
  }
}

template <class Density, class T>
void run_backward(Stream s, const LocationScale<T>& p) {
  if (p.spread == Spread::each && p.dmean && p.dlog_scale) return backward_each<Density>(s, p);
  if (p.dmean) switch (p.spread) {
      case Spread::each: backward_mean<Density, Spread::each>(s, p); break;
      case Spread::column: backward_mean<Density, Spread::column>(s, p); break;
      case Spread::one: backward_mean<Density, Spread::one>(s, p); break;
    }
  if (!p.dlog_scale) return;
  if (p.spread == Spread::column) backward_column<Density>(s, p);
  if (p.spread == Spread::one) backward_one<Density>(s, p);
}

template <class T>
void gaussian_log_prob(Stream s, const LocationScale<T>& p) {
  run_forward<GaussianDensity>(s, p);
}
template <class T>
void gaussian_log_prob_backward(Stream s, const LocationScale<T>& p) {
  run_backward<GaussianDensity>(s, p);
}
template <class T>
void discretized_logistic_log_prob(Stream s, const LocationScale<T>& p) {
  run_forward<LogisticDensity>(s, p);
}
template <class T>
void discretized_logistic_log_prob_backward(Stream s, const LocationScale<T>& p) {
  run_backward<LogisticDensity>(s, p);
}

IMAGO_INSTANTIATE(bernoulli_log_prob, Bernoulli)
IMAGO_INSTANTIATE(bernoulli_log_prob_backward, Bernoulli)
IMAGO_INSTANTIATE(bernoulli_log_prob_second, Bernoulli)
IMAGO_INSTANTIATE(gaussian_log_prob, LocationScale)
IMAGO_INSTANTIATE(gaussian_log_prob_backward, LocationScale)
IMAGO_INSTANTIATE(discretized_logistic_log_prob, LocationScale)
IMAGO_INSTANTIATE(discretized_logistic_log_prob_backward, LocationScale)
}  // namespace imago::IMAGO_BACKEND
