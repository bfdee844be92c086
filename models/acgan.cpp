// ACGAN (Odena et al. 2017): the generator is told the class, the critic is not, and learns to tell
// it. L_D - E log P(c|x) - E log P(c|G), and L_G - E log P(c|G); P is a second output of the
// critic's last layer.
#include "engine/ops/ops.h"
#include "models/adversarial_presets.h"
#include "models/classifier.h"

namespace imago::models {

using training::Batch, training::Config, training::Phase, training::Terms;

namespace {

class AcGan : public AdversarialModel {
 public:
  AcGan(const Config& c, const AdversarialOptions& o, const nn::Init& init, Generator& draws)
      : AdversarialModel(untold(o), init, draws),
        weight_(c.real("class_weight")),
        classes_(critic_->features(), o.data.classes, init) {
    child("classes", classes_);
  }
  std::vector<Phase> phases() override {
    return {critic_phase(parameters_under(*this, {"critic.", "classes."})),
            generator_phase(parameters_under(*this, {"generator."}))};
  }
  std::string describe() const override {
    return concat("  classes: ", classes_.describe(), " on the critic's features, weight ", weight_,
                  "\n", AdversarialModel::describe());
  }

 protected:
  Tensor told(const Tensor&) const override { return {}; }
  Terms critic_parts(const Both& both, const Tensor& c, const Batch&) override {
    return {{"real_class_loss", class_loss(both.real, c)},
            {"fake_class_loss", class_loss(both.fake, c)}};
  }
  Terms generator_parts(const CriticNetwork::Judgement& fake, const Tensor& c,
                        const Batch&) override {
    return {{"generator_class_loss", class_loss(fake, c)}};
  }

 private:
  static AdversarialOptions untold(AdversarialOptions o) {
    o.critic.classes = 0;
    return o;
  }
  Tensor class_loss(const CriticNetwork::Judgement& j, const Tensor& c) {
    return weight_ * cross_entropy(classes_.forward(j.features), c);
  }

  double weight_;
  nn::Linear classes_;
};

void settle(Config& c, const DataInfo& d) {
  settle_game(c, d);
  if (!c.flag("conditional"))
    throw Error(ErrorKind::usage, {"the generator of acgan is told the class",
                                   "option 'conditional'", "true", "false", "gan is not"});
  if (c.text("conditioning") != "input")
    throw Error(ErrorKind::usage, {"the critic of acgan is told nothing", "option 'conditioning'",
                                   "input, as the generator has it", c.text("conditioning"),
                                   "cgan has conditioning=projection"});
}

}  // namespace

Preset acgan_preset() {
  using namespace training::option;
  return game_preset({.name = "acgan",
                      .summary = "gan whose critic tells the class that the generator is told",
                      .source = "Odena et al. 2017",
                      .own = {real("class_weight", 1, {0, 1e6}, "of the classes' losses")},
                      .defaults = {{"conditional", "true"}, {"critic_norm", "batch"}},
                      .points = {{"critic_norm", "none"}},
                      .make = make_game<AcGan>,
                      .settle = settle});
}

}  // namespace imago::models
