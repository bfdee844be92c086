#include "engine/ops/pointwise.h"

#include <array>
#include <type_traits>

#include "engine/ops/dispatch.h"
#include "engine/ops/layout.h"
#include "engine/ops/reduce.h"
#include "engine/ops/strides.h"
#include "kernels/pointwise.h"

namespace imago::ops {
namespace {

// --- unary rows

// What the texts of the rows mean for Tensors; kernels/pointwise_math.h says it for numbers.
namespace forms {

Tensor lift(double value, const Tensor& like) {
  return Tensor::scalar(value, like.dtype(), like.device());
}
const Tensor& lift(const Tensor& t, const Tensor&) { return t; }
Tensor operator>(const Tensor& x, double y) { return greater(x, lift(y, x)); }
Tensor operator>=(const Tensor& x, double y) { return greater_equal(x, lift(y, x)); }
Tensor operator<=(const Tensor& x, double y) { return less_equal(x, lift(y, x)); }
Tensor minimum(double a, const Tensor& b) { return ops::minimum(lift(a, b), b); }
template <class A, class B>
Tensor select(const Tensor& condition, const A& yes, const B& no) {
  return where(condition, lift(yes, condition), lift(no, condition));
}
Tensor scaled_power(double factor, const Tensor& x, double exponent) {
  return factor == 0 ? Tensor::zeros(x.shape(), x.dtype(), x.device())
                     : factor * pow_scalar(x, exponent);
}

enum Saves { X, Y, N };
using T = double;

#define IMAGO_ROW(row, A, B, S, F1, F2)                                                        \
  struct row##_row {                                                                           \
    static constexpr const char* name = #row;                                                  \
    static constexpr UnaryOp op = UnaryOp::row;                                                \
    static constexpr Saves saves = S;                                                          \
    static auto f1([[maybe_unused]] const Tensor& x, [[maybe_unused]] A, [[maybe_unused]] B) { \
      [[maybe_unused]] const Tensor& y = x;                                                    \
      return F1;                                                                               \
    }                                                                                          \
    static auto f2([[maybe_unused]] const Tensor& x, [[maybe_unused]] A, [[maybe_unused]] B) { \
      [[maybe_unused]] const Tensor& y = x;                                                    \
      return F2;                                                                               \
    }                                                                                          \
  };
#define IMAGO_UNARY_0(name, saves, f, f1, f2) IMAGO_ROW(name, double, double, saves, f1, f2)
#define IMAGO_UNARY_1(name, a, saves, f, f1, f2) IMAGO_ROW(name, double a, double, saves, f1, f2)
#define IMAGO_UNARY_2(name, a, b, saves, f, f1, f2) \
  IMAGO_ROW(name, double a, double b, saves, f1, f2)
#include "kernels/pointwise.def"
#undef IMAGO_ROW

}  // namespace forms

struct Parameters {
  double a = 0, b = 0;
};
// The types of a row's derivatives: Tensor, double (constant), int (the bare 0: identically zero).
template <class Row>
using First = decltype(Row::f1(Tensor(), 0, 0));
template <class Row>
using Second = decltype(Row::f2(Tensor(), 0, 0));
template <class D>
constexpr bool is_zero = std::is_same_v<D, int>;
template <class D>
constexpr bool is_constant = !std::is_same_v<D, Tensor>;

Tensor launch_unary(const char* name, UnaryOp op, int order, Parameters p, const Tensor& v,
                    const Tensor& g = {}, const Tensor& h = {}) {
  Tensor out = Tensor::empty(v.shape(), v.dtype(), v.device());
  if (v.numel() == 0) return out;
  with_floating(name, v.dtype(), [&](auto t) {
    using T = decltype(t);
    kernels::unary(v.stream(),
                   Unary<T>{op, order, v.numel(), T(p.a), T(p.b), v.data<T>(),
                            g ? g.data<T>() : nullptr, h ? h.data<T>() : nullptr, out.data<T>()});
  });
  return out;
}

// g h f2(v).
template <class Row>
Tensor second_order(const Tensor& g, const Tensor& h, const Tensor& v, Parameters p) {
  constexpr bool constant = is_constant<Second<Row>>;
  if (reference_mode()) return g * h * Row::f2(v, p.a, p.b);
  return record(launch_unary(Row::name, Row::op, 2, p, v, g, h), Row::name,
                {g, h, constant ? v.detach() : v}, save_input(0) | save_input(1) | save_input(2),
                [p](Vjp& r) {
                  const Tensor g = r.input(0), h = r.input(1), v = r.input(2), k = r.grad();
                  r.give(0, [&] { return second_order<Row>(k, h, v, p); });
                  r.give(1, [&] { return second_order<Row>(k, g, v, p); });
                  if constexpr (!is_constant<Second<Row>>)
                    r.give(2, [&] {
                      const auto f2 = [p](const std::vector<Tensor>& x) {
                        return std::vector{Row::f2(x[0], p.a, p.b)};
                      };
                      return reference_vjp(f2, {v}, {k * g * h}, {true})[0];
                    });
                });
}
// g f1(v).
template <class Row>
Tensor first_order(const Tensor& g, const Tensor& v, Parameters p) {
  constexpr bool linear = is_zero<Second<Row>>;
  if (reference_mode()) return g * Row::f1(v, p.a, p.b);
  return record(
      launch_unary(Row::name, Row::op, 1, p, v, g), Row::name, {g, linear ? v.detach() : v},
      linear ? save_input(1) : save_input(0) | save_input(1), [p](Vjp& r) {
        r.give(0, [&] { return first_order<Row>(r.grad(), r.input(1), p); });
        if constexpr (!is_zero<Second<Row>>)
          r.give(1, [&] { return second_order<Row>(r.grad(), r.input(0), r.input(1), p); });
      });
}
template <class Row>
Tensor unary_row(const Tensor& x, Parameters p = {}) {
  Tensor out = launch_unary(Row::name, Row::op, 0, p, x);
  if constexpr (Row::saves == forms::N) {
    return out;
  } else if constexpr (is_constant<First<Row>>) {
    return record(std::move(out), Row::name, {x}, save_nothing, [p](Vjp& r) {
      r.give(0, [&] { return affine(r.grad(), Row::f1(Tensor(), p.a, p.b), 0); });
    });
  } else {
    constexpr bool from_output = Row::saves == forms::Y;
    return record(std::move(out), Row::name, {x}, from_output ? save_output() : save_input(0),
                  [p](Vjp& r) {
                    r.give(0, [&] {
                      return first_order<Row>(r.grad(), from_output ? r.output() : r.input(0), p);
                    });
                  });
  }
}

// --- binary rows

void check_pair(const char* op, const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.device() != b.device() || !is_floating(a.dtype()))
    op_error(op, "tensors of one floating dtype and one device",
             imago::concat(a.dtype(), " on ", a.device(), " and ", b.dtype(), " on ", b.device()),
             "convert with ops::cast or ops::to");
}
Tensor launch_binary(const char* name, BinaryOp op, const Tensor& a, const Tensor& b) {
  check_pair(name, a, b);
  const Shape shape =
      a.shape() == b.shape() ? a.shape() : broadcast_shape(name, a.shape(), b.shape());
  Tensor out = Tensor::empty(shape, a.dtype(), a.device());
  if (out.numel() == 0) return out;
  const Strides<2> nest = collapse<2>(
      name, shape, {broadcast_strides(a.shape(), shape), broadcast_strides(b.shape(), shape)});
  with_floating(name, a.dtype(), [&](auto t) {
    using T = decltype(t);
    kernels::binary(a.stream(), Binary<T>{op, nest, a.data<T>(), b.data<T>(), out.data<T>()});
  });
  return out;
}

