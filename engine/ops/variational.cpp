#include "engine/ops/variational.h"

#include <cmath>

#include "engine/ops/dispatch.h"
#include "engine/ops/fused.h"
#include "engine/ops/layout.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/reduce.h"
#include "kernels/gaussian.h"
#include "kernels/importance.h"
#include "kernels/reparameterize.h"

namespace imago::ops {
namespace {

using namespace fused;
using Tensors = std::vector<Tensor>;
constexpr double half_log_two_pi = 0.91893853320467274178;

Tensor like(const Tensor& t) { return Tensor::empty(t.shape(), t.dtype(), t.device()); }
Tensor empty_rows(Index rows, const Tensor& t) {
  return Tensor::empty({rows}, t.dtype(), t.device());
}

// --- KL to N(0, I)

Tensors kl_composite(const Tensors& p) {
  return {sum((square(p[0]) + (expm1(p[1]) - p[1])) * .5, {1})};
}
// (mu, logvar, g, a, b): the gradient of a . dmu + b . dlogvar, where dmu = g mu, dlogvar = g
// (e^logvar - 1) / 2.
Tensors kl_second_composite(const Tensors& p) {
  const Tensor g = unsqueeze(p[2], 1), e = expm1(p[1]), half_b = p[4] * .5;
  return {g * p[3], g * half_b * (e + 1), sum(p[3] * p[0] + half_b * e, {1})};
}

template <class T>
GaussianKl<T> kl_arguments(const Tensor& mu, const Tensor& logvar) {
  return {.rows = mu.size(0), .cols = mu.size(1), .mu = mu.data<T>(), .logvar = logvar.data<T>()};
}

Tensors kl_second(const Tensor& mu, const Tensor& logvar, const Tensor& g, const Tensor& a,
                  const Tensor& b) {
  const Tensor dmu = like(mu), dlogvar = like(mu), dg = like(g);
  with_floating("gaussian_kl", mu.dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto p = kl_arguments<T>(mu, logvar);
    p.g = g.data<T>(), p.to_dmu = a.data<T>(), p.to_dlogvar = b.data<T>();
    p.dmu = dmu.data<T>(), p.dlogvar = dlogvar.data<T>(), p.dg = dg.data<T>();
    kernels::gaussian_kl_second(mu.stream(), p);
  });
  return record({dmu, dlogvar, dg}, "gaussian_kl_second", {mu, logvar, g, a, b}, save_inputs(5),
                vjp_of(kl_second_composite, 5, 3));
}

Tensors kl_backward(const Tensor& mu, const Tensor& logvar, const Tensor& g) {
  const Tensor dmu = like(mu), dlogvar = like(mu);
  with_floating("gaussian_kl", mu.dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto p = kl_arguments<T>(mu, logvar);
    p.g = g.data<T>(), p.dmu = dmu.data<T>(), p.dlogvar = dlogvar.data<T>();
    kernels::gaussian_kl_backward(mu.stream(), p);
  });
  return record(
      {dmu, dlogvar}, "gaussian_kl_backward", {mu, logvar, g}, save_inputs(3), [](Vjp& v) {
        const Tensors d = kl_second(v.input(0), v.input(1), v.input(2), v.grad(0), v.grad(1));
        for (int i = 0; i < 3; i++) v.give(i, [&] { return d[std::size_t(i)]; });
      });
}

// --- KL to another Gaussian

Tensors kl_pair_composite(const Tensors& p) {
  const Tensor d = p[1] - p[3];
  return {sum((expm1(d) - d + square(p[0] - p[2]) * exp(-p[3])) * .5, {1})};
}

template <class T>
GaussianKlPair<T> kl_pair_arguments(const Tensors& p) {
  return {.rows = p[0].size(0),
          .cols = p[0].size(1),
          .mu1 = p[0].data<T>(),
          .logvar1 = p[1].data<T>(),
          .mu2 = p[2].data<T>(),
          .logvar2 = p[3].data<T>()};
}

