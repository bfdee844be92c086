// p(x|z): what the decoder's output means. Bernoulli logits, or the mean of a Gaussian or of a
// discretised logistic, with one width for all dimensions, fixed or learned. Not here: the decoder.
#pragma once
#include <optional>

#include "engine/nn/init.h"
#include "engine/nn/module.h"

namespace imago::models {

class Likelihood : public nn::Module {
 public:
  enum class Kind { bernoulli, gaussian, discretized_logistic };
  static Kind kind_from(const std::string& name);

  // sigma: the Gaussian's standard deviation or the logistic's scale; none: learned, as the
  // parameter "log_sigma".
  Likelihood(Kind kind, std::optional<double> sigma, const nn::Init& init);

  // log p(x|z) of each row, in nats. x [B, D]; decoded [B * K, D], the samples of a row adjacent.
  Tensor log_prob(const Tensor& x, const Tensor& decoded) const;
  Tensor mean(const Tensor& decoded) const;                // E[x|z]
  Tensor draw(const Tensor& decoded, Generator& g) const;  // x ~ p(x|z), for continuous data
  Kind kind() const { return kind_; }
  std::string describe() const override;

 private:
  Kind kind_;
  std::optional<double> sigma_;
  Tensor log_sigma_;  // one element; undefined for bernoulli
};

}  // namespace imago::models
