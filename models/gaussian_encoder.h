// The encoder of an adversarial model: a network of the critic's kind, from samples to codes. Not
// here: what it is trained for (vae_gan.cpp, ali.cpp).
#pragma once
#include "models/adversarial_presets.h"

namespace imago::models {

// Option encoder_norm.
training::Option encoder_norm_option();
// For a model's encoder: of the critic's architecture, width and layers.
CriticOptions encoder_options(const training::Config& config, const CriticOptions& critic);

// q(z|x) = N(mu, e^logvar), or a function z = mu.
class GaussianEncoder : public nn::Module {
 public:
  GaussianEncoder(CriticOptions options, Index latent, bool deterministic, const nn::Init& init,
                  Generator& draws);
  struct Posterior {
    Tensor mu, logvar;  // [n, latent]; logvar undefined when deterministic
  };
  // x [n, ...sample].
  Posterior forward(const Tensor& x);
  std::string describe() const override;

 private:
  Index latent_;
  bool deterministic_;
  CriticNetwork net_;
};
// z ~ q(z|x), with a gradient through mu and logvar.
Tensor draw(const GaussianEncoder::Posterior& q, Generator& g);

}  // namespace imago::models
