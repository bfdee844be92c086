// The likelihoods of variational.h.
#include "kernels/likelihood.h"

#include "engine/ops/dispatch.h"
#include "engine/ops/fused.h"
#include "engine/ops/layout.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/variational.h"

namespace imago::ops {
namespace {

using namespace fused;
using Tensors = std::vector<Tensor>;

Tensor like(const Tensor& t) { return Tensor::empty(t.shape(), t.dtype(), t.device()); }

// --- Bernoulli

Tensor bernoulli_composite(const Tensor& x, const Tensor& u, Index samples) {
  return sum(repeat_rows(x, samples) * u - softplus(u), {1});
}
// (x, u, g, a): the gradient of a . du by u and g, where du = g (x - sigmoid(u)).
Tensors bernoulli_second_composite(const Tensors& p, Index samples) {
  const Tensor y = sigmoid(p[1]);
  return {-(unsqueeze(p[2], 1) * p[3] * (y * (1 - y))),
          sum(p[3] * (repeat_rows(p[0], samples) - y), {1})};
}

template <class T>
Bernoulli<T> bernoulli_arguments(const Tensor& x, const Tensor& u, Index samples) {
  return {.rows = u.size(0),
          .cols = u.size(1),
          .samples = samples,
          .x = x.data<T>(),
          .logits = u.data<T>()};
}

Tensors bernoulli_second(const Tensor& x, const Tensor& u, const Tensor& g, const Tensor& a,
                         Index samples) {
  const Tensor du = like(u), dg = like(g);
  with_floating("bernoulli_log_prob", u.dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto p = bernoulli_arguments<T>(x, u, samples);
    p.g = g.data<T>(), p.to_du = a.data<T>(), p.du = du.data<T>(), p.dg = dg.data<T>();
    kernels::bernoulli_log_prob_second(u.stream(), p);
  });
  const auto composite = [samples](const Tensors& p) {
    return bernoulli_second_composite(p, samples);
  };
  return record({du, dg}, "bernoulli_log_prob_second", {x, u, g, a}, save_inputs(4),
                vjp_of(composite, 4, 2));
}

Tensor bernoulli_backward(const Tensor& x, const Tensor& u, const Tensor& g, Index samples) {
  const Tensor du = like(u);
  with_floating("bernoulli_log_prob", u.dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto p = bernoulli_arguments<T>(x, u, samples);
    p.g = g.data<T>(), p.du = du.data<T>();
    kernels::bernoulli_log_prob_backward(u.stream(), p);
  });
  return record(du, "bernoulli_log_prob_backward", {x, u, g}, save_inputs(3), [samples](Vjp& v) {
    v.give(0, [&] { return group_sum(unsqueeze(v.input(2), 1) * v.grad(), samples); });
    if (!v.needed(1) && !v.needed(2)) return;
    const Tensors d = bernoulli_second(v.input(0), v.input(1), v.input(2), v.grad(), samples);
    v.give(1, [&] { return d[0]; });
    v.give(2, [&] { return d[1]; });
  });
}

// --- densities of a mean and a log scale

struct GaussianOp {
  static constexpr const char* name = "gaussian_log_prob";
  static constexpr const char* backward_name = "gaussian_log_prob_backward";
  static constexpr const char* scale_name = "logvar";
  template <class T>
  static void forward(Stream s, const LocationScale<T>& p) {
    kernels::gaussian_log_prob(s, p);
  }
  template <class T>
  static void backward(Stream s, const LocationScale<T>& p) {
    kernels::gaussian_log_prob_backward(s, p);
  }
  static Tensor composite(const Tensor& x, const Tensor& mean, const Tensor& logvar) {
    return (square(x - mean) * exp(-logvar) + logvar + 1.83787706640934548356) * -.5;  // log 2 pi
  }
};

struct LogisticOp {
  static constexpr const char* name = "discretized_logistic_log_prob";
  static constexpr const char* backward_name = "discretized_logistic_log_prob_backward";
  static constexpr const char* scale_name = "log_scale";
  template <class T>
  static void forward(Stream s, const LocationScale<T>& p) {
    kernels::discretized_logistic_log_prob(s, p);
  }
  template <class T>
  static void backward(Stream s, const LocationScale<T>& p) {
    kernels::discretized_logistic_log_prob_backward(s, p);
  }
  static Tensor composite(const Tensor& x, const Tensor& mean, const Tensor& log_scale) {
    const double h = 1. / 510;
    const Tensor k = exp(-log_scale), low = logsigmoid((x - mean + h) * k),
                 high = logsigmoid((mean - x + h) * k);
    const Tensor inside = low + high + log(-expm1(k * (-2 * h)));
    const auto bound = [&](double v) { return Tensor::scalar(v, x.dtype(), x.device()); };
    return where(less(x, bound(h)), low, where(greater(x, bound(1 - h)), high, inside));
  }
};

