// Layers of image networks: Conv2d, ConvTranspose2d, and the way from rows to images and back.
// Images are [batch, height, width, channels]. Not here: pooling and norms.
#pragma once
#include "engine/nn/layers.h"
#include "engine/ops/conv.h"

namespace imago::nn {

// activation(conv2d(x) + b). weight [out, kh, kw, in / groups] here, and so in a file [out, in /
// groups, kh, kw]. Initialised as torch.nn.Conv2d: both uniform within 1 / sqrt(in / groups kh kw).
class Conv2d : public Weighted {
 public:
  Conv2d(Index in, Index out, ops::Size2 kernel, const ops::ConvOptions& options, const Init& init,
         bool with_bias = true, const WeightOptions& weight_options = {});
  using Joinable::forward;
  Tensor forward(const Tensor& x, ops::Activation activation) override {
    return ops::conv2d(x, weight_now(), bias, options_, activation);
  }
  std::string describe() const override;
  const ops::ConvOptions& options() const { return options_; }

 private:
  ops::ConvOptions options_;
};

// The same with conv_transpose2d. weight [in, kh, kw, out / groups] here, in a file [in, out /
// groups, kh, kw]. Initialised as torch.nn.ConvTranspose2d: within 1 / sqrt(out / groups kh kw).
class ConvTranspose2d : public Weighted {
 public:
  ConvTranspose2d(Index in, Index out, ops::Size2 kernel, const ops::ConvOptions& options,
                  const Init& init, bool with_bias = true,
                  const WeightOptions& weight_options = {});
  using Joinable::forward;
  Tensor forward(const Tensor& x, ops::Activation activation) override {
    return ops::conv_transpose2d(x, weight_now(), bias, options_, activation);
  }
  std::string describe() const override;

 private:
  ops::ConvOptions options_;
};

// [n, h, w, c] to [n, c h w] and back, in PyTorch's order of a row's elements: channel, row,
// column. So the Linear before or after has PyTorch's weights.
class Flatten : public Layer {
 public:
  Tensor forward(const Tensor& x) override;
  std::string describe() const override { return "Flatten"; }
};
class Unflatten : public Layer {
 public:
  Unflatten(Index channels, ops::Size2 size) : channels_(channels), size_(size) {}
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

 private:
  Index channels_;
  ops::Size2 size_;
};

}  // namespace imago::nn
