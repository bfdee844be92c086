// Latent-variable models p(x, z) = p(z) p(x|z) with an amortised posterior q(z|x): autoencoder, VAE
// (Kingma & Welling 2014), beta-VAE (Higgins et al. 2017), IWAE (Burda et al. 2016). Dense
// networks, prior N(0, I). Not here: presets and options, which are models/presets.h; the loop,
// which is engine/train.
#pragma once
#include "engine/nn/layers.h"
#include "engine/train/trainer.h"
#include "models/likelihood.h"

namespace imago::models {

// What stands between data and loss: reconstruction alone, the evidence lower bound, or its
// importance-weighted form.
enum class Bound { reconstruction, elbo, iwae };

struct LatentVariableOptions {
  Index features = 784;               // D
  Index latent = 20;                  // d
  std::vector<Index> hidden = {400};  // of the encoder; the decoder has them in reverse
  std::string activation = "relu";
  Likelihood::Kind likelihood = Likelihood::Kind::bernoulli;
  std::optional<double> sigma = {};  // none: learned
  Bound bound = Bound::elbo;
  Index samples = 1;  // K, draws of z for each x
  double beta = 1;    // weight of the rate
  double dropout = 0;
};

class LatentVariableModel : public nn::Module {
 public:
  // generator is drawn from in training (z, dropout) and must outlive the model.
  LatentVariableModel(const LatentVariableOptions& options, const nn::Init& init,
                      Generator& generator);

  struct Posterior {
    Tensor mu, logvar;  // [B, d]; logvar undefined for an autoencoder, whose code is mu
  };
  Posterior encode(const Tensor& x);
  Tensor decode(const Tensor& z) { return decoder.forward(z); }  // the parameters of p(x|z), [B, D]

  // What is minimised on x [B, D], and its parts: means over the batch, in nats.
  training::Terms objective(const Tensor& x);

  // Distortion -log p(x|z) and rate KL(q(z|x) || N(0, I)) of each row, each [B]. rate undefined for
  // an autoencoder.
  struct Parts {
    Tensor distortion, rate;
  };
  Parts parts(const Tensor& x, Index samples, Generator& g);
  // log p(x, z_k) / q(z_k|x) for z_k ~ q(z|x), [B, K].
  Tensor log_weights(const Tensor& x, Index samples, Generator& g);

  const LatentVariableOptions& options() const { return options_; }
  std::string describe() const override;

  nn::Sequential encoder, decoder;
  Likelihood likelihood;

 private:
  LatentVariableOptions options_;
  Generator& generator_;
};

}  // namespace imago::models
