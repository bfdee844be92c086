#include "engine/nn/resample.h"

#include "engine/ops/ops.h"

namespace imago::nn {
namespace {

void check_images(const char* layer, const Tensor& x) {
  if (x.rank() != 4) op_error(layer, "images [n, h, w, c]", concat("shape ", x.shape()));
}
void check_margin(const char* layer, ops::Size2 margin) {
  if (margin.h < 0 || margin.w < 0)
    op_error(layer, "a margin of 0 or more", concat(margin.h, " and ", margin.w));
}
std::string text(ops::Size2 s) { return s.h == s.w ? concat(s.h) : concat(s.h, "x", s.w); }
std::string pool_text(const char* layer, ops::Size2 window, const ops::PoolOptions& o) {
  std::string t = concat(layer, "(", text(window));
  if (!(o.stride == ops::Size2(0)) && !(o.stride == window)) t += ", stride " + text(o.stride);
  if (!(o.padding == ops::Size2(0))) t += ", padding " + text(o.padding);
  return t + ")";
}

}  // namespace

Upsample::Upsample(Index factor, ops::Interpolation mode) : factor_(factor), mode_(mode) {
  if (factor < 1) op_error("Upsample", "a factor of at least 1", concat(factor));
}
Tensor Upsample::forward(const Tensor& x) {
  check_images("Upsample", x);
  return ops::interpolate(x, {x.size(1) * factor_, x.size(2) * factor_}, mode_);
}
std::string Upsample::describe() const {
  return concat("Upsample(", factor_, ", ",
                mode_ == ops::Interpolation::nearest ? "nearest" : "bilinear", ")");
}

std::string AvgPool2d::describe() const { return pool_text("AvgPool2d", window_, options_); }
std::string MaxPool2d::describe() const { return pool_text("MaxPool2d", window_, options_); }

Tensor GlobalSum::forward(const Tensor& x) {
  check_images("GlobalSum", x);
  return ops::sum(x, {1, 2});
}
Tensor GlobalAverage::forward(const Tensor& x) {
  check_images("GlobalAverage", x);
  return ops::mean(x, {1, 2});
}

std::string PixelShuffle::describe() const { return concat("PixelShuffle(", r_, ")"); }

Pad::Pad(ops::Size2 margin, double value) : margin_(margin), value_(value) {
  check_margin("Pad", margin);
}
Tensor Pad::forward(const Tensor& x) {
  check_images("Pad", x);
  return ops::pad(ops::pad(x, 1, margin_.h, margin_.h, value_), 2, margin_.w, margin_.w, value_);
}
std::string Pad::describe() const { return concat("Pad(", text(margin_), ", ", value_, ")"); }

Crop::Crop(ops::Size2 margin) : margin_(margin) { check_margin("Crop", margin); }
Tensor Crop::forward(const Tensor& x) {
  check_images("Crop", x);
  const Index h = x.size(1), w = x.size(2);
  if (h <= 2 * margin_.h || w <= 2 * margin_.w)
    op_error("Crop", concat("images larger than twice the margin of ", text(margin_)),
             concat("shape ", x.shape()));
  return ops::slice(ops::slice(x, 1, margin_.h, h - margin_.h), 2, margin_.w, w - margin_.w);
}
std::string Crop::describe() const { return concat("Crop(", text(margin_), ")"); }

}  // namespace imago::nn
