#include "engine/ops/norm.h"

#include <algorithm>

#include "engine/ops/dispatch.h"
#include "engine/ops/fused.h"
#include "engine/ops/layout.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "kernels/norm.h"

namespace imago::ops {
namespace {

using namespace fused;
using Tensors = std::vector<Tensor>;

// Which elements make a set, see kernels/norm.h.
struct Sets {
  const char* op;
  Index batch, positions, groups, width;
  double eps;
  bool centre = true;

  Index channels() const { return groups * width; }
  bool rows() const { return positions == 1 && groups == 1; }
  Tensor statistic(const Tensor& x) const {
    return Tensor::empty({rows() ? batch : batch * channels()}, x.dtype(), x.device());
  }
  Tensor work(const Tensor& x, Index each) const {
    return Tensor::empty({rows() ? 0 : each * batch * channels()}, x.dtype(), x.device());
  }
};
// Values beside the graph: the kernels differentiate through them.
struct Statistics {
  Tensor mean, rstd, var;  // var undefined where no one asks
};
struct Sums {
  Tensor g, gx, mean_h, mean_hx;
};

Tensor like(const Tensor& t) { return Tensor::empty(t.shape(), t.dtype(), t.device()); }

template <class T>
Norm<T> arguments(const Sets& sets, const Statistics& k, const Tensor& x, const Tensor& weight) {
  return {.batch = sets.batch,
          .positions = sets.positions,
          .groups = sets.groups,
          .width = sets.width,
          .eps = T(sets.eps),
          .centre = sets.centre,
          .x = x.data<T>(),
          .weight = weight.data<T>(),
          .mean = k.mean.data<T>(),
          .rstd = k.rstd.data<T>()};
}

// --- the composite: x, weight, bias

Tensors composite(const Sets& sets, const Tensors& p) {
  if (!p[0].numel()) return {p[0] * p[1] + p[2]};  // no means to take
  const Tensor x = reshape(p[0], {sets.batch, sets.positions, sets.groups, sets.width});
  const Tensor d = sets.centre ? x - mean(x, {1, 3}, true) : x;
  const Tensor xhat = d * rsqrt(mean(square(d), {1, 3}, true) + sets.eps);
  return {reshape(xhat, p[0].shape()) * p[1] + p[2]};
}
// (x, weight, g) -> gradients of x and, when all, of weight and bias.
Function backward_composite(const Sets& sets, bool all) {
  return [=](const Tensors& p) {
    const Tensor bias = Tensor::zeros(p[1].shape(), p[1].dtype(), p[1].device());
    return gradient_of([=](const Tensors& q) { return composite(sets, q); },
                       {true, all, all})({p[0], p[1], bias, p[2]});
  };
}

// --- the kernels

// The gradients by x, weight and g of to[0] . dx + to[1] . dweight + to[2] . dbias; `all` says
// whether the last two are there.
Tensors norm_second(const Sets& sets, const Statistics& k, const Sums& sums, const Tensor& x,
                    const Tensor& weight, const Tensor& g, const Tensors& to, bool all,
                    bool weight_needed) {
  const Tensor dx = like(x), dg = like(x), dweight = like(weight);
  const Tensor mean_a = sets.statistic(x), mean_ax = sets.statistic(x), work = sets.work(x, 5);
  const Tensor none = all ? Tensor() : Tensor::zeros(weight.shape(), x.dtype(), x.device());
  with_floating(sets.op, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto p = arguments<T>(sets, k, x, weight);
    p.g = g.data<T>(), p.dx = dx.data<T>(), p.dg = dg.data<T>();
    p.dweight = weight_needed ? dweight.data<T>() : nullptr;
    p.sum_g = sums.g.data<T>(), p.sum_gx = sums.gx.data<T>();
    p.mean_h = sums.mean_h.data<T>(), p.mean_hx = sums.mean_hx.data<T>();
    p.a = to[0].data<T>();
    p.to_dweight = (all ? to[1] : none).data<T>(), p.to_dbias = (all ? to[2] : none).data<T>();
    p.mean_a = mean_a.data<T>(), p.mean_ax = mean_ax.data<T>(), p.work = work.data<T>();
    kernels::norm_second(x.stream(), p);
  });
  Tensors inputs{x, weight, g};
  inputs.insert(inputs.end(), to.begin(), to.end());
  const Function f = gradient_of(backward_composite(sets, all), {true, true, true});
  const int count = int(inputs.size());
  return record({dx, dweight, dg}, "norm_second", inputs, save_inputs(count), vjp_of(f, count, 3));
}

// dx and, when all, dweight and dbias.
Tensors norm_backward(const Sets& sets, const Statistics& k, const Tensor& x, const Tensor& weight,
                      const Tensor& g, bool all) {
  Tensors d{like(x)};
  if (all) d.push_back(like(weight)), d.push_back(like(weight));
  const Sums sums{sets.work(x, 1), sets.work(x, 1), sets.statistic(x), sets.statistic(x)};
  with_floating(sets.op, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto p = arguments<T>(sets, k, x, weight);
    p.g = g.data<T>(), p.dx = d[0].data<T>();
    if (all) p.dweight = d[1].data<T>(), p.dbias = d[2].data<T>();
    p.sum_g = sums.g.data<T>(), p.sum_gx = sums.gx.data<T>();
    p.mean_h = sums.mean_h.data<T>(), p.mean_hx = sums.mean_hx.data<T>();
    kernels::norm_backward(x.stream(), p);
  });
  return record(d, "norm_backward", {x, weight, g}, save_inputs(3), [=](Vjp& v) {
    Tensors to{v.grad(0)};
    if (all) to.push_back(v.grad(1)), to.push_back(v.grad(2));
    const Tensors second =
        norm_second(sets, k, sums, v.input(0), v.input(1), v.input(2), to, all, v.needed(1));
    for (int i = 0; i < 3; i++) v.give(i, [&] { return second[std::size_t(i)]; });
  });
}

