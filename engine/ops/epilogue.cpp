#include "engine/ops/epilogue.h"

#include "engine/ops/dispatch.h"
#include "engine/ops/ops.h"

namespace imago::fused {
namespace {
constexpr double leaky_slope = .2;
}

Epilogue epilogue(Activation a) { return static_cast<Epilogue>(a); }
static_assert(int(Activation::relu) == int(Epilogue::relu) &&
              int(Activation::leaky_relu) == int(Epilogue::leaky_relu) &&
              int(Activation::tanh) == int(Epilogue::tanh) &&
              int(Activation::sigmoid) == int(Epilogue::sigmoid));

Tensor activate(const Tensor& x, Activation a) {
  switch (a) {
    case Activation::none: break;
    case Activation::relu: return ops::relu(x);
    case Activation::leaky_relu: return ops::leaky_relu(x, leaky_slope);
    case Activation::tanh: return ops::tanh(x);
    case Activation::sigmoid: return ops::sigmoid(x);
  }
  return x;
}

// {g activation'(y), its sum over rows}, y the activation's output. Piecewise linear activations
// have no gradient by y.
std::vector<Tensor> activation_gradient(const Tensor& g, const Tensor& y, Activation a,
                                        bool with_bias) {
  const Index cols = g.size(-1), rows = g.size(0);
  std::vector<Tensor> out{Tensor::empty(g.shape(), g.dtype(), g.device())};
  if (with_bias) out.push_back(Tensor::empty({cols}, g.dtype(), g.device()));
  ops::with_floating("linear", g.dtype(), [&](auto zero) {
    using T = decltype(zero);
    BiasActivationBackward<T> p;
    p.rows = rows, p.cols = cols, p.activation = epilogue(a);
    p.grad = g.data<T>(), p.y = y.data<T>(), p.grad_pre = out[0].data<T>();
    if (with_bias) p.grad_bias = out[1].data<T>();
    kernels::bias_activation_backward(g.stream(), p);
  });
  const bool smooth = a == Activation::tanh || a == Activation::sigmoid;
  return record(out, "activation_gradient", {g, smooth ? y : y.detach()},
                save_input(0) | save_input(1), [a, with_bias](Vjp& v) {
                  Tensor seed = v.grad(0);
                  if (with_bias && v.has_grad(1)) seed = ops::add(seed, v.grad(1));
                  v.give(0, [&] { return activation_gradient(seed, v.input(1), a, false)[0]; });
                  v.give(1, [&] {  // d activation'(y) / dy: -2 y for tanh, 1 - 2 y for sigmoid
                    const Tensor slope =
                        ops::affine(v.input(1), -2, a == Activation::sigmoid ? 1 : 0);
                    return ops::mul(ops::mul(seed, v.input(0)), slope);
                  });
                });
}

}  // namespace imago::fused