// inputs: the four parameters and g.
Tensors kl_pair_backward(const Tensors& inputs) {
  Tensors d;
  for (int i = 0; i < 4; i++) d.push_back(like(inputs[0]));
  with_floating("gaussian_kl", inputs[0].dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto p = kl_pair_arguments<T>(inputs);
    p.g = inputs[4].data<T>();
    p.dmu1 = d[0].data<T>(), p.dlogvar1 = d[1].data<T>(), p.dmu2 = d[2].data<T>(),
    p.dlogvar2 = d[3].data<T>();
    kernels::gaussian_kl_pair_backward(inputs[0].stream(), p);
  });
  return record(d, "gaussian_kl_pair_backward", inputs, save_inputs(5),
                vjp_of(gradient_of(kl_pair_composite, {true, true, true, true}), 5, 4));
}

// --- reparameterisation

// eps and its use, in plain ops.
struct Drawn {
  Tensor eps, z;
};
Drawn draw_composite(const Tensor& mu, const Tensor& logvar, PhiloxKey key, Index samples) {
  Generator g{key.seed, key.offset};
  const Tensor eps = randn({mu.size(0) * samples, mu.size(1)}, g, mu.dtype(), mu.device());
  return {eps, repeat_rows(mu, samples) + repeat_rows(exp(logvar * .5), samples) * eps};
}

template <class T>
Reparameterize<T> draw_arguments(const Tensor& logvar, PhiloxKey key, Index samples) {
  return {.groups = logvar.size(0),
          .samples = samples,
          .cols = logvar.size(1),
          .key = key,
          .logvar = logvar.data<T>()};
}

// With S = exp(logvar / 2) eps / 2, dS / dlogvar = S / 2: noise_sum and scaled_noise are each
// other's gradients.
Tensor noise_sum(const Tensor& h, const Tensor& logvar, PhiloxKey key, Index samples);

// [B, d] -> [B * samples, d]: v S.
Tensor scaled_noise(const Tensor& v, const Tensor& logvar, PhiloxKey key, Index samples) {
  const Tensor y = Tensor::empty({v.size(0) * samples, v.size(1)}, v.dtype(), v.device());
  with_floating("reparameterize", v.dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto p = draw_arguments<T>(logvar, key, samples);
    p.v = v.data<T>(), p.scaled = y.data<T>();
    kernels::scaled_noise(v.stream(), p);
  });
  return record(y, "scaled_noise", {v, logvar}, save_inputs(2), [key, samples](Vjp& g) {
    const Tensor dv = noise_sum(g.grad(), g.input(1), key, samples);
    g.give(0, [&] { return dv; });
    g.give(1, [&] { return g.input(0) * dv * .5; });
  });
}

// [B * samples, d] -> [B, d]: the sum over samples of h S.
Tensor noise_sum(const Tensor& h, const Tensor& logvar, PhiloxKey key, Index samples) {
  const Tensor y = like(logvar);
  with_floating("reparameterize", h.dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto p = draw_arguments<T>(logvar, key, samples);
    p.h = h.data<T>(), p.summed = y.data<T>();
    kernels::noise_sum(h.stream(), p);
  });
  return record(y, "noise_sum", {h, logvar}, save_input(1) | save_output(), [key, samples](Vjp& g) {
    g.give(0, [&] { return scaled_noise(g.grad(), g.input(1), key, samples); });
    g.give(1, [&] { return g.grad() * g.output() * .5; });
  });
}

PhiloxKey take_key(const char* op, const Tensor& mu, const Tensor& logvar, Generator& g,
                   Index samples) {
  check_matrix(op, "mu", mu);
  check_like(op, "logvar", logvar, mu.shape(), mu);
  if (samples < 1) op_error(op, "samples of at least 1", imago::concat(samples));
  return g.take(mu.numel() * samples);
}

// --- importance weights

// (w, g, a): the gradient of a . dw, where dw = g q and q are the normalised weights.
Tensors log_mean_exp_second_composite(const Tensors& p) {
  const Tensor q = softmax(p[0], 1), s = sum(p[2] * q, {1});
  return {unsqueeze(p[1], 1) * q * (p[2] - unsqueeze(s, 1)), s};
}

