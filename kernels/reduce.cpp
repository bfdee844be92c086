#include "kernels/reduce.h"

#include "kernels/backend.h"

namespace imago::IMAGO_BACKEND {

namespace {
// The three forms of a reduction of [outer, reduced, inner]: f(i) of element i, g(j, sum) of result
// j.
template <class A, class F, class G>
void reduce_middle(Stream s, Index outer, Index reduced, Index inner, F f, G g) {
  if (inner == 1 && outer == 1)
    return reduce_all<A>(
        s, reduced, f, KERNEL(A a) { g(0, a); });
  if (inner == 1)
    return row_reduce<A>(
        s, outer, reduced, KERNEL(Index r, Index c) { return f(r * reduced + c); }, g);
  column_reduce<A>(
      s, outer, reduced, inner,
      KERNEL(Index o, Index r, Index c) { return f((o * reduced + r) * inner + c); },
      KERNEL(Index o, Index c, A a) { g(o * inner + c, a); });
}
}  // namespace

template <class T>
void reduce_sum(Stream s, const Reduce<T>& p) {
  reduce_middle<T>(
      s, p.outer, p.reduced, p.inner, KERNEL(Index i) { return p.x[i]; },
      KERNEL(Index j, T a) { p.out[j] = p.scale * a; });
}
IMAGO_INSTANTIATE(reduce_sum, Reduce)

template <class T>
void reduce_max(Stream s, const Reduce<T>& p) {
  reduce_middle<Max<T>>(
      s, p.outer, p.reduced, p.inner, KERNEL(Index i) { return Max<T>{p.x[i]}; },
      KERNEL(Index j, Max<T> a) { p.out[j] = a.v; });
}
IMAGO_INSTANTIATE(reduce_max, Reduce)

template <class T>
void reduce_min(Stream s, const Reduce<T>& p) {
  reduce_middle<Max<T>>(
      s, p.outer, p.reduced, p.inner, KERNEL(Index i) { return Max<T>{-p.x[i]}; },
      KERNEL(Index j, Max<T> a) { p.out[j] = -a.v; });
}
IMAGO_INSTANTIATE(reduce_min, Reduce)

template <class T>
void reduce_squares_about(Stream s, const SquaresAbout<T>& p) {
  const auto store = KERNEL(Index j, T a) { p.out[j] = p.scale * a; };
  if (p.inner == 1)
    return row_reduce<T>(
        s, p.outer, p.reduced,
        KERNEL(Index r, Index c) {
          const T d = p.x[r * p.reduced + c] - p.mean[r];
          return d * d;
        },
        store);
  column_reduce<T>(
      s, p.outer, p.reduced, p.inner,
      KERNEL(Index o, Index r, Index c) {
        const T d = p.x[(o * p.reduced + r) * p.inner + c] - p.mean[o * p.inner + c];
        return d * d;
      },
      KERNEL(Index o, Index c, T a) { store(o * p.inner + c, a); });
}
IMAGO_INSTANTIATE(reduce_squares_about, SquaresAbout)

template <class T>
void row_argmax(Stream s, const Argmax<T>& p) {
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const T* x = p.x + r * p.cols;
        const T m = row.template sum<Max<T>>(p.cols, [=](Index c) { return Max<T>{x[c]}; }).v;
        // The first is the largest of -c; positions are exact in double.
        const double first =
            row.template sum<Max<double>>(
                   p.cols,
                   [=](Index c) {
                     return Max<double>{x[c] == m || x[c] != x[c] ? -double(c) : -double(INFINITY)};
                   })
                .v;
        if (row.serves(0)) p.out[r] = Index(-first);
      });
}
IMAGO_INSTANTIATE(row_argmax, Argmax)

}  // namespace imago::IMAGO_BACKEND
