#include "kernels/conv.h"

#include "kernels/backend.h"

namespace imago::IMAGO_BACKEND {
namespace {

struct Pixel {
  Index image, y, x;
};
DEVICE inline Pixel pixel(Index r, Index height, Index width) {
  const Index row = quotient(r, width), image = quotient(row, height);
  return {image, row - image * height, r - row * width};
}

// The output that meets input i through tap k along one axis, or -1.
DEVICE inline Index output_of(Index i, Index k, Index stride, Index pad, Index dilation,
                              Index outputs) {
  const Index t = i + pad - k * dilation;
  if (t < 0) return -1;
  const Index o = quotient(t, stride);
  return o * stride == t && o < outputs ? o : -1;
}
// Taps that can meet input i are first, first + step, ...: without dilation they are known.
struct Taps {
  Index first, step;
};
DEVICE inline Taps taps(Index i, Index stride, Index pad, Index dilation) {
  if (dilation != 1) return {0, 1};
  return {(i + pad) % stride, stride};
}

template <class T>
DEVICE inline T forward_at(const Conv<T>& p, Index r, Index o) {
  const ConvShape& s = p.shape;
  const Pixel at = pixel(r, s.out_height, s.out_width);
  const Index cols = quotient(s.channels, s.groups), group = quotient(o, s.out_channels / s.groups);
  T sum = 0;
  for (Index ky = 0; ky < s.kernel_h; ky++) {
    const Index iy = at.y * s.stride_h - s.pad_h + ky * s.dilation_h;
    if (iy < 0 || iy >= s.height) continue;
    for (Index kx = 0; kx < s.kernel_w; kx++) {
      const Index ix = at.x * s.stride_w - s.pad_w + kx * s.dilation_w;
      if (ix < 0 || ix >= s.width) continue;
      const T* x = p.a + ((at.image * s.height + iy) * s.width + ix) * s.channels + group * cols;
      const T* w = p.b + ((o * s.kernel_h + ky) * s.kernel_w + kx) * cols;
      for (Index c = 0; c < cols; c++) sum += x[c] * w[c];
    }
  }
  return sum;
}

template <class T>
DEVICE inline T input_at(const Conv<T>& p, Index r, Index c) {
  const ConvShape& s = p.shape;
  const Pixel at = pixel(r, s.height, s.width);
  const Index cols = quotient(s.channels, s.groups), outs = s.out_channels / s.groups;
  const Index group = quotient(c, cols), field = s.kernel_h * s.kernel_w * cols;
  const Taps down = taps(at.y, s.stride_h, s.pad_h, s.dilation_h),
             across = taps(at.x, s.stride_w, s.pad_w, s.dilation_w);
  T sum = 0;
  for (Index ky = down.first; ky < s.kernel_h; ky += down.step) {
    const Index oy = output_of(at.y, ky, s.stride_h, s.pad_h, s.dilation_h, s.out_height);
    if (oy < 0) continue;
    for (Index kx = across.first; kx < s.kernel_w; kx += across.step) {
      const Index ox = output_of(at.x, kx, s.stride_w, s.pad_w, s.dilation_w, s.out_width);
      if (ox < 0) continue;
      const T* y =
          p.a + ((at.image * s.out_height + oy) * s.out_width + ox) * s.out_channels + group * outs;
      const T* w = p.b + group * outs * field + (ky * s.kernel_w + kx) * cols + c - group * cols;
      for (Index o = 0; o < outs; o++) sum += y[o] * w[o * field];
    }
  }
  return sum;
}

// What pixel m of y adds to weight i.
template <class T>
DEVICE inline T weight_term(const Conv<T>& p, Index i, Index m) {
  const ConvShape& s = p.shape;
  const Index cols = quotient(s.channels, s.groups), tap = quotient(i, cols), c = i - tap * cols;
  const Pixel k = pixel(tap, s.kernel_h, s.kernel_w);  // image: the output channel
  const Pixel at = pixel(m, s.out_height, s.out_width);
  const Index iy = at.y * s.stride_h - s.pad_h + k.y * s.dilation_h;
  const Index ix = at.x * s.stride_w - s.pad_w + k.x * s.dilation_w;
  if (iy < 0 || iy >= s.height || ix < 0 || ix >= s.width) return T(0);
  const Index group = quotient(k.image, s.out_channels / s.groups);
  return p.a[((at.image * s.height + iy) * s.width + ix) * s.channels + group * cols + c] *
         p.b[m * s.out_channels + k.image];
}

}  // namespace

template <class T>
void direct_conv_forward(Stream s, const Conv<T>& p) {
  const ConvShape& g = p.shape;
  for_each(
      s, g.batch * g.out_height * g.out_width, g.out_channels,
      KERNEL(Index r, Index o) { p.out[r * p.shape.out_channels + o] = forward_at(p, r, o); });
}
template <class T>
void direct_conv_input(Stream s, const Conv<T>& p) {
  const ConvShape& g = p.shape;
  for_each(
      s, g.batch * g.height * g.width, g.channels,
      KERNEL(Index r, Index c) { p.out[r * p.shape.channels + c] = input_at(p, r, c); });
}
template <class T>
void direct_conv_weight(Stream s, const Conv<T>& p) {
  const ConvShape& g = p.shape;
  row_reduce<T>(
      s, g.w_size(), g.batch * g.out_height * g.out_width,
      KERNEL(Index i, Index m) { return weight_term(p, i, m); },
      KERNEL(Index i, T sum) { p.out[i] = sum; });
}

IMAGO_INSTANTIATE(direct_conv_forward, Conv)
IMAGO_INSTANTIATE(direct_conv_input, Conv)
IMAGO_INSTANTIATE(direct_conv_weight, Conv)

}  // namespace imago::IMAGO_BACKEND
