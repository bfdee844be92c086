// The four passes, for a critic f = A_L m_{L-1} A_{L-1} ... m_1 A_1 of affine maps (weights W) and
// masks m, which are constant almost everywhere:
//   forward at x for the masks alone · delta_l = m_l W_{l+1}^T delta_{l+1} back to g = df/dx ·
//   s_0 = dP/dg and s_l = m_l W_l s_{l-1} · dP/dW_l = delta_l s_{l-1}^T
// since P's differential is s_0 . dg, the derivative of f along s_0. Biases have no part in it.
#include "engine/nn/gradient_penalty.h"

#include <cmath>
#include <typeinfo>

#include "engine/nn/conv.h"
#include "engine/ops/epilogue.h"
#include "engine/ops/ops.h"

namespace imago::nn {
namespace {

NormPenalty norm_penalty_of(PenaltyKind kind) {
  switch (kind) {
    case PenaltyKind::wgan_gp:
    case PenaltyKind::dragan: return NormPenalty::two_sided;
    case PenaltyKind::lp: return NormPenalty::one_sided;
    case PenaltyKind::r1:
    case PenaltyKind::r2: break;
  }
  return NormPenalty::squared;
}

// Where the gradient is taken.
Tensor points(const Tensor& real, const Tensor& fake, const PenaltyOptions& o, Generator& g) {
  const auto need = [](const char* what, const Tensor& t) {
    if (!t.defined()) op_error("gradient_penalty", what, "an undefined tensor");
  };
  if (o.kind != PenaltyKind::r2) need("a batch of real samples", real);
  if (o.kind == PenaltyKind::r1) return real;
  if (o.kind == PenaltyKind::dragan) {
    const bool uniform = o.noise == ops::RowNoise::uniform;
    Tensor sigma;
    {
      const NoGrad off;
      sigma = uniform ? ops::sqrt(ops::var(real)) * .5
                      : Tensor::scalar(std::sqrt(o.variance), real.dtype(), real.device());
    }
    return ops::perturb_rows(real, sigma, g, o.noise);
  }
  need("a batch of generated samples", fake);
  return o.kind == PenaltyKind::r2 ? fake : ops::interpolate_rows(real, fake, g);
}

// What the gradient of one value a sample begins with.
Tensor ones_of(const Shape& values, const Tensor& x) {
  if (values.numel() != x.size(0))
    op_error("gradient_penalty", concat("a critic of one value a sample, ", x.size(0), " in all"),
             concat("shape ", values));
  return Tensor::full(values, 1, x.dtype(), x.device());
}

Tensor by_tape(const Critic& critic, const Tensor& at, NormPenalty kind) {
  const bool graph = grad_enabled();
  Tensor g;
  {
    const EnableGrad on;
    const Tensor x = at.requires_grad() ? at : at.detach().requires_grad_();
    const Tensor y = critic(x);
    g = grad({y}, {x}, {.grad_outputs = {ones_of(y.shape(), x)}, .create_graph = graph})[0];
  }
  return ops::norm_penalty(g, kind);
}

// --- critics of the four passes

using ops::Activation;

// A layer, and the piecewise-linear activation behind it.
struct Step {
  enum Kind { linear, conv, flatten, unflatten, activation } kind;
  Layer* layer;
  Activation activate = Activation::none;
  bool weighted() const { return kind == linear || kind == conv; }
};

// Appends the steps of a layer; why they are none of these four passes, or nothing.
std::string take(Layer& layer, const std::string& at, std::vector<Step>& steps) {
  const auto is = [&](const std::type_info& t) { return typeid(layer) == t; };
  const auto refuse = [&] {
    const std::string text = layer.describe(), name = text.substr(0, text.find_first_of("(,:\n"));
    if (at.empty()) return name.empty() ? std::string("not a Sequential") : name;
    return concat(name.empty() ? "a layer" : name, " at ", at);
  };
  if (is(typeid(Sequential))) {
    auto& all = static_cast<Sequential&>(layer);
    for (std::size_t i = 0; i < all.size(); i++) {
      const std::string why = take(all.layer(i), at + (at.empty() ? "" : ".") + concat(i), steps);
      if (!why.empty()) return why;
    }
  } else if (is(typeid(Linear))) {
    steps.push_back({Step::linear, &layer});
  } else if (is(typeid(Conv2d))) {
    steps.push_back({Step::conv, &layer});
  } else if (is(typeid(Flatten))) {
    steps.push_back({Step::flatten, &layer});
  } else if (is(typeid(Unflatten))) {
    steps.push_back({Step::unflatten, &layer});
  } else if (is(typeid(nn::Activation))) {
    const Activation a = static_cast<nn::Activation&>(layer).fused();
    if (layer.describe() == "identity") return {};
    if (a != Activation::relu && a != Activation::leaky_relu) return refuse();
    const bool joins = !steps.empty() && steps.back().activate == Activation::none;
    if (joins)
      steps.back().activate = a;
    else
      steps.push_back({Step::activation, &layer, a});
  } else {
    return refuse();
  }
  return {};
}
std::string refusal(Layer& critic, std::vector<Step>& steps) {
  if (reference_mode()) return "IMAGO_REFERENCE";
  const std::string why = take(critic, "", steps);
  if (!why.empty()) return why;
  for (const Step& s : steps)
    if (s.weighted()) return {};
  return "no layer with a weight";
}

// [..., n] as [rows, n].
Tensor rows(const Tensor& x) {
  const Index n = x.size(-1);
  return ops::reshape(x, Shape{x.numel() / n, n});
}
// g through the mask of the activation whose output is y.
Tensor masked(const Tensor& g, const Tensor& y, Activation a) {
  return ops::reshape(fused::activation_gradient(rows(g), rows(y), a, false)[0], g.shape());
}

// One penalty of one critic: what the passes leave for one another.
struct Passes {
  std::vector<Step> steps;
  NormPenalty kind = NormPenalty::two_sided;
  Tensor at = {};
  std::vector<Tensor> weights, biases;  // of each step, as they were used; undefined without
  std::vector<std::uint32_t> versions;  // of both, in turn
  std::vector<Shape> shapes = {};       // of what each step is given
  std::vector<Tensor> masks = {};       // of each step: the activation's output
  std::vector<Tensor> deltas = {};      // of each weight that is trained: df behind it
  Tensor g = {}, norm = {};             // df/dx, and its norms

