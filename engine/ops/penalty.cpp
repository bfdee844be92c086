#include "engine/ops/penalty.h"

#include "engine/ops/dispatch.h"
#include "engine/ops/fused.h"
#include "engine/ops/layout.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/reduce.h"

namespace imago::ops {
namespace {

using namespace fused;
using Tensors = std::vector<Tensor>;

struct Rows {
  Index rows, cols;
};
Rows rows_of(const char* op, const Tensor& x) {
  if (!x.defined() || x.rank() < 1 || !is_floating(x.dtype()))
    op_error(op, "a batch [rows, ...], float32 or float64",
             x.defined() ? imago::concat(x.shape(), " ", x.dtype()) : "an undefined tensor");
  Index cols = 1;
  for (int i = 1; i < x.rank(); i++) cols *= x.shape()[i];
  return {x.size(0), cols};
}
Tensor like(const Tensor& t) { return Tensor::empty(t.shape(), t.dtype(), t.device()); }
Tensor matrix(const Tensor& x) {
  const Rows n = rows_of("norm_penalty", x);
  return reshape(x, Shape{n.rows, n.cols});
}

// --- points

Tensor row_uniforms(const Tensor& x, PhiloxKey key) {
  Generator g{key.seed, key.offset};
  std::vector<Index> dims(std::size_t(x.rank()), 1);
  dims[0] = x.size(0);
  return reshape(rand({x.size(0)}, g, x.dtype(), x.device()), dims);
}

// u x, or (1 - u) x; its own adjoint.
Tensor scale_rows(const Tensor& x, PhiloxKey key, bool complement) {
  const Rows n = rows_of("interpolate_rows", x);
  const Tensor y = like(x);
  with_floating("interpolate_rows", x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    InterpolateRows<T> p{.rows = n.rows, .cols = n.cols, .key = key};
    p.a = x.data<T>(), p.out = y.data<T>(), p.complement = complement;
    kernels::scale_rows(y.stream(), p);
  });
  return record(y, "scale_rows", {x}, save_nothing, [key, complement](Vjp& v) {
    v.give(0, [&] { return scale_rows(v.grad(), key, complement); });
  });
}

Tensor perturb_composite(const Tensor& x, const Tensor& sigma, PhiloxKey rows, PhiloxKey elements,
                         RowNoise noise) {
  Generator g{elements.seed, elements.offset};
  const Tensor e = noise == RowNoise::normal ? randn(x.shape(), g, x.dtype(), x.device())
                                             : rand(x.shape(), g, x.dtype(), x.device());
  return x + reshape(sigma, Shape{}) * row_uniforms(x, rows) * e;
}

// --- penalty

void check_some(const Tensor& g) {
  if (rows_of("norm_penalty", g).rows == 0)
    op_error("norm_penalty", "at least one row", imago::concat("shape ", g.shape()));
}

Tensors penalty_composite(const Tensor& g, NormPenalty kind) {
  const Tensor squares = sum(square(matrix(g)), {1});
  if (kind == NormPenalty::squared) return {mean(squares) * .5};
  const Tensor zero = Tensor::scalar(0, g.dtype(), g.device());
  const Tensor one = Tensor::scalar(1, g.dtype(), g.device());
  const Tensor some = greater(squares.detach(), zero);
  const Tensor norm = where(some, sqrt(where(some, squares, one)), zero);
  const Tensor over = norm - 1;
  return {mean(square(kind == NormPenalty::one_sided ? relu(over) : over))};
}

template <class T>
RowPenalty<T> penalty_arguments(const Tensor& g, const Tensor& norm, NormPenalty kind) {
  const Rows n = rows_of("norm_penalty", g);
  return {.rows = n.rows, .cols = n.cols, .kind = kind, .g = g.data<T>(), .norm = norm.data<T>()};
}

// (g, up, a) -> the gradients of a . dg by g and by up.
Tensors penalty_second(const Tensor& g, const Tensor& up, const Tensor& a, const Tensor& norm,
                       NormPenalty kind) {
  const Tensor dg = like(g), parts = like(norm);
  with_floating("norm_penalty", g.dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto p = penalty_arguments<T>(g, norm, kind);
    p.up = up.data<T>(), p.to_dg = a.data<T>(), p.dg = dg.data<T>(), p.dup = parts.data<T>();
    kernels::norm_penalty_second(g.stream(), p);
  });
  const Tensor dup = [&] {
    const NoGrad off;
    return sum(parts);
  }();
  const Function first = [kind](const Tensors& p) { return penalty_composite(p[0], kind); };
  return record({dg, dup}, "norm_penalty_second", {g, up, a}, save_inputs(3),
                vjp_of(
                    [first](const Tensors& p) {
                      const Function backward = gradient_of(first, {true});
                      return gradient_of(backward, {true, true})({p[0], p[1], p[2]});
                    },
                    3, 2));
}

