// Networks that grow: generator and critic of images whose layers for 4x4, 8x8, 16x16, ... exist
// from the start and come into use in turn (Karras et al. 2018). Not here: when they do
// (progan.cpp).
#pragma once
#include <memory>

#include "engine/nn/layers.h"

namespace imago::models {

struct ProgressiveOptions {
  Shape sample = {32, 32, 1};  // [s, s, channels], s = 4, 8, 16, ...
  Index latent = 64;
  Index width =
      16;  // channels of the largest maps; twice as many at half the size, at most 4 times
  bool minibatch_stddev = true;
  Index stages() const;               // from 4x4 to the sample
  Index channels(Index stage) const;  // of the maps of 4 2^stage rows
};

// How far they have grown: images of 4 2^stage rows, the last layers with weight alpha beside what
// the stage before made.
struct Growth {
  Index stage = 0;
  double alpha = 1;
  Index rows() const { return Index(4) << stage; }
};

class ProgressiveGenerator : public nn::Module {
 public:
  ProgressiveGenerator(const ProgressiveOptions& options, const nn::Init& init);
  // z [n, latent] to images of the stage's size.
  Tensor forward(const Tensor& z, const Growth& growth);
  std::string describe() const override;

 private:
  std::vector<std::unique_ptr<nn::Sequential>> blocks_, to_image_;  // of each stage
};

class ProgressiveCritic : public nn::Module {
 public:
  ProgressiveCritic(const ProgressiveOptions& options, const nn::Init& init);
  // Images of the stage's size to the last features, and to [n, 1].
  Tensor features(const Tensor& x, const Growth& growth);
  Tensor judge(const Tensor& features) { return last_->forward(features); }
  std::string describe() const override;

 private:
  std::vector<std::unique_ptr<nn::Sequential>> blocks_, from_image_;  // of each stage
  std::unique_ptr<nn::Linear> last_;
};

Tensor halved(const Tensor& x);                // [n, h, w, c], the mean of each 2x2
Tensor enlarged(const Tensor& x, Index rows);  // each pixel repeated
// What a stage's size has beside what the one before had: alpha of it, the rest halved and
// enlarged.
Tensor faded(const Tensor& x, const Growth& growth);

}  // namespace imago::models
