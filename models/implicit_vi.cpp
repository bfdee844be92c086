// Implicit variational inference of an unnormalised density p: the generator is a sampler of q, and
// the ratio of q to a base density r is what a critic tells (Mohamed & Lakshminarayanan 2016,
// section 2.4; Huszar 2017). For data density:NAME, whose rows are draws from r.
#include <cmath>

#include "engine/data/densities.h"
#include "engine/ops/ops.h"
#include "models/adversarial_presets.h"
#include "models/densities.h"

namespace imago::models {

namespace {

using training::Batch, training::Config, training::Terms;

class ImplicitVi : public AdversarialModel {
 public:
  ImplicitVi(const Config&, const AdversarialOptions& o, const nn::Init& init, Generator& draws)
      : AdversarialModel(o, init, draws), density_(density_of(o.data)) {
    options_.loss = nullptr;
  }

 protected:
  // E_q softplus(-T) + E_r softplus(T), least where T = log q - log r.
  Terms critic_objective(const Batch& b) override {
    const Tensor base = to_network(b.x), samples = fakes(b, {});
    const auto [of_base, of_samples] = judge(noised(base, b), noised(samples, b), {});
    return critic_terms(
        ops::mean(ops::softplus(-of_samples.output)) + ops::mean(ops::softplus(of_base.output)),
        base, samples, {}, b);
  }
  // E_q [T + log r - log p]: KL(q || p) but for p's constant, the gradient through the samples
  // alone.
  Terms generator_objective(const Batch& b) override {
    const Tensor x = generate(draw_code(b.x.size(0)), {});
    const Judgement judged = judgement(noised(x, b), {});
    const double s = data::density_base_sigma;
    const Tensor log_r =
        ops::sum(ops::square(x), {1}) / (-2 * s * s) - 2 * std::log(s * std::sqrt(2 * M_PI));
    return generator_terms(
        ops::mean(ops::flatten(judged.output, 0) + log_r - log_density(density_, x)), judged, {},
        b);
  }
  std::string describe_critic() const override {
    return concat(critic_->describe(), "  loss: KL(q || p), log q - log r from the critic\n");
  }

 private:
  std::string density_;
};

void settle(Config& c, const DataInfo& d) {
  refuse_others(c, "the loss is KL(q || p)",
                {{"loss", "gan"},
                 {"generator_loss", "non_saturating"},
                 {"label_smoothing", "1"},
                 {"feature_matching", "0"},
                 {"replay", "0"},
                 {"conditional", "false"}});
  if (!d.name.empty() && density_of(d).empty())
    throw Error(ErrorKind::usage,
                {"the data are samples", "option 'data'", "density:NAME", d.name,
                 "`imago list` names the densities; other presets learn from samples"});
  settle_game(c, d);
}

}  // namespace

Preset implicit_vi_preset() {
  Preset p = game_preset(
      {.name = "implicit-vi",
       .summary = "a sampler of an unnormalised density, by its ratio to a base",
       .source = "Mohamed & Lakshminarayanan 2016; Huszar 2017",
       .points = {{"d_steps", "2"}, {"lr", "1e-3"}, {"ema", "0.98"}, {"steps", "10000"}},
       .make = make_game<ImplicitVi>,
       .settle = settle});
  p.densities = true;
  return p;
}

}  // namespace imago::models
