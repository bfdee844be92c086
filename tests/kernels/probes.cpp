#include "tests/kernels/probes.h"

#include "kernels/backend.h"

namespace imago::IMAGO_BACKEND {

template <class T>
void probe_for_each(Stream s, const Probe<T>& p) {
  for_each(
      s, p.rows, KERNEL(Index i) { p.y[i] += p.x[i] + T(1); });
}
template <class T>
void probe_for_each_2d(Stream s, const Probe<T>& p) {
  for_each(
      s, p.rows, p.cols,
      KERNEL(Index r, Index c) { p.y[r * p.cols + c] += p.x[r * p.cols + c] + T(3 * r + c); });
}
template <class T>
void probe_normal(Stream s, const Probe<T>& p) {
  for_each_normal(
      s, p.rows, p.key, KERNEL(Index i, float e) { p.y[i] = T(e); });
}
template <class T>
void probe_uniform(Stream s, const Probe<T>& p) {
  for_each_uniform(
      s, p.rows, p.key, KERNEL(Index i, float u) { p.y[i] = T(u); });
}
template <class T>
void probe_normal_groups(Stream s, const Probe<T>& p) {
  for_each_normal(
      s, p.outer, p.rows, p.cols, p.key,
      KERNEL(Index b, Index r, Index c, float e) { p.y[r * p.cols + c] = T(e) + T(4 * b); });
}
template <class T>
void probe_row_normal(Stream s, const Probe<T>& p) {
  row_reduce_normal<T>(
      s, p.outer, p.rows, p.cols, p.key,
      KERNEL(Index b, Index, Index, float e) { return floor(T(4) * T(e)) + T(b); },
      KERNEL(Index r, T sum) { p.y[r] = sum; });
}
template <class T>
void probe_group_normal(Stream s, const Probe<T>& p) {
  group_reduce_normal<T>(
      s, p.outer, p.rows, p.cols, p.key,
      KERNEL(Index r, Index c, float e) { return floor(T(4) * T(e)) * p.x[r * p.cols + c]; },
      KERNEL(Index b, Index c, T sum) { p.y[b * p.cols + c] = sum; });
}
template <class T>
void probe_row_reduce(Stream s, const Probe<T>& p) {
  row_reduce<T>(
      s, p.rows, p.cols, KERNEL(Index r, Index c) { return p.x[r * p.cols + c]; },
      KERNEL(Index r, T sum) { p.y[r] = sum; });
}
template <class T>
void probe_row_vec(Stream s, const Probe<T>& p) {
  using Sums = Vec<T, 3>;
  row_reduce<Sums>(
      s, p.rows, p.cols,
      KERNEL(Index r, Index c) {
        const T x = p.x[r * p.cols + c];
        return Sums{{x, x * x, T(1)}};
      },
      KERNEL(Index r, Sums sum) {
        p.y[3 * r] = sum.v[0];
        p.y[3 * r + 1] = sum.v[1];
        p.y[3 * r + 2] = sum.v[2];
      });
}
template <class T>
void probe_row_max(Stream s, const Probe<T>& p) {
  row_reduce<Max<T>>(
      s, p.rows, p.cols, KERNEL(Index r, Index c) { return Max<T>{p.x[r * p.cols + c]}; },
      KERNEL(Index r, Max<T> m) { p.y[r] = m.v; });
}
template <class T>
void probe_for_each_row(Stream s, const Probe<T>& p) {
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const T* x = p.x + r * p.cols;
        T* y = p.y + r * p.cols;
        const T first = row.template sum<T>(p.cols, [=](Index c) { return x[c]; });
        row.each(p.cols, [=](Index c) { y[c] = x[c] + first; });
        // What each() wrote is read by the thread that wrote it.
        const T second = row.template sum<T>(p.cols, [=](Index c) { return y[c] - x[c] - first; });
        if (p.cols > 0 && row.serves(p.cols - 1)) y[p.cols - 1] += second;
      });
}
template <class T>
void probe_column_reduce(Stream s, const Probe<T>& p) {
  column_reduce<T>(
      s, p.rows, p.cols, KERNEL(Index r, Index c) { return p.x[r * p.cols + c]; },
      KERNEL(Index c, T sum) { p.y[c] = sum; });
}
template <class T>
void probe_column_reduce_outer(Stream s, const Probe<T>& p) {
  column_reduce<T>(
      s, p.outer, p.rows, p.cols,
      KERNEL(Index o, Index r, Index c) { return p.x[(o * p.rows + r) * p.cols + c]; },
      KERNEL(Index o, Index c, T sum) { p.y[o * p.cols + c] = sum; });
}
template <class T>
void probe_reduce_all(Stream s, const Probe<T>& p) {
  reduce_all<T>(
      s, p.rows, KERNEL(Index i) { return p.x[i]; }, KERNEL(T sum) { p.y[0] = sum; });
}
template <class T>
void probe_multi_tensor(Stream s, const ProbeList<T>& p) {
  multi_tensor(
      s, p.items, p.count,
      KERNEL(const ProbeItem<T>& item, Index i) { item.p[i] += T(1) + T(item.payload[0]); });
}
template <class T>
void probe_multi_tensor_reduce(Stream s, const ProbeList<T>& p) {
  multi_tensor_reduce<T>(
      s, p.items, p.count, KERNEL(const ProbeItem<T>& item, Index i) { return item.p[i]; },
      KERNEL(T sum) { p.y[0] = sum; });
}
void probe_words(Stream s, const Words& p) {
  for_each(
      s, p.blocks, KERNEL(Index b) {
        const Philox w = philox(p.key, uint64_t(b));
        p.words[4 * b] = w.v[0];
        p.words[4 * b + 1] = w.v[1];
        p.words[4 * b + 2] = w.v[2];
        p.words[4 * b + 3] = w.v[3];
      });
}

int probe_level() {
#if defined(__AVX512F__)
  return 4;
#elif defined(__AVX2__)
  return 3;
#else
  return 0;
#endif
}

IMAGO_INSTANTIATE(probe_for_each, Probe)
IMAGO_INSTANTIATE(probe_for_each_2d, Probe)
IMAGO_INSTANTIATE(probe_normal, Probe)
IMAGO_INSTANTIATE(probe_uniform, Probe)
IMAGO_INSTANTIATE(probe_normal_groups, Probe)
IMAGO_INSTANTIATE(probe_row_normal, Probe)
IMAGO_INSTANTIATE(probe_group_normal, Probe)
IMAGO_INSTANTIATE(probe_row_reduce, Probe)
IMAGO_INSTANTIATE(probe_row_vec, Probe)
IMAGO_INSTANTIATE(probe_row_max, Probe)
IMAGO_INSTANTIATE(probe_for_each_row, Probe)
IMAGO_INSTANTIATE(probe_column_reduce, Probe)
IMAGO_INSTANTIATE(probe_column_reduce_outer, Probe)
IMAGO_INSTANTIATE(probe_reduce_all, Probe)
IMAGO_INSTANTIATE(probe_multi_tensor, ProbeList)
IMAGO_INSTANTIATE(probe_multi_tensor_reduce, ProbeList)

}  // namespace imago::IMAGO_BACKEND