  const ops::ConvOptions& options(std::size_t i) const {
    return static_cast<const Conv2d*>(steps[i].layer)->options();
  }
  // The layer with this weight and bias, without its activation or with it.
  Tensor run(std::size_t i, const Tensor& x, const Tensor& w, const Tensor& bias,
             Activation a) const {
    switch (steps[i].kind) {
      case Step::linear: return ops::linear(x, w, bias, a);
      case Step::conv: return ops::conv2d(x, w, bias, options(i), a);
      case Step::flatten:
      case Step::unflatten: return fused::activate(steps[i].layer->forward(x), a);
      case Step::activation: break;
    }
    return fused::activate(x, a);
  }
  Tensor adjoint(std::size_t i, const Tensor& delta) const {
    const Shape& in = shapes[i];
    switch (steps[i].kind) {
      case Step::linear: return ops::reshape(ops::matmul(rows(delta), weights[i]), in);
      case Step::conv: return towards_image(i, delta);
      case Step::flatten:
        return ops::permute(ops::reshape(delta, {in[0], in[3], in[1], in[2]}), {0, 2, 3, 1});
      case Step::unflatten: return ops::reshape(ops::permute(delta, {0, 3, 1, 2}), in);
      case Step::activation: break;
    }
    return delta;
  }
  // The transposed convolution; its output padding are the pixels that no kernel reached.
  Tensor towards_image(std::size_t i, const Tensor& delta) const {
    ops::ConvOptions o = options(i);
    const Tensor& w = weights[i];
    const auto left = [](Index in, Index out, Index stride, Index pad, Index dilation, Index k) {
      return in - ((out - 1) * stride - 2 * pad + dilation * (k - 1) + 1);
    };
    o.output_padding = {
        left(shapes[i][1], delta.size(1), o.stride.h, o.padding.h, o.dilation.h, w.size(1)),
        left(shapes[i][2], delta.size(2), o.stride.w, o.padding.w, o.dilation.w, w.size(2))};
    return ops::conv_transpose2d(delta, w, {}, o);
  }

  // The first two passes and the penalty.
  Tensor value() {
    const NoGrad off;
    const std::size_t n = steps.size();
    masks.resize(n), deltas.resize(n);
    Tensor x = at;
    Shape out;
    for (std::size_t i = 0; i < n; i++) {
      const Step& s = steps[i];
      shapes.push_back(x.shape());
      if (i + 1 == n && s.kind == Step::linear && s.activate == Activation::none) {
        std::vector<Index> dims = x.shape().dims();  // no mask comes of the values themselves
        dims.back() = weights[i].size(0);
        out = Shape(dims);
        break;
      }
      x = run(i, x, weights[i], biases[i], s.activate);
      if (s.activate != Activation::none) masks[i] = x;
      out = x.shape();
    }
    Tensor delta = ones_of(out, at);
    for (std::size_t i = n; i-- > 0;) {
      if (masks[i].defined()) delta = masked(delta, masks[i], steps[i].activate);
      if (weights[i].requires_grad()) deltas[i] = delta;
      delta = adjoint(i, delta);
    }
    g = delta;
    const auto [value, norms] = fused::norm_penalty(g, kind);
    norm = norms;
    return value;
  }

