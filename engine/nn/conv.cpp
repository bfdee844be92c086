#include "engine/nn/conv.h"

#include <cmath>

#include "engine/ops/layout.h"

namespace imago::nn {
namespace {

using ops::ConvOptions;
using ops::Size2;

// Drawn in the order of a file: the same values as PyTorch's layout holds.
Tensor convolution_weight(Index a, Index b, Size2 kernel, const Init& init) {
  const NoGrad no_grad;
  return ops::permute(kaiming_uniform({a, b, kernel.h, kernel.w}, init, std::sqrt(5.)),
                      {0, 2, 3, 1});
}
// As a bias beside that weight.
Tensor convolution_bias(Index out, const Tensor& weight, const Init& init) {
  const double bound = 1 / std::sqrt(double(weight.size(1) * weight.size(2) * weight.size(3)));
  return uniform({out}, -bound, bound, init);
}
void check(const char* layer, Index in, Index out, Size2 kernel, Index groups) {
  const bool fits = in > 0 && out > 0 && kernel.h > 0 && kernel.w > 0 && groups > 0 &&
                    in % groups == 0 && out % groups == 0;
  if (!fits)
    throw Error(ErrorKind::usage, {concat(layer, " of impossible sizes"),
                                   {},
                                   "positive sizes, groups that divide both numbers of channels",
                                   concat(in, " to ", out, " channels, kernel ", kernel.h, " by ",
                                          kernel.w, ", ", groups, " groups")});
}

std::string text(Size2 s) { return s.h == s.w ? concat(s.h) : concat(s.h, "x", s.w); }
std::string describe(const char* layer, Index in, Index out, const Tensor& weight,
                     const ConvOptions& o, bool bias, const std::string& rule) {
  std::string t =
      concat(layer, "(", in, ", ", out, ", kernel ", text({weight.size(1), weight.size(2)}));
  const auto add = [&](const char* name, Size2 value, Size2 usual) {
    if (!(value == usual)) t += concat(", ", name, " ", text(value));
  };
  add("stride", o.stride, 1);
  add("padding", o.padding, 0);
  add("dilation", o.dilation, 1);
  add("output padding", o.output_padding, 0);
  add("groups", o.groups, 1);
  return concat(t, bias ? "" : ", no bias", rule, ")");
}

}  // namespace

Conv2d::Conv2d(Index in, Index out, Size2 kernel, const ConvOptions& options, const Init& init,
               bool with_bias, const WeightOptions& weight_options)
    : options_(options) {
  check("Conv2d", in, out, kernel, options.groups);
  const Tensor w = convolution_weight(out, in / options.groups, kernel, init);
  adopt(weight_options, w, with_bias ? convolution_bias(out, w, init) : Tensor(), ops::Rows::first,
        double(in / options.groups * kernel.h * kernel.w), init);
}
std::string Conv2d::describe() const {
  return nn::describe("Conv2d", weight.size(3) * options_.groups, weight.size(0), weight, options_,
                      bias.defined(), rule_text());
}

ConvTranspose2d::ConvTranspose2d(Index in, Index out, Size2 kernel, const ConvOptions& options,
                                 const Init& init, bool with_bias,
                                 const WeightOptions& weight_options)
    : options_(options) {
  check("ConvTranspose2d", in, out, kernel, options.groups);
  const Tensor w = convolution_weight(in, out / options.groups, kernel, init);
  // The fan in of Karras et al.: every element of the kernel, whatever the stride.
  adopt(weight_options, w, with_bias ? convolution_bias(out, w, init) : Tensor(), ops::Rows::last,
        double(in / options.groups * kernel.h * kernel.w), init);
}
std::string ConvTranspose2d::describe() const {
  return nn::describe("ConvTranspose2d", weight.size(0), weight.size(3) * options_.groups, weight,
                      options_, bias.defined(), rule_text());
}

Tensor Flatten::forward(const Tensor& x) {
  if (x.rank() != 4) op_error("Flatten", "images [n, h, w, c]", concat("shape ", x.shape()));
  return ops::flatten(ops::permute(x, {0, 3, 1, 2}));
}
Tensor Unflatten::forward(const Tensor& x) {
  const Index row = channels_ * size_.h * size_.w;
  if (x.rank() != 2 || x.size(1) != row)
    op_error("Unflatten", concat("rows [n, ", row, "]"), concat("shape ", x.shape()));
  return ops::permute(ops::reshape(x, {x.size(0), channels_, size_.h, size_.w}), {0, 2, 3, 1});
}
std::string Unflatten::describe() const {
  return concat("Unflatten(", size_.h, "x", size_.w, ", ", channels_, " channels)");
}

}  // namespace imago::nn