Tensors log_mean_exp_second(const Tensor& w, const Tensor& bound, const Tensor& g,
                            const Tensor& a) {
  const Tensor dw = like(w), dg = like(g);
  with_floating("log_mean_exp", w.dtype(), [&](auto zero) {
    using T = decltype(zero);
    kernels::log_mean_exp_second(w.stream(), LogMeanExp<T>{.rows = w.size(0),
                                                           .cols = w.size(1),
                                                           .w = w.data<T>(),
                                                           .bound = bound.data<T>(),
                                                           .g = g.data<T>(),
                                                           .to_dw = a.data<T>(),
                                                           .dw = dw.data<T>(),
                                                           .dg = dg.data<T>()});
  });
  return record({dw, dg}, "log_mean_exp_second", {w, g, a}, save_inputs(3),
                vjp_of(log_mean_exp_second_composite, 3, 2));
}

// bound is what the forward pass gave, a value and no input.
Tensor log_mean_exp_backward(const Tensor& w, const Tensor& bound, const Tensor& g) {
  const Tensor dw = like(w);
  with_floating("log_mean_exp", w.dtype(), [&](auto zero) {
    using T = decltype(zero);
    kernels::log_mean_exp_backward(w.stream(), LogMeanExp<T>{.rows = w.size(0),
                                                             .cols = w.size(1),
                                                             .w = w.data<T>(),
                                                             .bound = bound.data<T>(),
                                                             .g = g.data<T>(),
                                                             .dw = dw.data<T>()});
  });
  return record(dw, "log_mean_exp_backward", {w, g}, save_inputs(2), [bound](Vjp& v) {
    const Tensors d = log_mean_exp_second(v.input(0), bound, v.input(1), v.grad());
    for (int i = 0; i < 2; i++) v.give(i, [&] { return d[std::size_t(i)]; });
  });
}

}  // namespace

Tensor gaussian_kl(const Tensor& mu, const Tensor& logvar) {
  check_matrix("gaussian_kl", "mu", mu);
  check_like("gaussian_kl", "logvar", logvar, mu.shape(), mu);
  if (reference_mode()) return kl_composite({mu, logvar})[0];
  const Tensor kl = empty_rows(mu.size(0), mu);
  with_floating("gaussian_kl", mu.dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto p = kl_arguments<T>(mu, logvar);
    p.kl = kl.data<T>();
    kernels::gaussian_kl(mu.stream(), p);
  });
  return record(kl, "gaussian_kl", {mu, logvar}, save_inputs(2), [](Vjp& v) {
    const Tensors d = kl_backward(v.input(0), v.input(1), v.grad());
    for (int i = 0; i < 2; i++) v.give(i, [&] { return d[std::size_t(i)]; });
  });
}

Tensor gaussian_kl(const Tensor& mu1, const Tensor& logvar1, const Tensor& mu2,
                   const Tensor& logvar2) {
  check_matrix("gaussian_kl", "mu1", mu1);
  check_like("gaussian_kl", "logvar1", logvar1, mu1.shape(), mu1);
  check_like("gaussian_kl", "mu2", mu2, mu1.shape(), mu1);
  check_like("gaussian_kl", "logvar2", logvar2, mu1.shape(), mu1);
  const Tensors inputs{mu1, logvar1, mu2, logvar2};
  if (reference_mode()) return kl_pair_composite(inputs)[0];
  const Tensor kl = empty_rows(mu1.size(0), mu1);
  with_floating("gaussian_kl", mu1.dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto p = kl_pair_arguments<T>(inputs);
    p.kl = kl.data<T>();
    kernels::gaussian_kl_pair(mu1.stream(), p);
  });
  return record(kl, "gaussian_kl_pair", inputs, save_inputs(4), [](Vjp& v) {
    const Tensors d = kl_pair_backward({v.input(0), v.input(1), v.input(2), v.input(3), v.grad()});
    for (int i = 0; i < 4; i++) v.give(i, [&] { return d[std::size_t(i)]; });
  });
}