Tensor summed(const Tensor& g, const Shape& to) { return g.shape() == to ? g : sum_to(g, to); }
Tensor zero_like(const Tensor& t) { return Tensor::scalar(0, t.dtype(), t.device()); }
Tensor one_like(const Tensor& t) { return Tensor::scalar(1, t.dtype(), t.device()); }

// Where a sends half its gradient to each of two equals: the share of a in the gradient of the
// larger.
Tensor share(const Tensor& a, const Tensor& b) {
  return .5 * (greater(a, b) + greater_equal(a, b));
}
Tensor extremum(const char* name, BinaryOp op, const Tensor& a, const Tensor& b) {
  const bool larger = op == BinaryOp::maximum;
  return record(
      launch_binary(name, op, a, b), name, {a, b}, save_input(0) | save_input(1), [larger](Vjp& r) {
        const Tensor a = r.input(0), b = r.input(1), g = r.grad();
        r.give(0, [&] { return summed(g * (larger ? share(a, b) : share(b, a)), a.shape()); });
        r.give(1, [&] { return summed(g * (larger ? share(b, a) : share(a, b)), b.shape()); });
      });
}

}  // namespace

#define IMAGO_UNARY_0(name, saves, f, f1, f2) \
  Tensor name(const Tensor& x) { return unary_row<forms::name##_row>(x); }
#define IMAGO_UNARY_1(name, a, saves, f, f1, f2) \
  Tensor name(const Tensor& x, double a) { return unary_row<forms::name##_row>(x, {a}); }
#define IMAGO_UNARY_2(name, a, b, saves, f, f1, f2)  \
  Tensor name(const Tensor& x, double a, double b) { \
    return unary_row<forms::name##_row>(x, {a, b});  \
  }
#include "kernels/pointwise.def"

Tensor add(const Tensor& a, const Tensor& b) {
  return record(launch_binary("add", BinaryOp::add, a, b), "add", {a, b}, save_nothing,
                [a = a.shape(), b = b.shape()](Vjp& r) {
                  r.give(0, [&] { return summed(r.grad(), a); });
                  r.give(1, [&] { return summed(r.grad(), b); });
                });
}
Tensor sub(const Tensor& a, const Tensor& b) {
  return record(launch_binary("sub", BinaryOp::sub, a, b), "sub", {a, b}, save_nothing,
                [a = a.shape(), b = b.shape()](Vjp& r) {
                  r.give(0, [&] { return summed(r.grad(), a); });
                  r.give(1, [&] { return -summed(r.grad(), b); });
                });
}
Tensor mul(const Tensor& a, const Tensor& b) {
  return record(launch_binary("mul", BinaryOp::mul, a, b), "mul", {a, b},
                save_input(0) | save_input(1), [](Vjp& r) {
                  const Tensor a = r.input(0), b = r.input(1);
                  r.give(0, [&] { return summed(r.grad() * b, a.shape()); });
                  r.give(1, [&] { return summed(r.grad() * a, b.shape()); });
                });
}
Tensor div(const Tensor& a, const Tensor& b) {
  return record(launch_binary("div", BinaryOp::div, a, b), "div", {a, b},
                save_input(1) | save_output(), [a = a.shape()](Vjp& r) {
                  const Tensor b = r.input(1), t = r.grad() / b;
                  r.give(0, [&] { return summed(t, a); });
                  r.give(1, [&] { return -summed(t * r.output(), b.shape()); });
                });
}
Tensor pow(const Tensor& a, const Tensor& b) {
  const Save all = save_input(0) | save_input(1) | save_output();
  return record(launch_binary("pow", BinaryOp::pow, a, b), "pow", {a, b}, all, [](Vjp& r) {
    const Tensor a = r.input(0), b = r.input(1), g = r.grad();
    r.give(0, [&] {  // 0^0 = 1 has slope 0, not 0 * 0^-1
      const Tensor exponent =
          where(equal(a, zero_like(a)) * equal(b, zero_like(b)), one_like(b), b);
      return summed(g * (b * pow(a, exponent - 1)), a.shape());
    });
    r.give(1, [&] { return summed(g * r.output() * log(where(a, a, one_like(a))), b.shape()); });
  });
}
Tensor maximum(const Tensor& a, const Tensor& b) {
  return extremum("maximum", BinaryOp::maximum, a, b);
}
Tensor minimum(const Tensor& a, const Tensor& b) {
  return extremum("minimum", BinaryOp::minimum, a, b);
}
Tensor atan2(const Tensor& y, const Tensor& x) {
  return record(launch_binary("atan2", BinaryOp::atan2, y, x), "atan2", {y, x},
                save_input(0) | save_input(1), [](Vjp& r) {
                  const Tensor y = r.input(0), x = r.input(1),
                               t = r.grad() / (square(x) + square(y));
                  r.give(0, [&] { return summed(t * x, y.shape()); });
                  r.give(1, [&] { return -summed(t * y, x.shape()); });
                });
}

Tensor greater(const Tensor& a, const Tensor& b) {
  return launch_binary("greater", BinaryOp::greater, a, b);
}
Tensor greater_equal(const Tensor& a, const Tensor& b) {
  return launch_binary("greater_equal", BinaryOp::greater_equal, a, b);
}
Tensor less(const Tensor& a, const Tensor& b) {
  return launch_binary("less", BinaryOp::less, a, b);
}
Tensor less_equal(const Tensor& a, const Tensor& b) {
  return launch_binary("less_equal", BinaryOp::less_equal, a, b);
}
Tensor equal(const Tensor& a, const Tensor& b) {
  return launch_binary("equal", BinaryOp::equal, a, b);
}
Tensor not_equal(const Tensor& a, const Tensor& b) {
  return launch_binary("not_equal", BinaryOp::not_equal, a, b);
}

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  check_pair("where", a, b);
  const Tensor c = cast(condition.detach(), a.dtype());
  check_pair("where", c, a);
  const Shape shape =
      broadcast_shape("where", c.shape(), broadcast_shape("where", a.shape(), b.shape()));
  Tensor out = Tensor::empty(shape, a.dtype(), a.device());
  if (out.numel() > 0) {
    const Strides<3> nest =
        collapse<3>("where", shape,
                    {broadcast_strides(c.shape(), shape), broadcast_strides(a.shape(), shape),
                     broadcast_strides(b.shape(), shape)});
    with_floating("where", a.dtype(), [&](auto t) {
      using T = decltype(t);
      kernels::where(a.stream(),
                     Where<T>{nest, c.data<T>(), a.data<T>(), b.data<T>(), out.data<T>()});
    });
  }
  return record(std::move(out), "where", {c, a, b}, save_input(0),
                [a = a.shape(), b = b.shape()](Vjp& r) {
                  const Tensor c = r.input(0), g = r.grad();
                  r.give(1, [&] { return summed(where(c, g, zero_like(g)), a); });
                  r.give(2, [&] { return summed(where(c, zero_like(g), g), b); });
                });
}

namespace {

template <class F>
void with_any(DType t, F f) {
  switch (t) {
    case DType::f32: return f(float{});
    case DType::f64: return f(double{});
    case DType::i64: return f(std::int64_t{});
    case DType::u8: return f(std::uint8_t{});
  }
}

}  // namespace

Tensor cast(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Tensor out = Tensor::empty(x.shape(), dtype, x.device());
  if (x.numel() > 0)
    with_any(x.dtype(), [&](auto from) {
      with_any(dtype, [&](auto to) {
        using T = decltype(from);
        using U = decltype(to);
        if constexpr (!std::is_same_v<T, U>)
          kernels::cast(x.stream(), Cast<T, U>{x.numel(), x.data<T>(), out.data<U>()});
      });
    });
  if (!is_floating(dtype) || !is_floating(x.dtype())) return out;
  return record(std::move(out), "cast", {x}, save_nothing,
                [from = x.dtype()](Vjp& r) { r.give(0, [&] { return cast(r.grad(), from); }); });
}
Tensor to(const Tensor& x, Device device) {
  if (x.device() == device) return x;
  return record(x.detach().to(device), "to", {x}, save_nothing,
                [from = x.device()](Vjp& r) { r.give(0, [&] { return to(r.grad(), from); }); });
}

}  // namespace imago::ops

namespace imago {
Tensor operator/(double a, const Tensor& b) {
  const Tensor inverse = ops::reciprocal(b);
  return a == 1 ? inverse : a * inverse;
}
}  // namespace imago
