// dP/dg = c g with c = phi'(n) / n / rows, and its differential along a is c a + k g (g . a) with
// k = c'(n) / n:
//   two-sided (also one-sided where n > 1; 0 elsewhere): c = 2 (1 - 1/n), k = 2 / n^3
//   squared: c = 1, k = 0
#include "kernels/penalty.h"

#include "kernels/backend.h"

namespace imago::IMAGO_BACKEND {
namespace {

template <class T>
DEVICE inline T row_uniform(PhiloxKey key, Index r) {
  const Philox w = philox(key, uint64_t(quotient(r, 4)));
  const int lane = int(r & 3);
  return T(uniform(lane < 2 ? (lane ? w.v[1] : w.v[0]) : (lane == 2 ? w.v[2] : w.v[3])));
}

template <class T>
DEVICE inline bool flat(const RowPenalty<T>& p, T norm) {
  return norm == T(0) || (p.kind == NormPenalty::one_sided && norm <= T(1));
}
template <class T>
DEVICE inline T first_factor(const RowPenalty<T>& p, T norm) {
  const T mean = T(1) / T(p.rows);
  if (p.kind == NormPenalty::squared) return mean;
  return flat(p, norm) ? T(0) : T(2) * mean * (T(1) - T(1) / norm);
}
template <class T>
DEVICE inline T second_factor(const RowPenalty<T>& p, T norm) {
  if (p.kind == NormPenalty::squared || flat(p, norm)) return T(0);
  return T(2) / T(p.rows) / (norm * norm * norm);
}

}  // namespace

template <class T>
void interpolate_rows(Stream s, const InterpolateRows<T>& p) {
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const T *a = p.a + r * p.cols, *b = p.b + r * p.cols, u = row_uniform<T>(p.key, r);
        T* out = p.out + r * p.cols;
        row.each(p.cols, [=](Index c) { out[c] = u * a[c] + (T(1) - u) * b[c]; });
      });
}
template <class T>
void scale_rows(Stream s, const InterpolateRows<T>& p) {
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const T* a = p.a + r * p.cols;
        const T u = row_uniform<T>(p.key, r), scale = p.complement ? T(1) - u : u;
        T* out = p.out + r * p.cols;
        row.each(p.cols, [=](Index c) { out[c] = scale * a[c]; });
      });
}

template <class T>
void perturb_rows(Stream s, const PerturbRows<T>& p) {
  const auto body = KERNEL(Index, Index r, Index c, float e) {
    const Index i = r * p.cols + c;
    p.out[i] = p.x[i] + p.sigma[0] * p.u[r] * T(e);
  };
  if (p.normal)
    for_each_normal(s, p.rows, 1, p.cols, p.key, body);
  else
    for_each_uniform(s, p.rows, 1, p.cols, p.key, body);
}

template <class T>
void norm_penalty(Stream s, const RowPenalty<T>& p) {
  row_reduce<T>(
      s, p.rows, p.cols,
      KERNEL(Index r, Index c) {
        const T x = p.g[r * p.cols + c];
        return x * x;
      },
      KERNEL(Index r, T sum) {
        const T n = sqrt(sum), d = p.kind == NormPenalty::one_sided && n < T(1) ? T(0) : n - T(1);
        p.norm[r] = n;
        p.value[r] = (p.kind == NormPenalty::squared ? T(.5) * sum : d * d) / T(p.rows);
      });
}
template <class T>
void norm_penalty_backward(Stream s, const RowPenalty<T>& p) {
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const T* g = p.g + r * p.cols;
        T* dg = p.dg + r * p.cols;
        const T scale = p.up[0] * first_factor(p, p.norm[r]);
        row.each(p.cols, [=](Index c) { dg[c] = scale * g[c]; });
      });
}
template <class T>
void norm_penalty_second(Stream s, const RowPenalty<T>& p) {
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const T *g = p.g + r * p.cols, *a = p.to_dg + r * p.cols;
        T* dg = p.dg + r * p.cols;
        const T along = row.template sum<T>(p.cols, [=](Index c) { return a[c] * g[c]; });
        const T first = first_factor(p, p.norm[r]), up = p.up[0];
        const T same = up * first, across = up * second_factor(p, p.norm[r]) * along;
        row.each(p.cols, [=](Index c) { dg[c] = same * a[c] + across * g[c]; });
        if (row.serves(0)) p.dup[r] = first * along;
      });
}

IMAGO_INSTANTIATE(interpolate_rows, InterpolateRows)
IMAGO_INSTANTIATE(scale_rows, InterpolateRows)
IMAGO_INSTANTIATE(perturb_rows, PerturbRows)
IMAGO_INSTANTIATE(norm_penalty, RowPenalty)
IMAGO_INSTANTIATE(norm_penalty_backward, RowPenalty)
IMAGO_INSTANTIATE(norm_penalty_second, RowPenalty)
}  // namespace imago::IMAGO_BACKEND
