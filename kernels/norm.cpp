// The double backward pass, with k = to_dweight g and P u = u - <u> - xhat <u xhat>, symmetric:
//   <a, dx> = n rstd (<a h> - <a> <h> - <a xhat> <h xhat>), and rstd and xhat depend on x by
//   d rstd / dx = -rstd^2 xhat / n      d(xhat . u) / dx = rstd P u
// so that  dg = weight rstd P a + to_dweight xhat + to_dbias      dweight = sum g rstd P a
//   dx = -rstd^2 ((<a h> - <a> <h> - 3 <a xhat> <h xhat>) xhat + <h xhat> (a - <a>)
//                 + <a xhat> (h - <h>)) + rstd P k
//
// The variance is taken about a first mean: sums of squares alone lose every digit of one far from
// zero. What is left of the mean about that first one corrects both.
#include "kernels/norm.h"

#include "kernels/backend.h"

namespace imago::IMAGO_BACKEND {

namespace {
// What norm_second knows of a set.
template <class T>
struct SecondSet {
  T mean, rstd, mean_h, mean_hx, mean_a, mean_ax, mean_k;
  T slope;  // of dx along xhat
};
// sums over the set divided by its size: a, a xhat, a h, k, k xhat.
template <class T>
DEVICE inline T second_slope(T rstd, T mean_h, T mean_hx, T a, T ax, T ah, T kx) {
  return -rstd * (rstd * (ah - a * mean_h - T(3) * ax * mean_hx) + kx);
}
template <class T>
DEVICE inline void second_element(const SecondSet<T>& q, T x, T g, T a, T weight, T to_dweight,
                                  T to_dbias, T* dx, T* dg) {
  const T xhat = (x - q.mean) * q.rstd, from_a = a - q.mean_a;
  const T curved = q.mean_hx * from_a + q.mean_ax * (weight * g - q.mean_h);
  *dx = q.slope * xhat + q.rstd * ((to_dweight * g - q.mean_k) - q.rstd * curved);
  *dg = weight * q.rstd * (from_a - xhat * q.mean_ax) + to_dweight * xhat + to_dbias;
}

// --- sets that are rows

template <class T>
void row_norm(Stream s, const Norm<T>& p) {
  for_each_row(
      s, p.batch, p.width, KERNEL(Row row, Index r) {
        const T *x = p.x + r * p.width, *w = p.weight, *b = p.bias;
        T* y = p.y + r * p.width;
        const T n = T(p.width);
        const T about =
            p.centre ? row.template sum<T>(p.width, [=](Index c) { return x[c]; }) / n : T(0);
        const Vec<T, 2> sum = row.template sum<Vec<T, 2>>(p.width, [=](Index c) {
          const T d = x[c] - about;
          return Vec<T, 2>{{d, d * d}};
        });
        const T rest = p.centre ? sum.v[0] / n : T(0), mean = about + rest;
        const T var = sum.v[1] / n - rest * rest, rstd = T(1) / sqrt(var + p.eps);
        row.each(p.width, [=](Index c) { y[c] = (x[c] - mean) * rstd * w[c] + b[c]; });
        if (row.serves(0)) {
          p.mean[r] = mean, p.rstd[r] = rstd;
          if (p.var) p.var[r] = var;
        }
      });
}

template <class T>
void row_norm_backward(Stream s, const Norm<T>& p) {
  for_each_row(
      s, p.batch, p.width, KERNEL(Row row, Index r) {
        const T *x = p.x + r * p.width, *g = p.g + r * p.width, *w = p.weight;
        T* dx = p.dx + r * p.width;
        const T mean = p.mean[r], rstd = p.rstd[r], n = T(p.width);
        const Vec<T, 2> sum = row.template sum<Vec<T, 2>>(p.width, [=](Index c) {
          const T h = w[c] * g[c];
          return Vec<T, 2>{{h, h * ((x[c] - mean) * rstd)}};
        });
        const T mean_h = p.centre ? sum.v[0] / n : T(0), mean_hx = sum.v[1] / n;
        row.each(p.width, [=](Index c) {
          dx[c] = rstd * (w[c] * g[c] - mean_h - (x[c] - mean) * rstd * mean_hx);
        });
        if (row.serves(0)) p.mean_h[r] = mean_h, p.mean_hx[r] = mean_hx;
      });
  if (!p.dweight) return;
  column_reduce<Vec<T, 2>>(
      s, p.batch, p.width,
      KERNEL(Index r, Index c) {
        const Index i = r * p.width + c;
        return Vec<T, 2>{{p.g[i], p.g[i] * ((p.x[i] - p.mean[r]) * p.rstd[r])}};
      },
      KERNEL(Index c, Vec<T, 2> sum) { p.dbias[c] = sum.v[0], p.dweight[c] = sum.v[1]; });
}

template <class T>
void row_norm_second(Stream s, const Norm<T>& p) {
  for_each_row(
      s, p.batch, p.width, KERNEL(Row row, Index r) {
        const Index begin = r * p.width;
        const T *x = p.x + begin, *g = p.g + begin, *a = p.a + begin;
        const T *w = p.weight, *v = p.to_dweight, *u = p.to_dbias;
        T *dx = p.dx + begin, *dg = p.dg + begin;
        SecondSet<T> q{p.mean[r], p.rstd[r], p.mean_h[r], p.mean_hx[r], 0, 0, 0, 0};
        const T mean = q.mean, rstd = q.rstd, n = T(p.width);
        const Vec<T, 4> sum = row.template sum<Vec<T, 4>>(p.width, [=](Index c) {
          return Vec<T, 4>{
              {a[c], a[c] * ((x[c] - mean) * rstd), a[c] * (w[c] * g[c]), v[c] * g[c]}};
        });
        const T sum_kx = row.template sum<T>(
            p.width, [=](Index c) { return v[c] * g[c] * ((x[c] - mean) * rstd); });
        if (p.centre) q.mean_a = sum.v[0] / n, q.mean_k = sum.v[3] / n;
        q.mean_ax = sum.v[1] / n;
        q.slope =
            second_slope(rstd, q.mean_h, q.mean_hx, q.mean_a, q.mean_ax, sum.v[2] / n, sum_kx / n);
        row.each(p.width, [=](Index c) {
          second_element(q, x[c], g[c], a[c], w[c], v[c], u[c], dx + c, dg + c);
        });
        if (row.serves(0)) p.mean_a[r] = q.mean_a, p.mean_ax[r] = q.mean_ax;
      });
  if (!p.dweight) return;
  column_reduce<T>(
      s, p.batch, p.width,
      KERNEL(Index r, Index c) {
        const Index i = r * p.width + c;
        const T xhat = (p.x[i] - p.mean[r]) * p.rstd[r];
        return p.rstd[r] * p.g[i] * (p.a[i] - p.mean_a[r] - xhat * p.mean_ax[r]);
      },
      KERNEL(Index c, T sum) { p.dweight[c] = sum; });
}

// --- sets over many positions: j = b channels + c is where a batch entry's channel is held

template <class T>
void long_norm(Stream s, const Norm<T>& p) {
  const Index channels = p.channels();
  const T n = T(p.positions * p.width);
  column_reduce<T>(
      s, p.batch, p.positions, channels,
      KERNEL(Index b, Index r, Index c) { return p.x[(b * p.positions + r) * channels + c]; },
      KERNEL(Index b, Index c, T sum) { p.work[b * channels + c] = sum; });
  for_each_row(
      s, p.batch * p.groups, p.width, KERNEL(Row row, Index r) {
        const T* sum = p.work + r * p.width;
        T* out = p.mean + r * p.width;
        const T mean = row.template sum<T>(p.width, [=](Index c) { return sum[c]; }) / n;
        row.each(p.width, [=](Index c) { out[c] = mean; });
      });
  column_reduce<Vec<T, 2>>(
      s, p.batch, p.positions, channels,
      KERNEL(Index b, Index r, Index c) {
        const T d = p.x[(b * p.positions + r) * channels + c] - p.mean[b * channels + c];
        return Vec<T, 2>{{d, d * d}};
      },
      KERNEL(Index b, Index c, Vec<T, 2> sum) {
        p.work[b * channels + c] = sum.v[0], p.rstd[b * channels + c] = sum.v[1];
      });
  for_each_row(
      s, p.batch * p.groups, p.width, KERNEL(Row row, Index r) {
        const T* sum = p.work + r * p.width;
        T *mean = p.mean + r * p.width, *rstd = p.rstd + r * p.width;
        const Vec<T, 2> total = row.template sum<Vec<T, 2>>(p.width, [=](Index c) {
          return Vec<T, 2>{{sum[c], rstd[c]}};
        });
        const T rest = total.v[0] / n, var = total.v[1] / n - rest * rest;
        const T scale = T(1) / sqrt(var + p.eps);
        row.each(p.width, [=](Index c) { mean[c] += rest, rstd[c] = scale; });
        if (T* out = p.var ? p.var + r * p.width : nullptr)
          row.each(p.width, [=](Index c) { out[c] = var; });
      });
  for_each(
      s, p.batch * p.positions, channels, KERNEL(Index r, Index c) {
        const Index i = r * channels + c, j = quotient(r, p.positions) * channels + c;
        p.y[i] = (p.x[i] - p.mean[j]) * p.rstd[j] * p.weight[c] + p.bias[c];
      });
}

template <class T>
void long_norm_backward(Stream s, const Norm<T>& p) {
  const Index channels = p.channels();
  const T n = T(p.positions * p.width);
  column_reduce<Vec<T, 2>>(
      s, p.batch, p.positions, channels,
      KERNEL(Index b, Index r, Index c) {
        const Index i = (b * p.positions + r) * channels + c, j = b * channels + c;
        return Vec<T, 2>{{p.g[i], p.g[i] * ((p.x[i] - p.mean[j]) * p.rstd[j])}};
      },
      KERNEL(Index b, Index c, Vec<T, 2> sum) {
        p.sum_g[b * channels + c] = sum.v[0], p.sum_gx[b * channels + c] = sum.v[1];
      });
  for_each_row(
      s, p.batch * p.groups, p.width, KERNEL(Row row, Index r) {
        const Index j = r * p.width;
        const T* w = p.weight + r % p.groups * p.width;
        const Vec<T, 2> sum = row.template sum<Vec<T, 2>>(p.width, [=](Index c) {
          return Vec<T, 2>{{w[c] * p.sum_g[j + c], w[c] * p.sum_gx[j + c]}};
        });
        const T mean_h = sum.v[0] / n, mean_hx = sum.v[1] / n;
        row.each(p.width, [=](Index c) { p.mean_h[j + c] = mean_h, p.mean_hx[j + c] = mean_hx; });
      });
  for_each(
      s, p.batch * p.positions, channels, KERNEL(Index r, Index c) {
        const Index i = r * channels + c, j = quotient(r, p.positions) * channels + c;
        const T xhat = (p.x[i] - p.mean[j]) * p.rstd[j];
        p.dx[i] = p.rstd[j] * (p.weight[c] * p.g[i] - p.mean_h[j] - xhat * p.mean_hx[j]);
      });
  if (!p.dweight) return;
  column_reduce<Vec<T, 2>>(
      s, p.batch, channels,
      KERNEL(Index b, Index c) {
        return Vec<T, 2>{{p.sum_g[b * channels + c], p.sum_gx[b * channels + c]}};
      },
      KERNEL(Index c, Vec<T, 2> sum) { p.dbias[c] = sum.v[0], p.dweight[c] = sum.v[1]; });
}

template <class T>
void long_norm_second(Stream s, const Norm<T>& p) {
  const Index channels = p.channels(), held = p.batch * channels;
  const T n = T(p.positions * p.width);
  T *const sum_a = p.work, *const sum_ax = sum_a + held, *const sum_ag = sum_ax + held,
           *const all_mean_k = sum_ag + held, *const all_slope = all_mean_k + held;
  column_reduce<Vec<T, 3>>(
      s, p.batch, p.positions, channels,
      KERNEL(Index b, Index r, Index c) {
        const Index i = (b * p.positions + r) * channels + c, j = b * channels + c;
        const T a = p.a[i];
        return Vec<T, 3>{{a, a * ((p.x[i] - p.mean[j]) * p.rstd[j]), a * p.g[i]}};
      },
      KERNEL(Index b, Index c, Vec<T, 3> sum) {
        const Index j = b * channels + c;
        sum_a[j] = sum.v[0], sum_ax[j] = sum.v[1], sum_ag[j] = sum.v[2];
      });
  for_each_row(
      s, p.batch * p.groups, p.width, KERNEL(Row row, Index r) {
        const Index j = r * p.width, first = r % p.groups * p.width;
        const T *w = p.weight + first, *v = p.to_dweight + first;
        const Vec<T, 4> sum = row.template sum<Vec<T, 4>>(p.width, [=](Index c) {
          return Vec<T, 4>{
              {sum_a[j + c], sum_ax[j + c], w[c] * sum_ag[j + c], v[c] * p.sum_g[j + c]}};
        });
        const T sum_kx =
            row.template sum<T>(p.width, [=](Index c) { return v[c] * p.sum_gx[j + c]; });
        const T mean_a = sum.v[0] / n, mean_ax = sum.v[1] / n, mean_k = sum.v[3] / n;
        const T slope = second_slope(p.rstd[j], p.mean_h[j], p.mean_hx[j], mean_a, mean_ax,
                                     sum.v[2] / n, sum_kx / n);
        row.each(p.width, [=](Index c) {
          p.mean_a[j + c] = mean_a, p.mean_ax[j + c] = mean_ax;
          all_mean_k[j + c] = mean_k, all_slope[j + c] = slope;
        });
      });
  for_each(
      s, p.batch * p.positions, channels, KERNEL(Index r, Index c) {
        const Index i = r * channels + c, j = quotient(r, p.positions) * channels + c;
        const SecondSet<T> q{p.mean[j],   p.rstd[j],    p.mean_h[j],   p.mean_hx[j],
                             p.mean_a[j], p.mean_ax[j], all_mean_k[j], all_slope[j]};
        second_element(q, p.x[i], p.g[i], p.a[i], p.weight[c], p.to_dweight[c], p.to_dbias[c],
                       p.dx + i, p.dg + i);
      });
  if (!p.dweight) return;
  column_reduce<T>(
      s, p.batch, channels,
      KERNEL(Index b, Index c) {
        const Index j = b * channels + c;
        return p.rstd[j] * (sum_ag[j] - p.mean_a[j] * p.sum_g[j] - p.mean_ax[j] * p.sum_gx[j]);
      },
      KERNEL(Index c, T sum) { p.dweight[c] = sum; });
}
}  // namespace

template <class T>
void norm(Stream s, const Norm<T>& p) {
  p.rows() ? row_norm(s, p) : long_norm(s, p);
}
template <class T>
void norm_backward(Stream s, const Norm<T>& p) {
  p.rows() ? row_norm_backward(s, p) : long_norm_backward(s, p);
}
template <class T>
void norm_second(Stream s, const Norm<T>& p) {
  p.rows() ? row_norm_second(s, p) : long_norm_second(s, p);
}

IMAGO_INSTANTIATE(norm, Norm)
IMAGO_INSTANTIATE(norm_backward, Norm)
IMAGO_INSTANTIATE(norm_second, Norm)
}  // namespace imago::IMAGO_BACKEND
