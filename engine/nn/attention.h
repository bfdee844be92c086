// Self-attention over the pixels of an image (Zhang et al. 2019, SAGAN). Not here: attention over
// sequences.
#pragma once
#include "engine/nn/conv.h"

namespace imago::nn {

// x + gamma out(softmax(query(x) key(x)^T) value(x)), softmax over the pixels of the keys; gamma
// starts at 0, so that the block starts as the identity. query, key, value and out are 1x1
// convolutions without bias, of max(1, c / 8), max(1, c / 8), max(1, c / 2) and c channels. Keys
// and values are max-pooled 2x2 where the image has two rows and columns or more, as in the
// authors' code. Memory of a forward: a quarter of (h w)^2 a sample.
class SelfAttention : public Layer {
 public:
  SelfAttention(Index channels, const Init& init, const WeightOptions& options = {});
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

  Conv2d query, key, value, out;
  Tensor gamma;  // [1]
};

}  // namespace imago::nn