// y and, for the caller, what it was made with.
struct Normalized {
  Tensor y;
  Statistics statistics;
};
Normalized normalize(const Sets& sets, const Tensor& x, const Tensor& weight, const Tensor& bias,
                     bool with_var = false) {
  const Statistics k{sets.statistic(x), sets.statistic(x), with_var ? sets.statistic(x) : Tensor()};
  const Tensor y = like(x), work = sets.work(x, 1);
  with_floating(sets.op, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto p = arguments<T>(sets, k, x, weight);
    p.bias = bias.data<T>(), p.y = y.data<T>(), p.work = work.data<T>();
    if (with_var) p.var = k.var.data<T>();
    kernels::norm(x.stream(), p);
  });
  const auto vjp = [sets, k](Vjp& v) {
    const bool all = v.needed(1) || v.needed(2);
    const Tensors d = norm_backward(sets, k, v.input(0), v.input(1), v.grad(), all);
    for (int i = 0; i < 3; i++) v.give(i, [&] { return d[std::size_t(i)]; });
  };
  return {record(y, sets.op, {x, weight, bias}, save_inputs(2), vjp), k};
}

// --- arguments

void check(const char* op, const Tensor& x) {
  if (!x.defined() || x.rank() < 2 || !is_floating(x.dtype()))
    op_error(op, "x of shape [n, ..., channels], float32 or float64",
             x.defined() ? imago::concat(x.shape(), " ", x.dtype()) : "an undefined tensor");
}
// t, or value where it is undefined: one of each channel of x.
Tensor of_channels(const char* op, const char* what, const Tensor& t, const Tensor& x,
                   double value) {
  const Shape shape{x.size(-1)};
  if (!t.defined()) return Tensor::full(shape, value, x.dtype(), x.device());
  check_like(op, what, t, shape, x);
  return t;
}
Tensor run(const Sets& sets, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor w = of_channels(sets.op, "weight", weight, x, 1),
               b = of_channels(sets.op, "bias", bias, x, 0);
  if (reference_mode()) return composite(sets, {x, w, b})[0];
  return normalize(sets, x, w, b).y;
}

}  // namespace