// inputs: x, mean, scale. A scale for all may have any shape of one element.
template <class Op>
Tensors composite_of(const Tensors& inputs, Index samples) {
  const Tensor& s = inputs[2];
  const Tensor scale = s.numel() == 1 ? reshape(s, Shape{1}) : s;
  return {sum(Op::composite(repeat_rows(inputs[0], samples), inputs[1], scale), {1})};
}

Spread spread_of(const char* op, const char* what, const Tensor& scale, const Tensor& mean) {
  if (scale.defined() && scale.numel() == 1 && scale.shape() != mean.shape()) {
    check_like(op, what, scale, scale.shape(), mean);
    return Spread::one;
  }
  if (scale.defined() && scale.rank() == 1) {
    check_like(op, what, scale, {mean.size(1)}, mean);
    return Spread::column;
  }
  check_like(op, what, scale, mean.shape(), mean);
  return Spread::each;
}

template <class T>
LocationScale<T> location_scale_arguments(const Tensor& x, const Tensor& mean, const Tensor& scale,
                                          Spread spread, Index samples) {
  return {.rows = mean.size(0),
          .cols = mean.size(1),
          .samples = samples,
          .spread = spread,
          .x = x.data<T>(),
          .mean = mean.data<T>(),
          .log_scale = scale.data<T>()};
}

// inputs: x, mean, scale, g. Returns dmean, and dscale if wanted.
template <class Op>
Tensors location_scale_backward(const Tensors& inputs, Spread spread, Index samples,
                                bool want_scale) {
  const Tensor &mean = inputs[1], &scale = inputs[2];
  Tensors d{like(mean)};
  if (want_scale)
    d.push_back(spread == Spread::one ? Tensor::empty({mean.size(0)}, mean.dtype(), mean.device())
                                      : like(scale));
  with_floating(Op::name, mean.dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto p = location_scale_arguments<T>(inputs[0], mean, scale, spread, samples);
    p.g = inputs[3].data<T>(), p.dmean = d[0].data<T>();
    if (want_scale) p.dlog_scale = d[1].data<T>();
    Op::backward(mean.stream(), p);
  });
  if (want_scale && spread == Spread::one) {
    const NoGrad off;
    d[1] = reshape(sum(d[1]), scale.shape());
  }
  const auto composite = [samples](const Tensors& p) { return composite_of<Op>(p, samples); };
  return record(d, Op::backward_name, inputs, save_inputs(4),
                vjp_of(gradient_of(composite, {false, true, want_scale}), 4, int(d.size())));
}

template <class Op>
Tensor location_scale(const Tensor& x, const Tensor& mean, const Tensor& scale) {
  const Index samples = samples_of(Op::name, x, mean);
  const Spread spread = spread_of(Op::name, Op::scale_name, scale, mean);
  if (reference_mode()) return composite_of<Op>({x, mean, scale}, samples)[0];
  const Tensor log_prob = Tensor::empty({mean.size(0)}, mean.dtype(), mean.device());
  with_floating(Op::name, mean.dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto p = location_scale_arguments<T>(x, mean, scale, spread, samples);
    p.log_prob = log_prob.data<T>();
    Op::forward(mean.stream(), p);
  });
  return record(log_prob, Op::name, {x, mean, scale}, save_inputs(3), [spread, samples](Vjp& v) {
    const Tensors d = location_scale_backward<Op>({v.input(0), v.input(1), v.input(2), v.grad()},
                                                  spread, samples, v.needed(2));
    v.give(0, [&] { return -group_sum(d[0], samples); });  // a function of x - mean
    v.give(1, [&] { return d[0]; });
    v.give(2, [&] { return d[1]; });
  });
}

}  // namespace

Tensor bernoulli_log_prob(const Tensor& x, const Tensor& logits) {
  const Index samples = samples_of("bernoulli_log_prob", x, logits);
  if (reference_mode()) return bernoulli_composite(x, logits, samples);
  const Tensor log_prob = Tensor::empty({logits.size(0)}, logits.dtype(), logits.device());
  with_floating("bernoulli_log_prob", logits.dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto p = bernoulli_arguments<T>(x, logits, samples);
    p.log_prob = log_prob.data<T>();
    kernels::bernoulli_log_prob(logits.stream(), p);
  });
  return record(log_prob, "bernoulli_log_prob", {x, logits}, save_inputs(2), [samples](Vjp& v) {
    v.give(0, [&] { return group_sum(unsqueeze(v.grad(), 1) * v.input(1), samples); });
    v.give(1, [&] { return bernoulli_backward(v.input(0), v.input(1), v.grad(), samples); });
  });
}

Tensor gaussian_log_prob(const Tensor& x, const Tensor& mean, const Tensor& logvar) {
  return location_scale<GaussianOp>(x, mean, logvar);
}

Tensor discretized_logistic_log_prob(const Tensor& x, const Tensor& mean, const Tensor& log_scale) {
  return location_scale<LogisticOp>(x, mean, log_scale);
}

}  // namespace imago::ops
