// Layers that normalise: BatchNorm, LayerNorm, InstanceNorm, GroupNorm, PixelNorm, and
// MinibatchStddev. Rows [n, c] or images [n, h, w, c]. weight and bias [c] begin at 1 and 0.
#pragma once
#include "engine/nn/init.h"
#include "engine/nn/module.h"

namespace imago::nn {

// torch.nn.BatchNorm: by the batch while training (at least two rows), which moves the running
// statistics a share `momentum` towards it, the variance unbiased; by these in evaluation.
class BatchNorm : public Layer {
 public:
  BatchNorm(Index channels, const Init& init, double eps = 1e-5, double momentum = 0.1);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

  Tensor weight, bias;
  Tensor running_mean, running_var;  // [c]; change in place
  Tensor num_batches_tracked;        // int64, no dimensions

 private:
  void track(const Tensor& mean, const Tensor& var, Index rows);

  double eps_, momentum_;
  std::int64_t batches_ = 0;     // of num_batches_tracked, which may be on a device,
  std::uint32_t version_ = ~0u;  // as long as this is its version
};

// Of rows over the channels; of images over a whole sample, as torch.nn.GroupNorm with one group.
class LayerNorm : public Layer {
 public:
  LayerNorm(Index channels, const Init& init, double eps = 1e-5);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

  Tensor weight, bias;

 private:
  double eps_;
};

// Each sample in `groups` groups of adjacent channels.
class GroupNorm : public Layer {
 public:
  GroupNorm(Index groups, Index channels, const Init& init, double eps = 1e-5);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

  Tensor weight, bias;

 protected:
  Index groups_;
  double eps_;
};

// Each sample and channel by itself; with weight and bias (PyTorch's affine = true). Of a row
// [n, c], one number a channel, nothing would be left: an Error (usage).
class InstanceNorm : public GroupNorm {
 public:
  InstanceNorm(Index channels, const Init& init, double eps = 1e-5)
      : GroupNorm(channels, channels, init, eps) {}
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;
};

// x over its root mean square along the channels; no weights.
class PixelNorm : public Layer {
 public:
  explicit PixelNorm(double eps = 1e-8);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override { return "PixelNorm"; }

 private:
  double eps_;
};

// One channel more: ops::minibatch_stddev.
class MinibatchStddev : public Layer {
 public:
  explicit MinibatchStddev(Index group = 4);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

 private:
  Index group_;
};

}  // namespace imago::nn
