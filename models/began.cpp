// Boundary-equilibrium GAN (Berthelot et al. 2017): the critic is an autoencoder, and a controller
// keeps the energies of samples and data in a fixed proportion.
#include "engine/ops/ops.h"
#include "models/adversarial_presets.h"
#include "models/autoencoder_critic.h"

namespace imago::models {

namespace {

using training::Batch, training::Config, training::Terms;

class Began : public EnergyModel {
 public:
  Began(const Config& c, const AdversarialOptions& o, const nn::Init& init, Generator& draws)
      : EnergyModel(Energy::absolute, o, c.integer("code"), init, draws),
        gamma_(c.real("gamma")),
        lambda_(c.real("lambda_k")) {
    buffer("k", k_, Tensor::zeros({1}, init.dtype, init.device));
  }

 protected:
  // Section 3.4: A(x) - k A(G), and the measure of convergence A(x) + |gamma A(x) - A(G)|.
  Terms critic_objective(const Batch& b) override {
    const Tensor c = condition_of(b), real = to_network(b.x), fake = fakes(b, c);
    const auto [on_real, on_fake] = judge(noised(real, b), noised(fake, b), c);
    const Tensor energy = ops::mean(on_real.output), of_fake = ops::mean(on_fake.output);
    Terms terms = critic_terms(energy - ops::reshape(k_, Shape{}) * of_fake, real, fake, c, b);
    balance_ = (gamma_ * energy - of_fake).detach();
    terms.push_back({"energy_real", energy});
    terms.push_back({"energy_fake", of_fake});
    terms.push_back({"k", k_ + 0.});  // as it is now
    terms.push_back({"convergence", energy.detach() + ops::abs(balance_)});
    return terms;
  }
  // A(G).
  Terms generator_objective(const Batch& b) override {
    const Tensor c = condition_of(b);
    const Judgement fake = judgement(noised(generate(draw_code(b.x.size(0)), c), b), c);
    return generator_terms(ops::mean(fake.output), fake, c, b);
  }
  // k = clip(k + lambda_k (gamma A(x) - A(G)), 0, 1), on the device.
  void after(const std::string& side) override {
    EnergyModel::after(side);
    if (side == "critic")
      k_.copy_(ops::clamp(k_ + lambda_ * ops::reshape(balance_, Shape{1}), 0, 1));
  }

 private:
  double gamma_, lambda_;
  Tensor k_;        // [1]
  Tensor balance_;  // gamma A(x) - A(G) of the critic's last batch
};

}  // namespace

Preset began_preset() {
  using namespace training::option;
  return game_preset(
      {.name = "began",
       .summary = "the critic is an autoencoder, held in balance with the generator",
       .source = "Berthelot et al. 2017",
       .own = {code_option(16),
               real("gamma", 0.7, {0, 1}, "energy of samples over that of data, kept by the game")
                   .from("Berthelot et al. 2017"),
               real("lambda_k", 0.05, {0, 1}, "rate of the controller k")
                   .from("Berthelot et al. 2017")},
       // A normalised generator forgets its code before k has risen: all samples alike.
       .defaults = {{"generator_norm", "none"}, {"lr", "5e-4"}},
       .points = {{"code", "1"}, {"gamma", "0.5"}, {"lambda_k", "0.1"}, {"lr", "1e-3"}},
       .make = make_game<Began>,
       .settle = settle_energy});
}

}  // namespace imago::models