  // The other two: the gradient of step i's weight goes to give(i, gradient) where needed[i].
  template <class Give>
  void weight_gradients(const Tensor& up, const std::vector<bool>& needed, Give give) const {
    std::size_t last = 0;
    for (std::size_t i = 0; i < steps.size(); i++)
      if (needed[i]) last = i;
    Tensor s = fused::norm_penalty_gradient(g, norm, up, kind);
    for (std::size_t i = 0; i <= last; i++) {
      Tensor t;
      if (needed[i] && steps[i].kind == Step::conv) {
        // The tape of this one layer knows the convolution's rule.
        const EnableGrad on;
        const Tensor w = weights[i].detach().requires_grad_();
        t = run(i, s, w, {}, Activation::none);
        give(i, grad({t}, {w}, {.grad_outputs = {deltas[i]}})[0]);
        t = t.detach();
      } else {
        if (needed[i]) give(i, ops::matmul(rows(deltas[i]), rows(s), true, false));
        if (i == last) return;
        t = steps[i].kind == Step::activation ? s : run(i, s, weights[i], {}, Activation::none);
      }
      s = masks[i].defined() ? masked(t, masks[i], steps[i].activate) : t;
    }
  }

  // The same penalty as a function of the weights of the weighted steps, through the tape.
  Tensor composite(const std::vector<Tensor>& given) const {
    return by_tape(
        [&](const Tensor& x) {
          Tensor y = x;
          std::size_t k = 0;
          for (std::size_t i = 0; i < steps.size(); i++)
            y = run(i, y, steps[i].weighted() ? given[k++] : Tensor(), biases[i],
                    steps[i].activate);
          return y;
        },
        at, kind);
  }

  std::vector<std::uint32_t> versions_now() const {
    std::vector<std::uint32_t> all;
    for (const auto* list : {&weights, &biases})
      for (const Tensor& t : *list) all.push_back(t.defined() ? t.version() : 0);
    return all;
  }
};

Tensor by_passes(std::vector<Step> steps, const Tensor& at, NormPenalty kind) {
  const auto p = std::make_shared<Passes>();
  p->steps = std::move(steps), p->kind = kind, p->at = at.detach();
  std::vector<Tensor> inputs;
  std::vector<std::size_t> place;  // of each input's step
  for (std::size_t i = 0; i < p->steps.size(); i++) {
    const auto keep = [&](auto& layer) {
      p->weights.push_back(layer.weight_now());
      p->biases.push_back(layer.bias.defined() ? layer.bias.detach() : Tensor());
    };
    Layer* const layer = p->steps[i].layer;
    if (p->steps[i].kind == Step::linear)
      keep(*static_cast<Linear*>(layer));
    else if (p->steps[i].kind == Step::conv)
      keep(*static_cast<Conv2d*>(layer));
    else
      p->weights.emplace_back(), p->biases.emplace_back();
    if (p->steps[i].weighted()) inputs.push_back(p->weights[i]), place.push_back(i);
  }
  p->versions = p->versions_now();
  const Tensor value = p->value();
  return record(value, "gradient_penalty", inputs, save_nothing, [p, place, inputs](Vjp& v) {
    if (p->versions_now() != p->versions)
      throw Error(ErrorKind::usage,
                  {"[gradient_penalty] a weight was changed in place after it was used",
                   {},
                   {},
                   {},
                   "take the gradient before the change"});
    std::vector<bool> needed(p->steps.size()), of_inputs;
    for (std::size_t k = 0; k < place.size(); k++) {
      of_inputs.push_back(v.needed(int(k)));
      needed[place[k]] = v.needed(int(k));
    }
    if (grad_enabled()) {  // the next order wants a graph
      const auto all = reference_vjp(
          [&](const std::vector<Tensor>& w) { return std::vector<Tensor>{p->composite(w)}; },
          inputs, {v.grad()}, of_inputs);
      for (std::size_t k = 0; k < place.size(); k++) v.give(int(k), [&] { return all[k]; });
      return;
    }
    p->weight_gradients(v.grad(), needed, [&](std::size_t i, const Tensor& gradient) {
      for (std::size_t k = 0; k < place.size(); k++)
        if (place[k] == i) v.set(int(k), gradient);
    });
  });
}

}  // namespace

Tensor gradient_penalty(const Critic& critic, const Tensor& real, const Tensor& fake,
                        const PenaltyOptions& options, Generator& g) {
  return by_tape(critic, points(real, fake, options, g), norm_penalty_of(options.kind));
}

Tensor gradient_penalty(Layer& critic, const Tensor& real, const Tensor& fake,
                        const PenaltyOptions& options, Generator& g) {
  const Tensor at = points(real, fake, options, g);
  const NormPenalty kind = norm_penalty_of(options.kind);
  std::vector<Step> steps;
  if (options.fused && !at.requires_grad() && refusal(critic, steps).empty())
    return by_passes(std::move(steps), at, kind);
  return by_tape([&critic](const Tensor& x) { return critic(x); }, at, kind);
}

std::string penalty_path(Layer& critic) {
  std::vector<Step> steps;
  const std::string why = refusal(critic, steps);
  return why.empty() ? "fused" : "tape: " + why;
}

}  // namespace imago::nn
