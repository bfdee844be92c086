// bound = m + log(sum_k e^(w_k - m) / K), m = max w     dw_k = g q_k, q_k = e^(w_k - bound) / K:
// the normalised weights Second, for a cotangent a of dw: dg = s = sum_k a_k q_k, dw_k = g q_k (a_k
// - s).
#include "kernels/importance.h"

#include "kernels/backend.h"

namespace imago::IMAGO_BACKEND {

// -inf - -inf would be NaN: an empty row's weights are exp(-inf - 0).
template <class T>
DEVICE inline T finite_bound(T b) {
  return b == T(-INFINITY) ? T(0) : b;
}

template <class T>
void log_mean_exp(Stream s, const LogMeanExp<T>& p) {
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const T* w = p.w + r * p.cols;
        const T m =
            finite_bound(row.template sum<Max<T>>(p.cols, [=](Index c) { return Max<T>{w[c]}; }).v);
        const T sum = row.template sum<T>(p.cols, [=](Index c) { return exp(w[c] - m); });
        if (row.serves(0)) p.bound[r] = m + log(sum / T(p.cols));
      });
}

template <class T>
void log_mean_exp_backward(Stream s, const LogMeanExp<T>& p) {
  const T k = T(1) / T(p.cols);
  for_each(
      s, p.rows, p.cols, KERNEL(Index r, Index c) {
        const Index i = r * p.cols + c;
        p.dw[i] = p.g[r] * k * exp(p.w[i] - finite_bound(p.bound[r]));
      });
}

template <class T>
void log_mean_exp_second(Stream s, const LogMeanExp<T>& p) {
  const T k = T(1) / T(p.cols);
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const T *w = p.w + r * p.cols, *a = p.to_dw + r * p.cols;
        T* dw = p.dw + r * p.cols;
        const T b = finite_bound(p.bound[r]), g = p.g[r];
        const T sum =
            row.template sum<T>(p.cols, [=](Index c) { return a[c] * (k * exp(w[c] - b)); });
        row.each(p.cols, [=](Index c) { dw[c] = g * (k * exp(w[c] - b)) * (a[c] - sum); });
        if (row.serves(0)) p.dg[r] = sum;
      });
}

IMAGO_INSTANTIATE(log_mean_exp, LogMeanExp)
IMAGO_INSTANTIATE(log_mean_exp_backward, LogMeanExp)
IMAGO_INSTANTIATE(log_mean_exp_second, LogMeanExp)
}  // namespace imago::IMAGO_BACKEND
