// Layers without parameters that change the size of images [batch, height, width, channels].
#pragma once
#include "engine/nn/module.h"
#include "engine/ops/resample.h"

namespace imago::nn {

// Rows and columns `factor` times over.
class Upsample : public Layer {
 public:
  explicit Upsample(Index factor, ops::Interpolation mode = ops::Interpolation::nearest);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

 private:
  Index factor_;
  ops::Interpolation mode_;
};

class AvgPool2d : public Layer {
 public:
  explicit AvgPool2d(ops::Size2 window, const ops::PoolOptions& options = {})
      : window_(window), options_(options) {}
  Tensor forward(const Tensor& x) override { return ops::avg_pool2d(x, window_, options_); }
  std::string describe() const override;

 private:
  ops::Size2 window_;
  ops::PoolOptions options_;
};
class MaxPool2d : public Layer {
 public:
  explicit MaxPool2d(ops::Size2 window, const ops::PoolOptions& options = {})
      : window_(window), options_(options) {}
  Tensor forward(const Tensor& x) override { return ops::max_pool2d(x, window_, options_); }
  std::string describe() const override;

 private:
  ops::Size2 window_;
  ops::PoolOptions options_;
};

// [n, h, w, c] to [n, c]: over all pixels.
class GlobalSum : public Layer {
 public:
  Tensor forward(const Tensor& x) override;
  std::string describe() const override { return "GlobalSum"; }
};
class GlobalAverage : public Layer {
 public:
  Tensor forward(const Tensor& x) override;
  std::string describe() const override { return "GlobalAverage"; }
};

// [n, h, w, c r r] to [n, h r, w r, c].
class PixelShuffle : public Layer {
 public:
  explicit PixelShuffle(Index r) : r_(r) {}
  Tensor forward(const Tensor& x) override { return ops::pixel_shuffle(x, r_); }
  std::string describe() const override;

 private:
  Index r_;
};

// A margin of a constant on all four sides, and a margin off them: 28x28 to 32x32 and back by 2.
class Pad : public Layer {
 public:
  explicit Pad(ops::Size2 margin, double value = 0);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

 private:
  ops::Size2 margin_;
  double value_;
};
class Crop : public Layer {
 public:
  explicit Crop(ops::Size2 margin);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

 private:
  ops::Size2 margin_;
};

}  // namespace imago::nn
