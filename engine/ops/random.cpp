#include "engine/ops/random.h"

#include "engine/ops/dispatch.h"
#include "kernels/random.h"

namespace imago::ops {
namespace {

// kernel: kernels::draw_normal or draw_uniform for the type it is given.
template <class F>
Tensor draw(const char* op, const Shape& shape, Generator& g, DType dtype, Device device,
            F kernel) {
  return with_floating(op, dtype, [&](auto zero) {
    using T = decltype(zero);
    const Tensor y = Tensor::empty(shape, dtype, device);
    kernel(y.stream(), Draw<T>{y.numel(), g.take(y.numel()), y.data<T>()});
    return y;
  });
}

// Linear in x, and its own adjoint: gradients of every order draw the mask again.
Tensor dropout_with(const Tensor& x, double p, PhiloxKey key) {
  const Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
  const double keep = 1 - p;
  with_floating("dropout", x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    kernels::dropout(y.stream(), Dropout<T>{x.numel(), key, float(keep), T(p < 1 ? 1 / keep : 0),
                                            x.data<T>(), y.data<T>()});
  });
  return record(y, "dropout", {x}, save_nothing,
                [p, key](Vjp& v) { v.give(0, [&] { return dropout_with(v.grad(), p, key); }); });
}

}  // namespace

Tensor randn(const Shape& shape, Generator& g, DType dtype, Device device) {
  return draw("randn", shape, g, dtype, device,
              [](Stream s, const auto& p) { kernels::draw_normal(s, p); });
}

Tensor rand(const Shape& shape, Generator& g, DType dtype, Device device) {
  return draw("rand", shape, g, dtype, device,
              [](Stream s, const auto& p) { kernels::draw_uniform(s, p); });
}

// Records nothing: the derivative is zero wherever it exists.
Tensor bernoulli(const Tensor& p, Generator& g) {
  return with_floating("bernoulli", p.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const Tensor y = Tensor::empty(p.shape(), p.dtype(), p.device());
    kernels::draw_bernoulli(
        y.stream(), DrawBernoulli<T>{p.numel(), g.take(p.numel()), p.data<T>(), y.data<T>()});
    return y;
  });
}

Tensor dropout(const Tensor& x, double p, Generator& g) {
  if (!is_floating(x.dtype())) op_error("dropout", "a floating dtype", name(x.dtype()));
  if (!(p >= 0 && p <= 1)) op_error("dropout", "a probability from 0 to 1", concat(p));
  return dropout_with(x, p, g.take(x.numel()));
}

}  // namespace imago::ops
