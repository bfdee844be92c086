// Minibatch discrimination: what a critic sees of a sample's likeness to the others of its batch.
// Not here: the minibatch standard deviation, which is among the norms.
#pragma once
#include "engine/nn/layers.h"

namespace imago::nn {

// [n, features] to [n, features + kernels] (Salimans et al. 2016): M = x T in [kernels, width] for
// each sample, and the added features o_b(x_i) = sum over j of exp(-|M_ib - M_jb|_1), j = i
// included: 1 for a batch of one. Memory of a forward: a few n n kernels width.
class MinibatchDiscrimination : public Layer {
 public:
  MinibatchDiscrimination(Index features, Index kernels, Index width, const Init& init);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

  Tensor weight;  // T [features, kernels, width], drawn N(0, 1 / features)

 private:
  Index kernels_, width_;
};

}  // namespace imago::nn
