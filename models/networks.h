// Networks of adversarial models: generators and critics of vectors and of images, dense,
// convolutional as DCGAN (Radford et al. 2016), residual as SNGAN (Miyato et al. 2018). Not here:
// what they are trained for.
#pragma once
#include <memory>

#include "engine/nn/layers.h"

namespace imago::models {

enum class Architecture { dense, dcgan, resnet };
enum class Norm { none, batch, layer, instance, group, pixel };
// How a critic is told the condition: with its input, as more features or as maps, or in the inner
// product of the condition's embedding with the last features (Miyato & Koyama 2018).
enum class Conditioning { input, projection };
Architecture architecture_from(const std::string& name);  // Error (usage) for an unknown name
Norm norm_from(const std::string& name);
Conditioning conditioning_from(const std::string& name);

// What both sides have. Samples are rows [d], or images [h, w, c] in [-1, 1] with h and w of 8 or
// more that are divisible by 4 (dense: any).
struct NetworkOptions {
  Architecture architecture = Architecture::dense;
  Shape sample = {2};
  Index width = 0;   // of a hidden layer, or channels next to the image; 0: 128, dense, or 64
  Index layers = 3;  // hidden ones, dense
  std::string activation = "relu";
  Norm norm = Norm::none;
  nn::WeightRule rule = nn::WeightRule::plain;
  std::optional<double> sigma = {};  // initial weights N(0, sigma^2); none: the layers' own
  Index attention = 0;               // self-attention where the maps have so many rows; 0: nowhere
  double dropout = 0;                // after every hidden activation; of a block, the inner one
  Index classes = 0;                 // size of the condition; 0: none
  Index embedding =
      0;  // what it is mapped to, linearly, where it is an input; 0: it stays as it is
};

struct GeneratorOptions : NetworkOptions {
  Index latent = 64;
};
struct CriticOptions : NetworkOptions {
  CriticOptions() { activation = "leaky_relu"; }
  Index outputs = 1;  // one judgement, k + 1 classes, the code of an encoder, ...
  Conditioning conditioning = Conditioning::input;
  bool minibatch_stddev = false;            // Karras et al. 2018
  Index discrimination = 0;                 // kernels of minibatch discrimination; 0: none
  static constexpr Index kernel_width = 8;  // of each
};

// A condition is int64 labels [n], taken as one-hot, or floating rows [n, classes].

// z [n, latent], and the condition where the network has one, to samples [n, ...]; images through
// tanh.
class GeneratorNetwork : public nn::Module {
 public:
  // draws is drawn from in training (dropout) and must outlive the network.
  GeneratorNetwork(const GeneratorOptions& options, const nn::Init& init, Generator& draws);
  Tensor forward(const Tensor& z, const Tensor& condition = {});
  const GeneratorOptions& options() const { return options_; }
  std::string describe() const override;

  nn::Sequential net;
  std::unique_ptr<nn::Linear> embedding;  // null without one

 private:
  GeneratorOptions options_;
};

// Samples [n, ...] to [n, outputs]. Without a condition it is net, a Sequential whose last layer
// is a Linear, and nothing else.
class CriticNetwork : public nn::Module {
 public:
  CriticNetwork(const CriticOptions& options, const nn::Init& init, Generator& draws);
  Tensor forward(const Tensor& x, const Tensor& condition = {});
  // The same, with what the last layer is given, [n, features()].
  struct Judgement {
    Tensor features, output;
  };
  Judgement judge(const Tensor& x, const Tensor& condition = {});
  Index features() const { return features_; }
  const CriticOptions& options() const { return options_; }
  std::string describe() const override;

  nn::Sequential net;
  std::unique_ptr<nn::Linear> embedding, projection;  // null without one

 private:
  Tensor joined(const Tensor& x, const Tensor& condition);
  CriticOptions options_;
  Index features_ = 0;
};

}  // namespace imago::models
