// Every unary row of pointwise.def as a kernel of orders 0, 1 and 2.
#include "kernels/backend.h"
#include "kernels/pointwise.h"
#include "kernels/pointwise_math.h"

namespace imago::IMAGO_BACKEND {
namespace pointwise {

// Where these are constant no gradient passes, not even an infinite one, whose product with 0 is
// NaN.
constexpr bool blocks(UnaryOp op) { return op == UnaryOp::relu || op == UnaryOp::clamp; }

#define IMAGO_ROW(name, A, B, F, F1, F2)                                    \
  struct name##_row {                                                       \
    static constexpr bool sloped = !vanishes(#F1), curved = !vanishes(#F2); \
    static constexpr bool blocking = blocks(UnaryOp::name);                 \
    template <class T>                                                      \
    DEVICE static T f([[maybe_unused]] T x, A, B) {                         \
      return F;                                                             \
    }                                                                       \
    template <class T>                                                      \
    DEVICE static T f1([[maybe_unused]] T x, A, B) {                        \
      [[maybe_unused]] const T y = x;                                       \
      return F1;                                                            \
    }                                                                       \
    template <class T>                                                      \
    DEVICE static T f2([[maybe_unused]] T x, A, B) {                        \
      [[maybe_unused]] const T y = x;                                       \
      return F2;                                                            \
    }                                                                       \
  };
#define IMAGO_UNARY_0(name, saves, F, F1, F2) IMAGO_ROW(name, T, T, F, F1, F2)
#define IMAGO_UNARY_1(name, a, saves, F, F1, F2) IMAGO_ROW(name, [[maybe_unused]] T a, T, F, F1, F2)
#define IMAGO_UNARY_2(name, a, b, saves, F, F1, F2) \
  IMAGO_ROW(name, [[maybe_unused]] T a, [[maybe_unused]] T b, F, F1, F2)
#include "kernels/pointwise.def"
#undef IMAGO_ROW

template <class Row, class T>
void value(Stream s, const Unary<T>& p) {
  for_each(
      s, p.n, KERNEL(Index i) { p.out[i] = Row::template f<T>(p.v[i], p.a, p.b); });
}
template <class Row, class T>
void first(Stream s, const Unary<T>& p) {
  for_each(
      s, p.n, KERNEL(Index i) {
        const T slope = Row::template f1<T>(p.v[i], p.a, p.b);
        p.out[i] = Row::blocking && slope == T(0) ? T(0) : p.g[i] * slope;
      });
}
template <class Row, class T>
void second(Stream s, const Unary<T>& p) {
  for_each(
      s, p.n,
      KERNEL(Index i) { p.out[i] = p.g[i] * p.h[i] * Row::template f2<T>(p.v[i], p.a, p.b); });
}
template <class T>
void zero(Stream s, const Unary<T>& p) {
  for_each(
      s, p.n, KERNEL(Index i) { p.out[i] = T(0); });
}
template <class Row, class T>
void run(Stream s, const Unary<T>& p) {
  if (p.order == 0) return value<Row>(s, p);
  if constexpr (Row::sloped)
    if (p.order == 1) return first<Row>(s, p);
  if constexpr (Row::curved)
    if (p.order == 2) return second<Row>(s, p);
  zero(s, p);  // an order that vanishes; the engine does not ask for it
}

}  // namespace pointwise

template <class T>
void unary(Stream s, const Unary<T>& p) {
  if (p.n == 0) return;
#define IMAGO_UNARY_0(name, saves, f, f1, f2) \
  case UnaryOp::name:                         \
    return pointwise::run<pointwise::name##_row>(s, p);
#define IMAGO_UNARY_1(name, a, saves, f, f1, f2) IMAGO_UNARY_0(name, saves, f, f1, f2)
#define IMAGO_UNARY_2(name, a, b, saves, f, f1, f2) IMAGO_UNARY_0(name, saves, f, f1, f2)
  switch (p.op) {
#include "kernels/pointwise.def"
  }
}
IMAGO_INSTANTIATE(unary, Unary)

}  // namespace imago::IMAGO_BACKEND
