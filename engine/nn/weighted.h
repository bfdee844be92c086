// What layers with a weight share: how the weight of a forward comes about from the tensor that is
// trained. Not here: the layers.
#pragma once
#include <optional>

#include "engine/nn/init.h"
#include "engine/nn/module.h"
#include "engine/ops/matmul.h"
#include "engine/ops/spectral.h"

namespace imago::nn {

// plain: the trained tensor itself. spectral: divided by its spectral norm (Miyato et al. 2018).
// equalized: drawn N(0, 1) and scaled by gain / sqrt(fan in) at run time (Karras et al. 2018).
enum class WeightRule { plain, spectral, equalized };
struct WeightOptions {
  WeightRule rule = WeightRule::plain;
  double gain = 1;  // of equalized
  // The weight is drawn N(0, sigma^2) and the bias is 0 (DCGAN: 0.02); none: the layer's own
  // distributions. equalized draws its own.
  std::optional<double> sigma = {};
};

// A layer that can apply the activation after it in the same pass.
class Joinable : public Layer {
 public:
  virtual Tensor forward(const Tensor& x, ops::Activation activation) = 0;
  Tensor forward(const Tensor& x) override { return forward(x, ops::Activation::none); }
};

// A layer of a weight, and a bias or none.
class Weighted : public Joinable {
 public:
  // What a forward multiplies by, attached to the graph. Under the spectral rule each call in
  // training is one power iteration, in place in the buffers: call it once a forward. Sigma's
  // gradient is the weight's alone, u and v are constants.
  Tensor weight_now();

  std::string rule_text() const;  // for a description: ", spectral norm"

  Tensor weight, bias;  // what is trained; bias undefined without one

 protected:
  // rows: which dimension of the weight are the outputs. fan_in: the terms of an output's sum.
  // Named as torch.nn has them, and under the spectral rule as
  // torch.nn.utils.parametrizations.spectral_norm has them. bias may be undefined.
  void adopt(const WeightOptions& options, Tensor weight, Tensor bias, ops::Rows rows,
             double fan_in, const Init& init);

 private:
  void make_vectors(const Init& init);
  void iterate();
  Tensor columns() const;  // v in the order of the weight's memory
  Tensor stored_columns(const Tensor& v) const;

  WeightRule rule_ = WeightRule::plain;
  ops::Rows rows_ = ops::Rows::first;
  double scale_ = 1;
  Tensor u_, v_;  // unit; v in PyTorch's order, which for a convolution is in, kh, kw
};

}  // namespace imago::nn
