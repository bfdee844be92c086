#include "kernels/reduce.h"

#include <algorithm>
#include <limits>

#include "engine/ops/dispatch.h"
#include "engine/ops/ops.h"
#include "kernels/softmax.h"

namespace imago::ops {
namespace {
using imago::concat;  // of messages, not of tensors

int check_axis(const char* op, const Tensor& x, int axis) {
  const int rank = x.rank(), a = axis < 0 ? axis + rank : axis;
  if (a < 0 || a >= rank)
    op_error(op, concat("an axis of ", x.shape()), concat(axis),
             rank ? concat("axes run from ", -rank, " to ", rank - 1) : "a scalar has no axes");
  return a;
}

// Which axes go, and what is left.
struct Plan {
  Axes axes;        // ascending, from 0
  Shape out, kept;  // without the axes; with them as size 1
  Index count = 1;  // elements of x in each of out
};
Plan plan(const char* op, const Tensor& x, const Axes& axes, bool keepdim) {
  Plan p;
  for (int a : axes) p.axes.push_back(check_axis(op, x, a));
  for (int a = 0; axes.empty() && a < x.rank(); a++) p.axes.push_back(a);
  std::sort(p.axes.begin(), p.axes.end());
  if (const auto twice = std::adjacent_find(p.axes.begin(), p.axes.end()); twice != p.axes.end())
    op_error(op, "each axis once", concat("axis ", *twice, " twice"));
  std::vector<Index> out, kept = x.shape().dims();
  for (int a = 0; a < x.rank(); a++) {
    if (!std::binary_search(p.axes.begin(), p.axes.end(), a)) {
      out.push_back(x.shape()[a]);
      continue;
    }
    p.count *= x.shape()[a];
    kept[std::size_t(a)] = 1;
  }
  p.kept = Shape(std::move(kept));
  p.out = keepdim ? p.kept : Shape(std::move(out));
  return p;
}

// Neighbouring axes with the same fate are one; axes of size 1 are none.
struct Run {
  Index size;
  bool reduced;
};
std::vector<Run> fold(const Shape& shape, const Axes& axes) {
  std::vector<Run> runs;
  for (int a = 0; a < shape.rank(); a++) {
    const bool reduced = std::binary_search(axes.begin(), axes.end(), a);
    if (shape[a] == 1) continue;
    if (runs.empty() || runs.back().reduced != reduced)
      runs.push_back({shape[a], reduced});
    else
      runs.back().size *= shape[a];
  }
  return runs;
}

enum class Kind { sum, max, min };

// Each run of reduced axes in its turn, the last first; the scale comes with the last of them. Not
// recorded.
template <class T>
Tensor reduce(Kind kind, const Tensor& x, const Plan& p, double scale) {
  const std::vector<Run> runs = fold(x.shape(), p.axes);
  Tensor from = x;
  Index inner = 1, left = std::count_if(runs.begin(), runs.end(), [](Run r) { return r.reduced; });
  for (std::size_t i = runs.size(); i-- > 0;) {
    if (!runs[i].reduced) {
      inner *= runs[i].size;
      continue;
    }
    Index outer = 1;
    for (std::size_t k = 0; k < i; k++) outer *= runs[k].size;
    const Tensor to = Tensor::empty(--left ? Shape{outer * inner} : p.out, x.dtype(), x.device());
    const Reduce<T> args{from.data<T>(), to.data<T>(), outer,
                         runs[i].size,   inner,        T(left ? 1 : scale)};
    switch (kind) {
      case Kind::sum: kernels::reduce_sum(x.stream(), args); break;
      case Kind::max: kernels::reduce_max(x.stream(), args); break;
      case Kind::min: kernels::reduce_min(x.stream(), args); break;
    }
    from = to;
  }
  return from;
}
Tensor reduce(const char* op, Kind kind, const Tensor& x, const Plan& p, double scale) {
  return with_floating(op, x.dtype(),
                       [&](auto t) { return reduce<decltype(t)>(kind, x, p, scale); });
}

Tensor scaled_sum(const char* op, const Tensor& x, const Plan& p, double scale) {
  if (p.count == 1) return reshape(x, p.out);
  const Tensor y = reduce(op, Kind::sum, x, p, scale);
  return record(y, op, {x}, save_nothing, [shape = x.shape(), kept = p.kept, scale](Vjp& v) {
    v.give(0, [&] {
      const Tensor g = broadcast_to(reshape(v.grad(), kept), shape);
      return scale == 1 ? g : g * scale;
    });
  });
}

// The gradient goes to the elements equal to the extreme one, in equal parts. Which they are is not
// differentiated.
Tensor extreme(const char* op, Kind kind, const Tensor& x, const Plan& p) {
  if (p.count == 0)
    op_error(op, "at least one element along the axes", concat("shape ", x.shape()),
             "an empty set has no largest or smallest element");
  if (p.count == 1) return reshape(x, p.out);
  const Tensor y = reduce(op, kind, x, p, 1);
  return record(y, op, {x}, save_input(0) | save_output(), [p](Vjp& v) {
    v.give(0, [&] {
      const Tensor mask = equal(v.input(0).detach(), reshape(v.output().detach(), p.kept));
      return mask * (reshape(v.grad(), p.kept) / sum(mask, p.axes, true));
    });
  });
}

Tensor var_forward(const Tensor& x, const Plan& p, int ddof) {
  std::vector<Run> runs = fold(x.shape(), p.axes);
  if (std::count_if(runs.begin(), runs.end(), [](Run r) { return r.reduced; }) > 1) {
    // Axes apart from each other cannot take turns: move them to the end.
    std::vector<int> order;
    for (int a = 0; a < x.rank(); a++)
      if (!std::binary_search(p.axes.begin(), p.axes.end(), a)) order.push_back(a);
    const int kept = int(order.size());
    order.insert(order.end(), p.axes.begin(), p.axes.end());
    Axes last(p.axes.size());
    for (std::size_t i = 0; i < last.size(); i++) last[i] = kept + int(i);
    const Tensor moved = permute(x, order);
    return reshape(var_forward(moved, plan("var", moved, last, false), ddof), p.out);
  }
  Index outer = 1, inner = 1;
  for (bool before = true; Run r : runs) {
    if (r.reduced)
      before = false;
    else
      (before ? outer : inner) *= r.size;
  }
  return with_floating("var", x.dtype(), [&](auto t) {
    using T = decltype(t);
    const Tensor mean = p.count == 1 ? x : reduce<T>(Kind::sum, x, p, 1 / double(p.count));
    const Tensor out = Tensor::empty(p.out, x.dtype(), x.device());
    kernels::reduce_squares_about<T>(x.stream(), {x.data<T>(), mean.data<T>(), out.data<T>(), outer,
                                                  p.count, inner, T(1 / double(p.count - ddof))});
    return out;
  });
}

// op along the last axis of x with axis moved there, and back.
template <class F>
Tensor along(const Tensor& x, int axis, F op) {
  if (axis == x.rank() - 1) return op(x);
  return transpose(op(transpose(x, axis, -1)), axis, -1);
}
Tensor axis_last(const Tensor& x, int axis) {
  if (axis == x.rank() - 1) return x;
  std::vector<int> order;
  for (int a = 0; a < x.rank(); a++)
    if (a != axis) order.push_back(a);
  order.push_back(axis);
  return permute(x, order);
}
Shape without(const Shape& shape, int axis, bool keepdim) {
  std::vector<Index> d = shape.dims();
  if (keepdim)
    d[std::size_t(axis)] = 1;
  else
    d.erase(d.begin() + axis);
  return Shape(std::move(d));
}
void check_not_empty(const char* op, const Tensor& x, int axis) {
  if (x.shape()[axis] == 0)
    op_error(op, concat("at least one element along axis ", axis), concat("shape ", x.shape()));
}

// --- rows of the last axis: the fused kernels and their composites

enum class Rows { softmax, log_softmax, logsumexp };
Tensor run_rows(Rows kind, const Tensor& x, const Shape& out_shape) {
  const Tensor out = Tensor::empty(out_shape, x.dtype(), x.device());
  if (!out.numel()) return out;
  const Index cols = x.shape()[-1];
  with_floating("softmax", x.dtype(), [&](auto t) {
    using T = decltype(t);
    const SoftmaxRows<T> args{x.data<T>(), out.data<T>(), x.numel() / cols, cols};
    switch (kind) {
      case Rows::softmax: return kernels::softmax_rows(x.stream(), args);
      case Rows::log_softmax: return kernels::log_softmax_rows(x.stream(), args);
      case Rows::logsumexp: return kernels::logsumexp_rows(x.stream(), args);
    }
  });
  return out;
}
Tensor run_backward(Rows kind, const Tensor& g, const Tensor& y) {
  const Tensor dx = Tensor::empty(y.shape(), y.dtype(), y.device());
  if (!dx.numel()) return dx;
  const Index cols = y.shape()[-1];
  with_floating("softmax", y.dtype(), [&](auto t) {
    using T = decltype(t);
    const SoftmaxBackward<T> args{g.data<T>(), y.data<T>(), dx.data<T>(), y.numel() / cols, cols};
    if (kind == Rows::softmax)
      kernels::softmax_rows_backward(y.stream(), args);
    else
      kernels::log_softmax_rows_backward(y.stream(), args);
  });
  return dx;
}

Tensor minus_infinity(const Tensor& like) {
  return Tensor::scalar(-std::numeric_limits<double>::infinity(), like.dtype(), like.device());
}
// 1 where x > -inf: the elements that take part.
Tensor present(const Tensor& x) { return greater(x.detach(), minus_infinity(x)); }

// The largest of each row, 0 where that is -inf: subtracted, it changes nothing but the range.
Tensor row_shift(const Tensor& x) {
  const Tensor m = max(x.detach(), {-1}, true);
  return where(present(m), m, Tensor::scalar(0, x.dtype(), x.device()));
}
Tensor softmax_composite(const Tensor& x) {
  const Tensor e = exp(x - row_shift(x)), total = sum(e, {-1}, true);
  const Tensor one = Tensor::scalar(1, x.dtype(), x.device());
  return e / where(equal(total.detach(), Tensor::scalar(0, x.dtype(), x.device())), one, total);
}
Tensor logsumexp_composite(const Tensor& x) {  // keeps the axis
  const Tensor m = row_shift(x), total = sum(exp(x - m), {-1}, true);
  const Tensor any = present(log(total.detach())), one = Tensor::scalar(1, x.dtype(), x.device());
  return where(any, m + log(where(any, total, one)), minus_infinity(x));
}
Tensor log_softmax_composite(const Tensor& x) {
  return where(present(x), x - logsumexp_composite(x), minus_infinity(x));
}

// y (g - sum(g y)), differentiable in both.
Tensor softmax_backward(const Tensor& g, const Tensor& y) {
  const Tensor dx = run_backward(Rows::softmax, g, y);
  return record(dx, "softmax_backward", {g, y}, save_input(0) | save_input(1), [](Vjp& v) {
    const Tensor u = v.grad(), g = v.input(0), y = v.input(1);
    v.give(0, [&] { return softmax_backward(u, y); });
    v.give(1, [&] { return u * (g - sum(g * y, {-1}, true)) - g * sum(u * y, {-1}, true); });
  });
}
// h - exp(y) sum(h), h = g where y > -inf, else 0.
Tensor log_softmax_backward(const Tensor& g, const Tensor& y) {
  const Tensor dx = run_backward(Rows::log_softmax, g, y);
  return record(dx, "log_softmax_backward", {g, y}, save_input(0) | save_input(1), [](Vjp& v) {
    const Tensor u = v.grad(), g = v.input(0), y = v.input(1), mask = present(y), p = exp(y);
    v.give(0, [&] { return mask * (u - sum(u * p, {-1}, true)); });
    v.give(1, [&] { return -(u * p * sum(g * mask, {-1}, true)); });
  });
}

Tensor softmax_last(const Tensor& x) {
  if (reference_mode() && x.numel()) return softmax_composite(x);
  const Tensor y = run_rows(Rows::softmax, x, x.shape());
  return record(y, "softmax", {x}, save_output(),
                [](Vjp& v) { v.give(0, [&] { return softmax_backward(v.grad(), v.output()); }); });
}
Tensor log_softmax_last(const Tensor& x) {
  if (reference_mode() && x.numel()) return log_softmax_composite(x);
  const Tensor y = run_rows(Rows::log_softmax, x, x.shape());
  return record(y, "log_softmax", {x}, save_output(), [](Vjp& v) {
    v.give(0, [&] { return log_softmax_backward(v.grad(), v.output()); });
  });
}
Tensor logsumexp_last(const Tensor& x) {  // without the axis
  const Shape shape = without(x.shape(), x.rank() - 1, false);
  if (reference_mode()) return reshape(logsumexp_composite(x), shape);
  const Tensor y = run_rows(Rows::logsumexp, x, shape);
  return record(y, "logsumexp", {x}, save_input(0), [](Vjp& v) {
    v.give(0, [&] { return unsqueeze(v.grad(), -1) * softmax(v.input(0), -1); });
  });
}

}  // namespace

Tensor sum(const Tensor& x, const Axes& axes, bool keepdim) {
  return scaled_sum("sum", x, plan("sum", x, axes, keepdim), 1);
}
Tensor mean(const Tensor& x, const Axes& axes, bool keepdim) {
  const Plan p = plan("mean", x, axes, keepdim);
  if (p.count == 0)
    op_error("mean", "at least one element along the axes", concat("shape ", x.shape()));
  return scaled_sum("mean", x, p, 1 / double(p.count));
}
Tensor max(const Tensor& x, const Axes& axes, bool keepdim) {
  return extreme("max", Kind::max, x, plan("max", x, axes, keepdim));
}
Tensor min(const Tensor& x, const Axes& axes, bool keepdim) {
  return extreme("min", Kind::min, x, plan("min", x, axes, keepdim));
}

Tensor var(const Tensor& x, const Axes& axes, int ddof, bool keepdim) {
  const Plan p = plan("var", x, axes, keepdim);
  if (ddof < 0 || p.count <= ddof)
    op_error("var", concat("more than ddof = ", ddof, " elements along the axes, and ddof >= 0"),
             concat(p.count, " elements of shape ", x.shape()));
  const double n = double(p.count - ddof);
  if (reference_mode()) {
    const Tensor d = x - mean(x, p.axes, true);
    return reshape(sum(d * d, p.axes) * (1 / n), p.out);
  }
  Tensor y;
  {
    const NoGrad off;
    y = var_forward(x, p, ddof);
  }
  return record(y, "var", {x}, save_input(0), [p, n](Vjp& v) {
    v.give(0, [&] {
      const Tensor x = v.input(0);
      return (x - mean(x, p.axes, true)) * (reshape(v.grad(), p.kept) * (2 / n));
    });
  });
}

Tensor softmax(const Tensor& x, int axis) {
  return along(x, check_axis("softmax", x, axis), softmax_last);
}
Tensor log_softmax(const Tensor& x, int axis) {
  return along(x, check_axis("log_softmax", x, axis), log_softmax_last);
}
Tensor logsumexp(const Tensor& x, int axis, bool keepdim) {
  const int a = check_axis("logsumexp", x, axis);
  check_not_empty("logsumexp", x, a);
  return reshape(logsumexp_last(axis_last(x, a)), without(x.shape(), a, keepdim));
}

Tensor argmax(const Tensor& x, int axis) {
  const int a = check_axis("argmax", x, axis);
  check_not_empty("argmax", x, a);
  const NoGrad off;
  const Tensor rows = axis_last(x, a);
  const Tensor out = Tensor::empty(without(x.shape(), a, false), DType::i64, x.device());
  const Index cols = rows.shape()[-1];
  with_floating("argmax", x.dtype(), [&](auto t) {
    using T = decltype(t);
    kernels::row_argmax<T>(x.stream(), {rows.data<T>(), out.data<Index>(), out.numel(), cols});
  });
  return out;
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  const int lead = x.rank() - shape.rank();
  Axes axes;
  for (int a = 0; a < x.rank(); a++) {
    const Index to = a < lead ? 1 : shape[a - lead];
    if (lead < 0 || (to != 1 && to != x.shape()[a]))
      axes.assign(1, -1), a = x.rank();
    else if (to == 1 && x.shape()[a] != 1)
      axes.push_back(a);
  }
  if (lead < 0 || (!axes.empty() && axes[0] < 0))
    op_error("sum_to", concat("a shape that broadcasts to ", x.shape()), concat(shape));
  return reshape(axes.empty() ? x : sum(x, axes, true), shape);
}

}  // namespace imago::ops
