#include "kernels/backend.h"
#include "kernels/gemm.h"

namespace imago::IMAGO_BACKEND {
namespace {

template <Epilogue E, class T>
DEVICE inline T activate(T x) {
  if constexpr (E == Epilogue::relu) return maximum(T(0), x);  // NaN stays
  if constexpr (E == Epilogue::leaky_relu) return x > 0 ? x : T(.2) * x;
  if constexpr (E == Epilogue::tanh) return tanh(x);
  if constexpr (E == Epilogue::sigmoid) return T(1) / (T(1) + exp(-x));
  return x;
}
// The gradient before the activation, from the one behind it and the output. relu lets nothing of
// an infinite one through where it is 0.
template <Epilogue E, class T>
DEVICE inline T pull(T g, T y) {
  if constexpr (E == Epilogue::relu) return y <= 0 ? T(0) : g;
  if constexpr (E == Epilogue::leaky_relu) return y > 0 ? g : T(.2) * g;
  if constexpr (E == Epilogue::tanh) return g * (T(1) - y * y);
  if constexpr (E == Epilogue::sigmoid) return g * (y * (T(1) - y));
  return g;
}

template <Epilogue E, class T>
void forward(Stream s, BiasActivation<T> p) {
  if (p.bias)
    for_each(
        s, p.rows, p.cols, KERNEL(Index r, Index c) {
          T* y = p.y + r * p.cols + c;
          *y = activate<E>(*y + p.bias[c]);
        });
  else
    for_each(
        s, p.rows * p.cols, KERNEL(Index i) { p.y[i] = activate<E>(p.y[i]); });
}
template <Epilogue E, class T>
void backward(Stream s, BiasActivationBackward<T> p) {
  const T* y = E == Epilogue::none ? p.grad : p.y;  // pull ignores it then; it must be readable
  if (!p.grad_bias)
    for_each(
        s, p.rows * p.cols, KERNEL(Index i) { p.grad_pre[i] = pull<E>(p.grad[i], y[i]); });
  else
    column_reduce<T>(
        s, p.rows, p.cols,
        KERNEL(Index r, Index c) {
          const Index i = r * p.cols + c;
          const T g = pull<E>(p.grad[i], y[i]);
          if (p.grad_pre) p.grad_pre[i] = g;
          return g;
        },
        KERNEL(Index c, T sum) { p.grad_bias[c] = sum; });
}

}  // namespace

template <class T>
void bias_activation(Stream s, const BiasActivation<T>& p) {
  if (p.rows == 0 || p.cols == 0) return;
  switch (p.activation) {
    case Epilogue::none: return forward<Epilogue::none>(s, p);
    case Epilogue::relu: return forward<Epilogue::relu>(s, p);
    case Epilogue::leaky_relu: return forward<Epilogue::leaky_relu>(s, p);
    case Epilogue::tanh: return forward<Epilogue::tanh>(s, p);
    case Epilogue::sigmoid: return forward<Epilogue::sigmoid>(s, p);
  }
}
template <class T>
void bias_activation_backward(Stream s, const BiasActivationBackward<T>& p) {
  if (p.cols == 0 || (p.rows == 0 && !p.grad_bias) || (!p.grad_pre && !p.grad_bias)) return;
  switch (p.activation) {
    case Epilogue::none: return backward<Epilogue::none>(s, p);
    case Epilogue::relu: return backward<Epilogue::relu>(s, p);
    case Epilogue::leaky_relu: return backward<Epilogue::leaky_relu>(s, p);
    case Epilogue::tanh: return backward<Epilogue::tanh>(s, p);
    case Epilogue::sigmoid: return backward<Epilogue::sigmoid>(s, p);
  }
}
IMAGO_INSTANTIATE(bias_activation, BiasActivation)
IMAGO_INSTANTIATE(bias_activation_backward, BiasActivationBackward)

}  // namespace imago::IMAGO_BACKEND