Tensor penalty_backward(const Tensor& g, const Tensor& up, const Tensor& norm, NormPenalty kind) {
  const Tensor dg = norm_penalty_gradient(g, norm, up, kind);
  return record(dg, "norm_penalty_backward", {g, up}, save_inputs(2), [norm, kind](Vjp& v) {
    const Tensors d = penalty_second(v.input(0), v.input(1), v.grad(), norm, kind);
    for (int i = 0; i < 2; i++) v.give(i, [&] { return d[std::size_t(i)]; });
  });
}

}  // namespace

Tensor interpolate_rows(const Tensor& a, const Tensor& b, Generator& g) {
  const Rows n = rows_of("interpolate_rows", a);
  check_like("interpolate_rows", "a second batch", b, a.shape(), a);
  const PhiloxKey key = g.take(n.rows);
  if (reference_mode()) {
    const Tensor u = row_uniforms(a, key);
    return u * a + (1 - u) * b;
  }
  const Tensor y = like(a);
  with_floating("interpolate_rows", a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    InterpolateRows<T> p{.rows = n.rows, .cols = n.cols, .key = key};
    p.a = a.data<T>(), p.b = b.data<T>(), p.out = y.data<T>();
    kernels::interpolate_rows(y.stream(), p);
  });
  return record(y, "interpolate_rows", {a, b}, save_nothing, [key](Vjp& v) {
    v.give(0, [&] { return scale_rows(v.grad(), key, false); });
    v.give(1, [&] { return scale_rows(v.grad(), key, true); });
  });
}

Tensor perturb_rows(const Tensor& x, const Tensor& sigma, Generator& g, RowNoise noise) {
  const Rows n = rows_of("perturb_rows", x);
  if (!sigma.defined() || sigma.numel() != 1)
    op_error("perturb_rows", "a sigma of one element",
             sigma.defined() ? imago::concat("shape ", sigma.shape()) : "an undefined tensor");
  check_like("perturb_rows", "sigma", sigma, sigma.shape(), x);
  const PhiloxKey rows = g.take(n.rows), elements = g.take(x.numel());
  if (reference_mode()) return perturb_composite(x, sigma, rows, elements, noise);
  const Tensor y = like(x), u = [&] {
    const NoGrad off;
    return row_uniforms(x, rows);
  }();
  with_floating("perturb_rows", x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    PerturbRows<T> p{.rows = n.rows, .cols = n.cols, .key = elements};
    p.normal = noise == RowNoise::normal;
    p.x = x.data<T>(), p.u = u.data<T>(), p.sigma = sigma.data<T>(), p.out = y.data<T>();
    kernels::perturb_rows(y.stream(), p);
  });
  return record(y, "perturb_rows", {x, sigma}, save_inputs(2),
                vjp_of(
                    [=](const Tensors& p) {
                      return Tensors{perturb_composite(p[0], p[1], rows, elements, noise)};
                    },
                    2, 1));
}

Tensor norm_penalty(const Tensor& g, NormPenalty kind) {
  check_some(g);
  if (reference_mode()) return penalty_composite(g, kind)[0];
  const auto [mean, norm] = fused::norm_penalty(g, kind);
  return record(mean, "norm_penalty", {g}, save_inputs(1), [norm = norm, kind](Vjp& v) {
    v.give(0, [&] { return penalty_backward(v.input(0), v.grad(), norm, kind); });
  });
}

}  // namespace imago::ops

namespace imago::fused {

PenaltyOfNorms norm_penalty(const Tensor& g, NormPenalty kind) {
  ops::check_some(g);
  const Tensor norm = Tensor::empty({g.size(0)}, g.dtype(), g.device()), values = ops::like(norm);
  ops::with_floating("norm_penalty", g.dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto p = ops::penalty_arguments<T>(g, norm, kind);
    p.value = values.data<T>();
    kernels::norm_penalty(g.stream(), p);
  });
  const NoGrad off;
  return {ops::sum(values), norm};
}

Tensor norm_penalty_gradient(const Tensor& g, const Tensor& norm, const Tensor& up,
                             NormPenalty kind) {
  const Tensor dg = ops::like(g);
  ops::with_floating("norm_penalty", g.dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto p = ops::penalty_arguments<T>(g, norm, kind);
    p.up = up.data<T>(), p.dg = dg.data<T>();
    kernels::norm_penalty_backward(g.stream(), p);
  });
  return dg;
}

}  // namespace imago::fused
