#include "kernels/index.h"

#include "kernels/backend.h"

namespace imago::IMAGO_BACKEND {

namespace {
DEVICE inline bool within(Index i, Index n) { return i >= 0 && i < n; }
template <class T>
struct Missing {  // what stands for an element that is not there
  static constexpr T value = T(__builtin_nan(""));
};
template <>
struct Missing<Index> {
  static constexpr Index value = 0;
};
template <>
struct Missing<uint8_t> {
  static constexpr uint8_t value = 0;
};
}  // namespace

template <class T>
void gather_rows(Stream s, const GatherRows<T>& p) {
  for_each_row(
      s, p.count, p.cols, KERNEL(Row row, Index m) {
        const Index i = p.index[m];
        T* out = p.out + m * p.cols;
        if (!within(i, p.rows))
          return row.each(p.cols, [=](Index c) { out[c] = Missing<T>::value; });
        const T* x = p.x + i * p.cols;
        row.each(p.cols, [=](Index c) { out[c] = x[c]; });
      });
}
IMAGO_INSTANTIATE(gather_rows, GatherRows)
template void gather_rows<Index>(Stream, const GatherRows<Index>&);
template void gather_rows<uint8_t>(Stream, const GatherRows<uint8_t>&);

namespace {
// first[r]: the first place m with index[m] == r; next[m]: the place after m with the same index;
// -1 where there is none.
template <class T>
void link_places(Stream s, const ScatterAddRows<T>& p) {
  for_each(
      s, p.rows, KERNEL(Index r) { p.first[r] = -1; });
#if IMAGO_ON_CPU
  for (Index m = p.count - 1; m >= 0; m--) {
    const Index i = p.index[m];
    if (!within(i, p.rows)) continue;
    p.next[m] = p.first[i];
    p.first[i] = m;
  }
#else
  for_each(
      s, p.count, KERNEL(Index m) { p.next[m] = -1; });
  // Every place has one writer: the place right after it in the chain, or the first of the chain.
  for_each(
      s, p.count, KERNEL(Index m) {
        const Index i = p.index[m];
        if (!within(i, p.rows)) return;
        Index before = m - 1;
        while (before >= 0 && p.index[before] != i) before--;
        if (before >= 0)
          p.next[before] = m;
        else
          p.first[i] = m;
      });
#endif
}
}  // namespace

template <class T>
void scatter_add_rows(Stream s, const ScatterAddRows<T>& p) {
  link_places(s, p);
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        T* out = p.out + r * p.cols;
        row.each(p.cols, [=](Index c) { out[c] = T(0); });
        for (Index m = p.first[r]; m >= 0; m = p.next[m]) {
          const T* x = p.x + m * p.cols;
          row.each(p.cols, [=](Index c) { out[c] += x[c]; });
        }
      });
}
IMAGO_INSTANTIATE(scatter_add_rows, ScatterAddRows)

template <class T>
void gather_columns(Stream s, const GatherColumns<T>& p) {
  for_each(
      s, p.rows, p.count, KERNEL(Index r, Index k) {
        const Index i = p.index[r * p.count + k];
        p.out[r * p.count + k] = within(i, p.cols) ? p.x[r * p.cols + i] : Missing<T>::value;
      });
}
IMAGO_INSTANTIATE(gather_columns, GatherColumns)

template <class T>
void scatter_add_columns(Stream s, const ScatterAddColumns<T>& p) {
  for_each_row(
      s, p.rows, p.cols + p.count, KERNEL(Row row, Index r) {
        T* out = p.out + r * p.cols;
        row.each(p.cols, [=](Index c) { out[c] = T(0); });
        for (Index k = 0; k < p.count; k++) {
          const Index i = p.index[r * p.count + k];
          if (within(i, p.cols) && row.serves(i)) out[i] += p.x[r * p.count + k];
        }
      });
}
IMAGO_INSTANTIATE(scatter_add_columns, ScatterAddColumns)

template <class T>
void one_hot(Stream s, const OneHot<T>& p) {
  for_each(
      s, p.rows, p.cols, KERNEL(Index r, Index c) { p.out[r * p.cols + c] = T(p.label[r] == c); });
}
IMAGO_INSTANTIATE(one_hot, OneHot)

template <class T, class U>
void gather_normalize(Stream s, const GatherNormalize<T, U>& p) {
  for_each_row(
      s, p.count, p.cols, KERNEL(Row row, Index m) {
        const Index i = p.index[m];
        T* out = p.out + m * p.cols;
        if (!within(i, p.rows))
          return row.each(p.cols, [=](Index c) { out[c] = Missing<T>::value; });
        const U* x = p.x + i * p.cols;
        const T scale = p.scale, shift = p.shift;
        row.each(p.cols, [=](Index c) { out[c] = scale * T(x[c]) + shift; });
      });
}
#define INSTANTIATE(T, U) \
  template void gather_normalize<T, U>(Stream, const GatherNormalize<T, U>&);
INSTANTIATE(float, uint8_t)
INSTANTIATE(float, float)
INSTANTIATE(float, double)
INSTANTIATE(double, uint8_t)
INSTANTIATE(double, float)
INSTANTIATE(double, double)
#undef INSTANTIATE

}  // namespace imago::IMAGO_BACKEND
