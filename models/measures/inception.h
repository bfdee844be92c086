// Inception-v3 in the variant that FID is defined by: 1008 classes, average pools that leave the
// padding out, a max pool in the last block. Reads weights; they are not part of the project. Not
// here: how images become its input, which is models/measures/inception_input.h, and training.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/io/host_array.h"
#include "engine/ops/conv.h"

namespace imago::models {

class Inception {
 public:
  // A state dict in the layout of pytorch-fid's: safetensors, or PyTorch's file in either form.
  // Error (data) naming the tensor that is missing, too many, of another shape or not finite.
  static std::shared_ptr<const Inception> open(const std::string& path, Device device = {});
  explicit Inception(const io::NamedArrays& weights, const std::string& where = {},
                     Device device = {});

  // What every image [n, 299, 299, 3] is to the network: the mean over all places behind the first
  // or second max pool (64, 192), before the last three blocks (768), or behind them (2048).
  // Differentiable. Error (usage) for another number.
  Tensor features(const Tensor& x, Index count = 2048) const;  // [n, count]
  // Of features of 2048; without the bias as torch-fidelity and the first inception score have it.
  Tensor logits(const Tensor& features, bool bias) const;  // [n, 1008]

  Device device() const { return fc_.device(); }
  // SHA-256 of the file; empty where the weights came from no file.
  const std::string& sha256() const { return sha256_; }
  // Whether the file is the published one, pt_inception-2015-12-05-6726825d.pth, bit for bit. What
  // other weights give is no FID, and weights of another container cannot be told from others.
  bool verified() const;

  struct Convolution {
    std::string name;
    Index in, out;
    ops::Size2 kernel, stride, padding;
  };
  static const std::vector<Convolution>& convolutions();
  static const std::vector<Index>& feature_counts();  // 64, 192, 768, 2048

 private:
  struct Weights {
    Tensor weight, bias;
    ops::ConvOptions options;
  };
  class Run;
  std::map<std::string, Weights> convolutions_;  // the normalisation is folded into them
  Tensor fc_, fc_bias_;
  std::string sha256_;
};
bool is_published_inception(const std::string& sha256);

}  // namespace imago::models
