// To N(0, I):  kl = sum (mu^2 + e^l - 1 - l) / 2        dmu = g mu         dl = g (e^l - 1) / 2
// To another:  kl = sum (e^d - 1 - d + m^2 e^-l2) / 2   with d = l1 - l2, m = mu1 - mu2
//   dmu1 = -dmu2 = g m e^-l2    dl1 = g (e^d - 1) / 2   dl2 = -g (e^d - 1 + m^2 e^-l2) / 2
// exp(l) - 1 where expm1 would keep more digits near l = 0: that error, 6e-8 nats, is below the
// sum's own, and expm1 costs twice as much.
#include "kernels/gaussian.h"

#include "kernels/backend.h"

namespace imago::IMAGO_BACKEND {

template <class T>
void gaussian_kl(Stream s, const GaussianKl<T>& p) {
  row_reduce<T>(
      s, p.rows, p.cols,
      KERNEL(Index r, Index c) {
        const T m = p.mu[r * p.cols + c], l = p.logvar[r * p.cols + c];
        return T(.5) * (m * m + (exp(l) - T(1) - l));
      },
      KERNEL(Index r, T sum) { p.kl[r] = sum; });
}

template <class T>
void gaussian_kl_backward(Stream s, const GaussianKl<T>& p) {
  for_each(
      s, p.rows, p.cols, KERNEL(Index r, Index c) {
        const Index i = r * p.cols + c;
        p.dmu[i] = p.g[r] * p.mu[i];
        p.dlogvar[i] = p.g[r] * T(.5) * (exp(p.logvar[i]) - T(1));
      });
}

template <class T>
void gaussian_kl_second(Stream s, const GaussianKl<T>& p) {
  row_reduce<T>(
      s, p.rows, p.cols,
      KERNEL(Index r, Index c) {
        const Index i = r * p.cols + c;
        const T a = p.to_dmu[i], b = T(.5) * p.to_dlogvar[i], e = exp(p.logvar[i]) - T(1),
                g = p.g[r];
        p.dmu[i] = g * a;
        p.dlogvar[i] = g * b * (e + T(1));
        return a * p.mu[i] + b * e;
      },
      KERNEL(Index r, T sum) { p.dg[r] = sum; });
}

template <class T>
void gaussian_kl_pair(Stream s, const GaussianKlPair<T>& p) {
  row_reduce<T>(
      s, p.rows, p.cols,
      KERNEL(Index r, Index c) {
        const Index i = r * p.cols + c;
        const T m = p.mu1[i] - p.mu2[i], d = p.logvar1[i] - p.logvar2[i];
        return T(.5) * ((exp(d) - T(1) - d) + m * m * exp(-p.logvar2[i]));
      },
      KERNEL(Index r, T sum) { p.kl[r] = sum; });
}

template <class T>
void gaussian_kl_pair_backward(Stream s, const GaussianKlPair<T>& p) {
  for_each(
      s, p.rows, p.cols, KERNEL(Index r, Index c) {
        const Index i = r * p.cols + c;
        const T m = p.mu1[i] - p.mu2[i], e = exp(p.logvar1[i] - p.logvar2[i]) - T(1),
                h = T(.5) * p.g[r];
        const T precision_m = m * exp(-p.logvar2[i]);
        p.dmu1[i] = p.g[r] * precision_m;
        p.dmu2[i] = -(p.g[r] * precision_m);
        p.dlogvar1[i] = h * e;
        p.dlogvar2[i] = -(h * (e + m * precision_m));
      });
}

IMAGO_INSTANTIATE(gaussian_kl, GaussianKl)
IMAGO_INSTANTIATE(gaussian_kl_backward, GaussianKl)
IMAGO_INSTANTIATE(gaussian_kl_second, GaussianKl)
IMAGO_INSTANTIATE(gaussian_kl_pair, GaussianKlPair)
IMAGO_INSTANTIATE(gaussian_kl_pair_backward, GaussianKlPair)
}  // namespace imago::IMAGO_BACKEND