Tensor reparameterize(const Tensor& mu, const Tensor& logvar, Generator& g, Index samples) {
  const PhiloxKey key = take_key("reparameterize", mu, logvar, g, samples);
  if (reference_mode()) return draw_composite(mu, logvar, key, samples).z;
  const Tensor z = Tensor::empty({mu.size(0) * samples, mu.size(1)}, mu.dtype(), mu.device());
  with_floating("reparameterize", mu.dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto p = draw_arguments<T>(logvar, key, samples);
    p.mu = mu.data<T>(), p.z = z.data<T>();
    kernels::reparameterize(mu.stream(), p);
  });
  return record(z, "reparameterize", {mu, logvar}, save_input(1), [key, samples](Vjp& v) {
    v.give(0, [&] { return group_sum(v.grad(), samples); });
    v.give(1, [&] { return noise_sum(v.grad(), v.input(1), key, samples); });
  });
}

PosteriorSample reparameterize_log_prob(const Tensor& mu, const Tensor& logvar, Generator& g,
                                        Index samples) {
  const PhiloxKey key = take_key("reparameterize_log_prob", mu, logvar, g, samples);
  const Index d = mu.size(1);
  if (reference_mode()) {
    const Drawn draw = draw_composite(mu, logvar, key, samples);
    const auto log_density = [&](const Tensor& terms) {
      return sum(terms, {1}) * -.5 - half_log_two_pi * double(d);
    };
    return {draw.z, log_density(repeat_rows(logvar, samples) + square(draw.eps)),
            log_density(square(draw.z))};
  }
  const Tensor z = Tensor::empty({mu.size(0) * samples, d}, mu.dtype(), mu.device());
  const Tensor log_q = empty_rows(z.size(0), mu), log_p = empty_rows(z.size(0), mu);
  with_floating("reparameterize_log_prob", mu.dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto p = draw_arguments<T>(logvar, key, samples);
    p.mu = mu.data<T>(), p.z = z.data<T>(), p.log_q = log_q.data<T>(), p.log_p = log_p.data<T>();
    kernels::reparameterize_log_prob(mu.stream(), p);
  });
  // d log_p / dz = -z; log_q depends on logvar alone, as eps is fixed: d log_q / dlogvar = -1/2.
  const auto vjp = [key, samples](Vjp& v) {
    Tensor dz = v.has_grad(0) ? v.grad(0) : Tensor();
    if (v.has_grad(2)) {
      const Tensor through_p = -(unsqueeze(v.grad(2), 1) * v.output(0));
      dz = dz.defined() ? dz + through_p : through_p;
    }
    if (!dz.defined()) dz = v.grad(0);  // zeros
    v.give(0, [&] { return group_sum(dz, samples); });
    v.give(1, [&] {
      const Tensor by_z = noise_sum(dz, v.input(1), key, samples);
      return v.has_grad(1) ? by_z - unsqueeze(group_sum(v.grad(1), samples), 1) * .5 : by_z;
    });
  };
  const Tensors out = record({z, log_q, log_p}, "reparameterize_log_prob", {mu, logvar},
                             save_input(1) | save_output(0), vjp);
  return {out[0], out[1], out[2]};
}

Tensor log_mean_exp(const Tensor& log_w) {
  check_matrix("log_mean_exp", "log_w", log_w);
  const Index k = log_w.size(1);
  if (k < 1) op_error("log_mean_exp", "at least one weight a row", imago::concat(log_w.shape()));
  if (reference_mode()) return logsumexp(log_w, 1) - std::log(double(k));
  const Tensor bound = empty_rows(log_w.size(0), log_w);
  with_floating("log_mean_exp", log_w.dtype(), [&](auto zero) {
    using T = decltype(zero);
    kernels::log_mean_exp(
        log_w.stream(),
        LogMeanExp<T>{
            .rows = log_w.size(0), .cols = k, .w = log_w.data<T>(), .bound = bound.data<T>()});
  });
  return record(bound, "log_mean_exp", {log_w}, save_input(0) | save_output(0), [](Vjp& v) {
    v.give(0, [&] { return log_mean_exp_backward(v.input(0), v.output().detach(), v.grad()); });
  });
}

}  // namespace imago::ops
