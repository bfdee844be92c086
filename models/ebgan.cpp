// Energy-based GAN (Zhao et al. 2017): the critic is an autoencoder that keeps the energy of
// samples above a margin; the generator lowers it, its codes pulled apart.
#include "engine/ops/ops.h"
#include "models/adversarial_presets.h"
#include "models/autoencoder_critic.h"
#include "models/measures/pairwise.h"

namespace imago::models {

namespace {

using training::Batch, training::Config, training::Terms;

class Ebgan : public EnergyModel {
 public:
  Ebgan(const Config& c, const AdversarialOptions& o, const nn::Init& init, Generator& draws)
      : EnergyModel(Energy::squared, o, c.integer("code"), init, draws),
        margin_(c.real("margin")),
        weight_(c.real("pt")) {}

 protected:
  // Equation 1: A(x) + relu(m - A(G)).
  Terms critic_objective(const Batch& b) override {
    const Tensor c = condition_of(b), real = to_network(b.x), fake = fakes(b, c);
    const auto [on_real, on_fake] = judge(noised(real, b), noised(fake, b), c);
    const Tensor energy = ops::mean(on_real.output);
    Terms terms =
        critic_terms(energy + ops::mean(ops::relu(margin_ - on_fake.output)), real, fake, c, b);
    terms.push_back({"energy_real", energy});
    terms.push_back({"energy_fake", ops::mean(on_fake.output)});
    return terms;
  }
  // Equation 2 with the pulling-away term of equation 4: A(G) + w PT.
  Terms generator_objective(const Batch& b) override {
    const Tensor c = condition_of(b);
    const Judgement fake = judgement(noised(generate(draw_code(b.x.size(0)), c), b), c);
    Tensor loss = ops::mean(fake.output), pt;
    if (weight_ > 0 && b.x.size(0) > 1) {
      pt = pulling_away(fake.features);
      loss = loss + weight_ * pt;
    }
    Terms terms = generator_terms(loss, fake, c, b);
    if (pt) terms.push_back({"pulling_away", pt});
    return terms;
  }

 private:
  double margin_, weight_;
};

}  // namespace

Preset ebgan_preset() {
  using namespace training::option;
  return game_preset(
      {.name = "ebgan",
       .summary = "the critic is an autoencoder, its energy kept above a margin for samples",
       .source = "Zhao et al. 2017",
       .own = {code_option(32),
               real("margin", 0.2, {0, 1e6}, "energy above which samples are left alone (m)")
                   .from("Zhao et al. 2017"),
               real("pt", 0.1, {0, 1e6}, "weight of the pulling-away term on the samples' codes")
                   .from("Zhao et al. 2017")},
       .defaults = {{"lr", "1e-3"}},
       .points = {{"margin", "0.1"}},
       .make = make_game<Ebgan>,
       .settle = settle_energy});
}

}  // namespace imago::models
