// Three kernels: y = F(x, w), x = I(y, w) and w = W(x, y) are the derivatives of the one trilinear
// form sum of x w y by its three sides, over one geometry. So six rules close the family:
//   F: dx = I(dy, w), dw = W(x, dy)    I: dy = F(dx, w), dw = W(dx, y)    W: dx = I(y, dw), dy =
//   F(x, dw)
#include "engine/ops/conv.h"

#include "engine/ops/dispatch.h"
#include "engine/ops/epilogue.h"
#include "engine/ops/ops.h"
#include "kernels/conv.h"

namespace imago::ops {
namespace {
using imago::concat;  // of messages, not of tensors

Shape x_shape(const ConvShape& s) { return {s.batch, s.height, s.width, s.channels}; }
Shape y_shape(const ConvShape& s) { return {s.batch, s.out_height, s.out_width, s.out_channels}; }
Shape w_shape(const ConvShape& s) {
  return {s.out_channels, s.kernel_h, s.kernel_w, s.group_channels()};
}

enum class Side { y, x, w };  // which of the three is computed

Tensor launch(Side side, const ConvShape& s, const Tensor& a, const Tensor& b,
              const Tensor& bias = {}, Activation activation = Activation::none) {
  const Tensor out = Tensor::empty(side == Side::y   ? y_shape(s)
                                   : side == Side::x ? x_shape(s)
                                                     : w_shape(s),
                                   a.dtype(), a.device());
  with_floating("conv2d", a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    Conv<T> p{s, a.data<T>(), b.data<T>(), out.data<T>()};
    if (bias.defined()) p.bias = bias.data<T>();
    p.activation = fused::epilogue(activation);
    switch (side) {
      case Side::y: return kernels::conv_forward(out.stream(), p);
      case Side::x: return kernels::conv_input(out.stream(), p);
      case Side::w: return kernels::conv_weight(out.stream(), p);
    }
  });
  return out;
}

Tensor y_from(const ConvShape& s, const Tensor& x, const Tensor& w);
Tensor x_from(const ConvShape& s, const Tensor& y, const Tensor& w);
Tensor w_from(const ConvShape& s, const Tensor& x, const Tensor& y) {
  return record(launch(Side::w, s, x, y), "conv2d_weight", {x, y}, save_input(0) | save_input(1),
                [s](Vjp& v) {
                  v.give(0, [&] { return x_from(s, v.input(1), v.grad()); });
                  v.give(1, [&] { return y_from(s, v.input(0), v.grad()); });
                });
}

// y or x from the other and w, with what follows it.
Tensor image_from(Side side, const ConvShape& s, const Tensor& a, const Tensor& w,
                  const Tensor& bias = {}, Activation activation = Activation::none) {
  const bool forward = side == Side::y;
  std::vector<Tensor> inputs{a, w};
  if (bias.defined()) inputs.push_back(bias);
  const bool activated = activation != Activation::none;
  return record(
      launch(side, s, a, w, bias, activation), forward ? "conv2d" : "conv_transpose2d", inputs,
      save_input(0) | save_input(1) | (activated ? save_output(0) : save_nothing),
      [=, with_bias = bias.defined()](Vjp& v) {
        Tensor g = v.grad(), sums;
        const bool sum_pixels = with_bias && v.needed(2);
        if (activated) {
          const Index channels = g.size(-1);
          const Shape flat{g.numel() / channels, channels};
          const auto parts = fused::activation_gradient(reshape(g, flat), reshape(v.output(), flat),
                                                        activation, sum_pixels);
          g = reshape(parts[0], g.shape());
          if (sum_pixels) sums = parts[1];
        } else if (sum_pixels) {
          sums = sum(g, {0, 1, 2});
        }
        v.give(0, [&] { return forward ? x_from(s, g, v.input(1)) : y_from(s, g, v.input(1)); });
        v.give(1, [&] { return forward ? w_from(s, v.input(0), g) : w_from(s, g, v.input(0)); });
        if (sum_pixels) v.set(2, sums);
      });
}
Tensor y_from(const ConvShape& s, const Tensor& x, const Tensor& w) {
  return image_from(Side::y, s, x, w);
}
Tensor x_from(const ConvShape& s, const Tensor& y, const Tensor& w) {
  return image_from(Side::x, s, y, w);
}

void check_like(const char* op, const char* what, const Tensor& t, const Tensor& x) {
  if (t.dtype() != x.dtype() || t.device() != x.device())
    op_error(op, concat(what, " of ", x.dtype(), " on ", x.device(), ", as x"),
             concat(t.dtype(), " on ", t.device()), "convert it with ops::cast or to()");
}
constexpr Index largest = Index(1) << 31;
void check_options(const char* op, const ConvOptions& o, bool transposed) {
  const auto need = [&](bool good, const char* expected, const char* which, Size2 s) {
    if (!good) op_error(op, expected, concat(which, " ", s.h, " by ", s.w));
  };
  // With these no sum or product of geometry() leaves 64 bits.
  const auto small = [&](const char* which, Size2 s) {
    need(s.h <= largest && s.w <= largest, "no option above 2^31", which, s);
  };
  small("stride", o.stride);
  small("padding", o.padding);
  small("dilation", o.dilation);
  need(o.stride.h > 0 && o.stride.w > 0, "a stride of 1 or more", "stride", o.stride);
  need(o.padding.h >= 0 && o.padding.w >= 0, "no negative padding", "padding", o.padding);
  need(o.dilation.h > 0 && o.dilation.w > 0, "a dilation of 1 or more", "dilation", o.dilation);
  if (!transposed)
    return need(o.output_padding == Size2(0), "output padding in conv_transpose2d alone",
                "output_padding", o.output_padding);
  const auto fits = [](Index pad, Index stride, Index dilation) {
    return pad >= 0 && (pad < stride || pad < dilation);
  };
  need(fits(o.output_padding.h, o.stride.h, o.dilation.h) &&
           fits(o.output_padding.w, o.stride.w, o.dilation.w),
       "output padding of 0 or more, below the stride or the dilation", "output_padding",
       o.output_padding);
}
// The sizes that both ops share, checked: those of the image `given` as the op's own input, and of
// the weight, whose first size is `in` when transposed.
ConvShape geometry(const char* op, bool transposed, const Tensor& x, const Tensor& w,
                   const Tensor& bias, const ConvOptions& o) {
  check_options(op, o, transposed);
  if (!is_floating(x.dtype())) op_error(op, "float32 or float64 images", name(x.dtype()));
  check_like(op, "a weight", w, x);
  const char* const form = transposed ? "x [n, h, w, in] and weight [in, kh, kw, out / groups]"
                                      : "x [n, h, w, in] and weight [out, kh, kw, in / groups]";
  if (x.rank() != 4 || w.rank() != 4)
    op_error(op, form, concat("shapes ", x.shape(), " and ", w.shape()));
  const Index in = x.size(3), ahead = w.size(0), last = w.size(3), groups = o.groups;
  const bool divides = groups > 0 && in % groups == 0 && ahead % groups == 0;
  if (!divides || in != (transposed ? ahead : last * groups))
    op_error(op, concat(form, " with ", groups, " groups that divide both channels"),
             concat("shapes ", x.shape(), " and ", w.shape()));
  if (w.numel() == 0 || x.size(1) == 0 || x.size(2) == 0)
    op_error(op, "no size of 0 but that of the batch",
             concat("shapes ", x.shape(), " and ", w.shape()));
  const Index out = transposed ? last * groups : ahead;
  if (bias.defined()) {
    check_like(op, "a bias", bias, x);
    if (bias.shape() != Shape{out})
      op_error(op, concat("a bias of shape ", Shape{out}), concat("shape ", bias.shape()));
  }
  ConvShape s;
  s.batch = x.size(0), s.groups = groups;
  s.kernel_h = w.size(1), s.kernel_w = w.size(2);
  s.stride_h = o.stride.h, s.stride_w = o.stride.w;
  s.pad_h = o.padding.h, s.pad_w = o.padding.w;
  s.dilation_h = o.dilation.h, s.dilation_w = o.dilation.w;
  const Index span_h = s.dilation_h * (s.kernel_h - 1) + 1,
              span_w = s.dilation_w * (s.kernel_w - 1) + 1;
  if (transposed) {
    s.out_height = x.size(1), s.out_width = x.size(2), s.out_channels = in, s.channels = out;
    s.height = (s.out_height - 1) * s.stride_h - 2 * s.pad_h + span_h + o.output_padding.h;
    s.width = (s.out_width - 1) * s.stride_w - 2 * s.pad_w + span_w + o.output_padding.w;
  } else {
    s.height = x.size(1), s.width = x.size(2), s.channels = in, s.out_channels = out;
    const Index room_h = s.height + 2 * s.pad_h - span_h, room_w = s.width + 2 * s.pad_w - span_w;
    s.out_height = room_h < 0 ? 0 : room_h / s.stride_h + 1;
    s.out_width = room_w < 0 ? 0 : room_w / s.stride_w + 1;
  }
  const Index h = transposed ? s.height : s.out_height, width = transposed ? s.width : s.out_width;
  if (h <= 0 || width <= 0)
    op_error(op, "an image, with its padding, no smaller than the kernel",
             concat("x ", x.shape(), ", kernel ", s.kernel_h, " by ", s.kernel_w, ", dilation ",
                    s.dilation_h, " by ", s.dilation_w, ", padding ", s.pad_h, " by ", s.pad_w),
             "use more padding or a smaller kernel");
  return s;
}

Tensor convolve(Side side, const ConvShape& s, const Tensor& x, const Tensor& w, const Tensor& bias,
                Activation activation) {
  if (!reference_mode()) return image_from(side, s, x, w, bias, activation);
  Tensor y = image_from(side, s, x, w);
  if (bias.defined()) y = add(y, bias);
  return fused::activate(y, activation);
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvOptions& options,
              Activation activation) {
  const ConvShape s = geometry("conv2d", false, x, weight, bias, options);
  return convolve(Side::y, s, x, weight, bias, activation);
}
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvOptions& options, Activation activation) {
  const ConvShape s = geometry("conv_transpose2d", true, x, weight, bias, options);
  return convolve(Side::x, s, x, weight, bias, activation);
}

}  // namespace imago::ops
