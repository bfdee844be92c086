#include "kernels/reparameterize.h"

#include "kernels/backend.h"

namespace imago::IMAGO_BACKEND {

// One sample is flat: no rows to find, and no short SIMD loops where cols is small.
template <class T>
void reparameterize(Stream s, const Reparameterize<T>& p) {
  if (p.samples == 1)
    return for_each_normal(
        s, p.groups * p.cols, p.key,
        KERNEL(Index i, float e) { p.z[i] = fma(exp(T(.5) * p.logvar[i]), T(e), p.mu[i]); });
  for_each_normal(
      s, p.groups, p.samples, p.cols, p.key, KERNEL(Index b, Index r, Index c, float e) {
        const Index i = b * p.cols + c;
        p.z[r * p.cols + c] = fma(exp(T(.5) * p.logvar[i]), T(e), p.mu[i]);
      });
}

// log q = -sum (log 2 pi + logvar + eps^2) / 2, log p = -sum (log 2 pi + z^2) / 2.
template <class T>
void reparameterize_log_prob(Stream s, const Reparameterize<T>& p) {
  const T constant = T(-.91893853320467274178) * T(p.cols);  // -log(2 pi) / 2
  row_reduce_normal<Vec<T, 2>>(
      s, p.groups, p.samples, p.cols, p.key,
      KERNEL(Index b, Index r, Index c, float e) {
        const Index i = b * p.cols + c;
        const T l = p.logvar[i], z = fma(exp(T(.5) * l), T(e), p.mu[i]);
        p.z[r * p.cols + c] = z;
        return Vec<T, 2>{{l + T(e) * T(e), z * z}};
      },
      KERNEL(Index r, Vec<T, 2> sum) {
        p.log_q[r] = constant - T(.5) * sum.v[0];
        p.log_p[r] = constant - T(.5) * sum.v[1];
      });
}

template <class T>
void scaled_noise(Stream s, const Reparameterize<T>& p) {
  if (p.samples == 1)
    return for_each_normal(
        s, p.groups * p.cols, p.key, KERNEL(Index i, float e) {
          p.scaled[i] = p.v[i] * (T(.5) * exp(T(.5) * p.logvar[i]) * T(e));
        });
  for_each_normal(
      s, p.groups, p.samples, p.cols, p.key, KERNEL(Index b, Index r, Index c, float e) {
        const Index i = b * p.cols + c;
        p.scaled[r * p.cols + c] = p.v[i] * (T(.5) * exp(T(.5) * p.logvar[i]) * T(e));
      });
}

template <class T>
void noise_sum(Stream s, const Reparameterize<T>& p) {
  if (p.samples == 1)
    return for_each_normal(
        s, p.groups * p.cols, p.key, KERNEL(Index i, float e) {
          p.summed[i] = p.h[i] * (T(.5) * exp(T(.5) * p.logvar[i]) * T(e));
        });
  group_reduce_normal<T>(
      s, p.groups, p.samples, p.cols, p.key,
      KERNEL(Index r, Index c, float e) { return p.h[r * p.cols + c] * T(e); },
      KERNEL(Index b, Index c, T sum) {
        const Index i = b * p.cols + c;
        p.summed[i] = T(.5) * exp(T(.5) * p.logvar[i]) * sum;
      });
}

IMAGO_INSTANTIATE(reparameterize, Reparameterize)
IMAGO_INSTANTIATE(reparameterize_log_prob, Reparameterize)
IMAGO_INSTANTIATE(scaled_noise, Reparameterize)
IMAGO_INSTANTIATE(noise_sum, Reparameterize)
}  // namespace imago::IMAGO_BACKEND