BatchStatistics batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  check("batch_norm", x);
  const Index c = x.size(-1), rows = c ? x.numel() / c : 0;
  if (!rows) op_error("batch_norm", "at least one row and channel", imago::concat(x.shape()));
  const Sets sets{"batch_norm", 1, rows, c, 1, eps};
  const Tensor w = of_channels("batch_norm", "weight", weight, x, 1),
               b = of_channels("batch_norm", "bias", bias, x, 0);
  if (reference_mode()) {
    const Tensor flat = reshape(x.detach(), {rows, c});
    return {composite(sets, {x, w, b})[0], mean(flat, {0}), var(flat, {0})};
  }
  const auto [y, k] = normalize(sets, x, w, b, true);
  return {y, k.mean, k.var};
}
Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& mean,
                  const Tensor& var, double eps) {
  check("batch_norm", x);
  check_like("batch_norm", "mean", mean, {x.size(-1)}, x);
  check_like("batch_norm", "var", var, {x.size(-1)}, x);
  const Tensor w = of_channels("batch_norm", "weight", weight, x, 1),
               b = of_channels("batch_norm", "bias", bias, x, 0);
  return (x - mean) * (rsqrt(var + eps) * w) + b;
}
Tensor group_norm(const Tensor& x, Index groups, const Tensor& weight, const Tensor& bias,
                  double eps) {
  check("group_norm", x);
  const Index c = x.size(-1);
  if (groups < 1 || c % groups != 0)
    op_error("group_norm", imago::concat("groups that divide the ", c, " channels of ", x.shape()),
             imago::concat(groups));
  const Index batch = x.numel() ? x.size(0) : 0;
  const Index positions = batch ? x.numel() / (batch * c) : 1;
  return run({"group_norm", batch, positions, groups, c / groups, eps}, x, weight, bias);
}
Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  check("layer_norm", x);
  const Index c = x.size(-1);
  return run({"layer_norm", c ? x.numel() / c : 0, 1, 1, c, eps}, x, weight, bias);
}
Tensor pixel_norm(const Tensor& x, double eps) {
  check("pixel_norm", x);
  const Index c = x.size(-1);
  return run({"pixel_norm", c ? x.numel() / c : 0, 1, 1, c, eps, false}, x, {}, {});
}

Tensor minibatch_stddev(const Tensor& x, Index group) {
  check("minibatch_stddev", x);
  if (group < 1) op_error("minibatch_stddev", "groups of at least 1", imago::concat(group));
  const Index n = x.size(0);
  std::vector<Index> one = x.shape().dims();
  one.back() = 1;
  if (!x.numel()) return concat({x, Tensor::zeros(Shape(one), x.dtype(), x.device())}, -1);
  const Index size = std::min(group, n), last = size + n % size;
  // The same figure for each of `size` samples that follow each other.
  const auto figures = [&](const Tensor& part, Index size) {
    const Index groups = part.size(0) / size;
    const Tensor v = var(reshape(part, {groups, size, -1}), {1});
    std::vector<Index> whole = one;
    whole[0] = part.size(0);
    const Tensor each = repeat_rows(mean(sqrt(v + 1e-8), {1}), size);
    std::vector<Index> dims(std::size_t(x.rank()), 1);
    dims[0] = part.size(0);
    return broadcast_to(reshape(each, dims), Shape(whole));
  };
  Tensors parts;
  if (n > last) parts.push_back(figures(slice(x, 0, 0, n - last), size));
  parts.push_back(figures(slice(x, 0, n - last, n), last));
  return concat({x, concat(parts, 0)}, -1);
}

}  // namespace imago::ops
