#include "engine/nn/weighted.h"

#include <cmath>

#include "engine/ops/ops.h"

namespace imago::nn {

void Weighted::adopt(const WeightOptions& options, Tensor own_weight, Tensor own_bias,
                     ops::Rows rows, double fan_in, const Init& init) {
  rule_ = options.rule;
  rows_ = rows;
  if (rule_ == WeightRule::equalized) scale_ = options.gain / std::sqrt(fan_in);
  if (options.sigma || rule_ == WeightRule::equalized) {
    const double sigma = rule_ == WeightRule::equalized ? 1 : *options.sigma;
    own_weight = normal(own_weight.shape(), 0, sigma, init);
    if (own_bias.defined()) own_bias.fill_(0);
  }
  const bool spectral = rule_ == WeightRule::spectral;
  parameter(spectral ? "parametrizations.weight.original" : "weight", weight,
            std::move(own_weight));
  if (own_bias.defined()) parameter("bias", bias, std::move(own_bias));
  if (spectral) make_vectors(init);
}

// Near the singular vectors from the start, as PyTorch begins.
void Weighted::make_vectors(const Init& init) {
  const bool first = rows_ == ops::Rows::first;
  const Index height = weight.size(first ? 0 : -1), width = weight.numel() / height;
  buffer("parametrizations.weight.0._u", u_, Tensor::empty({height}, init.dtype, init.device));
  buffer("parametrizations.weight.0._v", v_, normal({width}, 0, 1, init));
  constexpr int iterations = 15;
  for (int i = 0; i < iterations; i++) iterate();
}

void Weighted::iterate() {
  const NoGrad no_grad;
  const auto [u, v] = ops::power_iteration(weight, columns(), rows_);
  u_.copy_(u);
  v_.copy_(stored_columns(v));
}

// [out, kh, kw, in] has its columns in another order than PyTorch's [out, in, kh, kw]. The rows of
// a transposed convolution's [in, kh, kw, out] come last, and its columns are in PyTorch's order.
Tensor Weighted::columns() const {
  const NoGrad no_grad;
  const Tensor& w = weight;
  if (w.rank() != 4 || rows_ == ops::Rows::last) return ops::affine(v_, 1, 0);
  return ops::flatten(ops::permute(ops::reshape(v_, {w.size(3), w.size(1), w.size(2)}), {1, 2, 0}),
                      0);
}
Tensor Weighted::stored_columns(const Tensor& v) const {
  const Tensor& w = weight;
  if (w.rank() != 4 || rows_ == ops::Rows::last) return v;
  return ops::flatten(ops::permute(ops::reshape(v, {w.size(1), w.size(2), w.size(3)}), {2, 0, 1}),
                      0);
}

Tensor Weighted::weight_now() {
  switch (rule_) {
    case WeightRule::plain: break;
    case WeightRule::equalized: return ops::affine(weight, scale_, 0);
    case WeightRule::spectral: {
      if (training()) iterate();
      // Copies: the graph keeps them while the buffers go on.
      Tensor u;
      {
        const NoGrad no_grad;
        u = ops::affine(u_, 1, 0);
      }
      return ops::spectral_normalize(weight, u, columns(), rows_);
    }
  }
  return weight;
}

std::string Weighted::rule_text() const {
  switch (rule_) {
    case WeightRule::plain: break;
    case WeightRule::spectral: return ", spectral norm";
    case WeightRule::equalized: return ", equalized";
  }
  return {};
}

}  // namespace imago::nn
