// Rows of conv2d and conv_transpose2d. References go through every meeting of two pixels.
#include <cmath>

#include "tests/op_cases/conv_geometries.h"

namespace imago::test {
namespace {

using ops::Activation;
using ops::ConvOptions;

double activated(double v, Activation a) {
  if (a == Activation::tanh) return std::tanh(v);
  if (a == Activation::leaky_relu) return v > 0 ? v : .2 * v;
  return v;
}
void finish(Array& y, const Arrays& x, Activation a) {
  for (Index i = 0; i < y.shape.numel(); i++)
    y[i] = activated(y[i] + (x.size() > 2 ? x[2][i % y.shape[-1]] : 0), a);
}
Index conv_size(Index n, Index k, Index stride, Index pad, Index dilation) {
  return (n + 2 * pad - (dilation * (k - 1) + 1)) / stride + 1;
}
Arrays conv(const Arrays& x, const ConvOptions& o, Activation a) {
  const Shape &in = x[0].shape, &w = x[1].shape;
  Array y = zeros({in[0], conv_size(in[1], w[1], o.stride.h, o.padding.h, o.dilation.h),
                   conv_size(in[2], w[2], o.stride.w, o.padding.w, o.dilation.w), w[0]});
  for_each_meeting(in, y.shape, w, o,
                   [&](Index i, Index j, Index k) { y[j] += x[0][i] * x[1][k]; });
  finish(y, x, a);
  return {y};
}
Arrays transposed(const Arrays& x, const ConvOptions& o, Activation a) {
  const Shape &in = x[0].shape, &w = x[1].shape;
  const auto size = [](Index n, Index k, Index stride, Index pad, Index dilation, Index more) {
    return (n - 1) * stride - 2 * pad + dilation * (k - 1) + more + 1;
  };
  Array y =
      zeros({in[0], size(in[1], w[1], o.stride.h, o.padding.h, o.dilation.h, o.output_padding.h),
             size(in[2], w[2], o.stride.w, o.padding.w, o.dilation.w, o.output_padding.w),
             w[3] * o.groups});
  for_each_meeting(y.shape, in, w, o,
                   [&](Index i, Index j, Index k) { y[i] += x[0][j] * x[1][k]; });
  finish(y, x, a);
  return {y};
}

// image: the op's own input.
OpCase row(bool transpose, const std::string& name, const Shape& image, const Shape& weight,
           const ConvOptions& o, bool bias, Activation a = Activation::none) {
  OpCase c;
  c.op = transpose ? "conv_transpose2d" : "conv2d";
  c.name = name;
  c.inputs = {{image, -1, 1}, {weight, -1, 1}};
  if (bias) c.inputs.push_back({Shape{transpose ? weight[3] * o.groups : weight[0]}});
  c.forward = [=](const Tensors& t) {
    return Tensors{(transpose ? ops::conv_transpose2d : ops::conv2d)(
        t[0], t[1], t.size() > 2 ? t[2] : Tensor(), o, a)};
  };
  c.reference = [=](const Arrays& t) { return transpose ? transposed(t, o, a) : conv(t, o, a); };
  return c;
}

// What a layer of the size of an image network costs: batch 64.
void at_full_size(OpCase& c, const Shape& image, const Shape& weight, double y_pixels) {
  c.bench = {{image, -1, 1}, {weight, -.05, .05}};
  c.bench_flops = 2 * y_pixels * double(weight.numel());
  c.bench_bytes = 4 * double(image.numel() + weight.numel());
}

}  // namespace

void add_conv_cases(std::vector<OpCase>& rows) {
  for (const ConvGeometry& g : conv_geometries()) {
    const ConvOptions& o = g.options;
    const Shape image{g.batch, g.height, g.width, g.in};
    rows.push_back(row(false, g.name, image, g.weight(), o, false));
    // The adjoint, from the image that the row above made to one that may be a little smaller.
    const Shape small{g.batch,
                      conv_size(g.height, g.kernel_h, o.stride.h, o.padding.h, o.dilation.h),
                      conv_size(g.width, g.kernel_w, o.stride.w, o.padding.w, o.dilation.w), g.out};
    rows.push_back(row(true, g.name, small, g.weight(), o, false));
  }
  for (const bool transpose : {false, true})
    for (const Activation a : {Activation::none, Activation::leaky_relu, Activation::tanh}) {
      const char* const name = a == Activation::none         ? "bias"
                               : a == Activation::leaky_relu ? "bias_leaky_relu"
                                                             : "bias_tanh";
      rows.push_back(
          row(transpose, name, {2, 4, 3, 2}, {2, 3, 3, 2}, conv_options({2, 1}, 1), true, a));
    }
  rows.push_back(row(true, "output_padding", {2, 3, 2, 3}, {3, 3, 3, 2},
                     conv_options(2, 1, 1, 1, {1, 0}), true));
  rows.push_back(row(true, "output_padding_beyond_stride", {1, 3, 2, 2}, {2, 2, 3, 2},
                     conv_options(1, 1, 3, 1, {2, 1}), false));
  rows.push_back(row(true, "output_padding_groups", {1, 2, 3, 4}, {4, 4, 4, 3},
                     conv_options(3, 1, 1, 2, {2, 1}), true));

  // Layers of image networks, batch 64.
  const auto bench = [&](bool transpose, const std::string& name, Index size, Index in, Index out,
                         Index kernel, Index stride, Index small_size) {
    const Index big = transpose ? out : in, small = transpose ? in : out;
    const ConvOptions o = conv_options(stride, 1);
    const Shape tiny = transpose ? Shape{1, 2, 2, 3} : Shape{1, 4, 4, 2};
    rows.push_back(row(transpose, name, tiny, {3, kernel, kernel, 2}, o, false));
    at_full_size(rows.back(), {64, size, size, in}, {small, kernel, kernel, big},
                 64. * double(small_size * small_size));
  };
  bench(false, "dcgan_28_1_64", 28, 1, 64, 4, 2, 14);
  bench(false, "dcgan_14_64_128", 14, 64, 128, 4, 2, 7);
  bench(false, "dcgan_32_3_64", 32, 3, 64, 4, 2, 16);
  bench(false, "dcgan_16_64_128", 16, 64, 128, 4, 2, 8);
  bench(false, "dcgan_8_128_256", 8, 128, 256, 4, 2, 4);
  bench(false, "residual_16_128", 16, 128, 128, 3, 1, 16);
  bench(false, "residual_32_64", 32, 64, 64, 3, 1, 32);
  bench(true, "dcgan_7_128_64", 7, 128, 64, 4, 2, 7);
  bench(true, "dcgan_14_64_1", 14, 64, 1, 4, 2, 14);
  bench(true, "dcgan_16_64_3", 16, 64, 3, 4, 2, 16);
}

}  // namespace imago::test
