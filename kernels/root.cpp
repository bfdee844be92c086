#include "kernels/root.h"

#include "kernels/backend.h"

namespace imago::IMAGO_BACKEND {

template <class T>
void root_polynomial(Stream s, const RootPolynomial<T>& p) {
  for_each_row(
      s, p.n, p.n, KERNEL(Row row, Index r) {
        const T* w = p.w + r * p.n;
        T* out = p.p + r * p.n;
        const T away = row.template sum<T>(p.n, [=](Index c) {
          const T d = w[c] - (c == r ? T(1) : T(0));
          return d * d;
        });
        row.each(p.n, [=](Index c) { out[c] = p.b * w[c] + (c == r ? p.a : T(0)); });
        if (row.serves(0)) p.away[r] = away;
      });
}

IMAGO_INSTANTIATE(root_polynomial, RootPolynomial)
}  // namespace imago::IMAGO_BACKEND
