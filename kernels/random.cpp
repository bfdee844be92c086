#include "kernels/random.h"

#include "kernels/backend.h"

namespace imago::IMAGO_BACKEND {

template <class T>
void draw_normal(Stream s, const Draw<T>& p) {
  for_each_normal(
      s, p.n, p.key, KERNEL(Index i, float z) { p.y[i] = T(z); });
}
template <class T>
void draw_uniform(Stream s, const Draw<T>& p) {
  for_each_uniform(
      s, p.n, p.key, KERNEL(Index i, float u) { p.y[i] = T(u); });
}
template <class T>
void draw_bernoulli(Stream s, const DrawBernoulli<T>& p) {
  for_each_uniform(
      s, p.n, p.key, KERNEL(Index i, float u) { p.y[i] = T(u) < p.p[i] ? T(1) : T(0); });
}
template <class T>
void dropout(Stream s, const Dropout<T>& p) {
  for_each_uniform(
      s, p.n, p.key, KERNEL(Index i, float u) { p.y[i] = u < p.keep ? p.scale * p.x[i] : T(0); });
}
IMAGO_INSTANTIATE(draw_normal, Draw)
IMAGO_INSTANTIATE(draw_uniform, Draw)
IMAGO_INSTANTIATE(draw_bernoulli, DrawBernoulli)
IMAGO_INSTANTIATE(dropout, Dropout)

}  // namespace imago::IMAGO_BACKEND
