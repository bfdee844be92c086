#include "kernels/softmax.h"

#include "kernels/backend.h"

namespace imago::IMAGO_BACKEND {

namespace {
// Largest element of a row, and the sum of exp(x - largest), over which no power overflows.
template <class T>
struct Peak {
  T largest, sum;
};
template <class T>
DEVICE inline Peak<T> peak(const Row& row, const T* x, Index n) {
  const T m = row.template sum<Max<T>>(n, [=](Index c) { return Max<T>{x[c]}; }).v;
  // Of an infinite largest only the elements equal to it count: -inf - -inf would be NaN.
  if (m == T(INFINITY) || m == -T(INFINITY)) return {m, T(0)};
  return {m, row.template sum<T>(n, [=](Index c) { return exp(x[c] - m); })};
}
}  // namespace

template <class T>
void softmax_rows(Stream s, const SoftmaxRows<T>& p) {
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const T* x = p.x + r * p.cols;
        T* out = p.out + r * p.cols;
        const T m = row.template sum<Max<T>>(p.cols, [=](Index c) { return Max<T>{x[c]}; }).v;
        if (m == -T(INFINITY)) return row.each(p.cols, [=](Index c) { out[c] = T(0); });
        row.each(p.cols, [=](Index c) { out[c] = exp(x[c] - m); });
        const T scale = T(1) / row.template sum<T>(p.cols, [=](Index c) { return out[c]; });
        row.each(p.cols, [=](Index c) { out[c] *= scale; });
      });
}
IMAGO_INSTANTIATE(softmax_rows, SoftmaxRows)

template <class T>
void log_softmax_rows(Stream s, const SoftmaxRows<T>& p) {
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const T* x = p.x + r * p.cols;
        T* out = p.out + r * p.cols;
        const Peak<T> a = peak(row, x, p.cols);
        if (a.largest == -T(INFINITY)) return row.each(p.cols, [=](Index c) { out[c] = x[c]; });
        const T log_sum = log(a.sum);
        row.each(p.cols, [=](Index c) { out[c] = (x[c] - a.largest) - log_sum; });
      });
}
IMAGO_INSTANTIATE(log_softmax_rows, SoftmaxRows)

template <class T>
void logsumexp_rows(Stream s, const SoftmaxRows<T>& p) {
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const Peak<T> a = peak(row, p.x + r * p.cols, p.cols);
        if (row.serves(0)) p.out[r] = a.sum == T(0) ? a.largest : a.largest + log(a.sum);
      });
}
IMAGO_INSTANTIATE(logsumexp_rows, SoftmaxRows)

template <class T>
void softmax_rows_backward(Stream s, const SoftmaxBackward<T>& p) {
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const T *g = p.g + r * p.cols, *y = p.y + r * p.cols;
        T* dx = p.dx + r * p.cols;
        const T along = row.template sum<T>(p.cols, [=](Index c) { return g[c] * y[c]; });
        row.each(p.cols, [=](Index c) { dx[c] = y[c] * (g[c] - along); });
      });
}
IMAGO_INSTANTIATE(softmax_rows_backward, SoftmaxBackward)

template <class T>
void log_softmax_rows_backward(Stream s, const SoftmaxBackward<T>& p) {
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const T *g = p.g + r * p.cols, *y = p.y + r * p.cols;
        T* dx = p.dx + r * p.cols;
        const T total = row.template sum<T>(
            p.cols, [=](Index c) { return y[c] == -T(INFINITY) ? T(0) : g[c]; });
        row.each(p.cols, [=](Index c) {
          dx[c] = (y[c] == -T(INFINITY) ? T(0) : g[c]) - exp(y[c]) * total;
        });
      });
}
IMAGO_INSTANTIATE(log_softmax_rows_backward, SoftmaxBackward)

}  // namespace imago::IMAGO_BACKEND
