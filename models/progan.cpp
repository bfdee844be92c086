// Progressive growing: the game is played at 4x4 first, and at twice the size when layers are faded
// into both networks (Karras et al. 2018).
#include <algorithm>
#include <cmath>

#include "engine/ops/ops.h"
#include "models/adversarial_presets.h"
#include "models/progressive_networks.h"

namespace imago::models {
namespace {

using training::Batch, training::Config, training::Phase, training::Terms;

constexpr double drift = 1e-3;  // weight of E f(x)^2: appendix A.1

class Progan : public AdversarialModel {
 public:
  Progan(const Config& c, const AdversarialOptions& o, const nn::Init& init, Generator& draws)
      : AdversarialModel(Bare{}, o, init, draws),
        networks_{o.generator.sample, o.generator.latent, o.generator.width,
                  o.critic.minibatch_stddev},
        growing_generator_(networks_, init),
        growing_critic_(networks_, init),
        stage_steps_(c.is_word("stage_steps") ? 1 : Index(c.real("stage_steps"))),
        fade_(c.real("fade")) {
    child("generator", growing_generator_);
    child("critic", growing_critic_);
    buffer("progress", progress_, Tensor::zeros({1}, DType::i64));
    add_stabilisers(init);
  }

  std::vector<Phase> phases() override {
    std::vector<Phase> both = AdversarialModel::phases();
    for (Phase& phase : both) phase.allow_unused = true;  // the layers of stages to come
    return both;
  }

  // At the full size, whatever the stage.
  Tensor generate(const Tensor& z, const Tensor&) override {
    return enlarged(growing_generator_.forward(z, growth()), networks_.sample[0]);
  }
  Tensor value(const Tensor& x, const Tensor&) override {
    return ops::flatten(judgement(x, {}).output, 0);
  }

 protected:
  // Of images of the full size or of the stage's.
  Judgement judgement(const Tensor& x, const Tensor&) override {
    const Tensor features = growing_critic_.features(shown(x), growth());
    return {features, growing_critic_.judge(features)};
  }
  Tensor gradient_penalty(const Tensor& real, const Tensor& fake, const Tensor&) override {
    return nn::gradient_penalty([this](const Tensor& x) { return value(x, {}); }, real, fake,
                                *options_.penalty, draws_);
  }

  Terms critic_objective(const Batch& b) override {
    reach(b.step);
    const Tensor real = faded(shown(to_network(b.x)), growth()), fake = shown(fakes(b, {}));
    const auto [on_real, on_fake] = judge(noised(real, b), noised(fake, b), {});
    return critic_terms(real_loss(*options_.loss, on_real.output, options_.label_smoothing) +
                            ops::mean(options_.loss->fake(on_fake.output)) +
                            drift * ops::mean(ops::square(on_real.output)),
                        real, fake, {}, b);
  }
  Terms generator_objective(const Batch& b) override {
    reach(b.step);
    const Tensor fake = growing_generator_.forward(draw_code(b.x.size(0)), growth());
    const Judgement judged = judgement(noised(fake, b), {});
    return generator_terms(generator_loss(judged.output), judged, {}, b);
  }

  std::string describe_critic() const override {
    return concat(growing_generator_.describe(), growing_critic_.describe(),
                  AdversarialModel::describe_critic(), "  growth: ", networks_.stages(),
                  " stages, 4x4 to ", networks_.sample[0], "x", networks_.sample[1],
                  "\n  penalty: weight ", options_.lambda, ", tape: the critic grows\n");
  }

 private:
  // The progress is all that evaluations and samples know of the step; it stands in checkpoints.
  void reach(Index step) { progress_.fill_(double(step)); }
  Growth growth() const {
    const Index step = Index(progress_.item()), last = networks_.stages() - 1,
                stage = std::min(step / stage_steps_, last);
    const double fading = fade_ * double(stage_steps_);
    return {stage, stage == 0 || fading == 0
                       ? 1
                       : std::min(1., double(step - stage * stage_steps_ + 1) / fading)};
  }
  // Images at the stage's size.
  Tensor shown(const Tensor& x) const {
    const Index factor = x.size(1) / growth().rows();
    return factor > 1 ? ops::avg_pool2d(x, factor) : x;
  }

  ProgressiveOptions networks_;
  ProgressiveGenerator growing_generator_;
  ProgressiveCritic growing_critic_;
  Index stage_steps_;
  double fade_;
  Tensor progress_;  // int64 on the cpu: steps before the last one
};

void settle(Config& c, const DataInfo& d) {
  if (d.kind != data::Kind::image)
    throw Error(ErrorKind::usage, {"progan grows images", {}, "images", d.name, "try wgan-gp"});
  settle_game(c, d);
  refuse_others(c, "its networks are those that grow",
                {{"architecture", "dcgan"},
                 {"generator_norm", "pixel"},
                 {"critic_norm", "none"},
                 {"spectral_norm", "none"},
                 {"attention", "0"},
                 {"dropout", "0"},
                 {"feature_matching", "0"},
                 {"minibatch_discrimination", "0"},
                 {"conditional", "false"}});
  const Index size = c.integer("size");
  if (size < 8 || (size & (size - 1)) != 0)
    throw Error(ErrorKind::usage, {"a size that progan cannot grow to", "option 'size'",
                                   "8, 16, 32, 64, ...", concat(size), "images are padded to it"});
}

void settle_steps(Config& c, Index steps) {
  if (!c.is_word("stage_steps")) return;
  Index shares = 2;  // 4x4, 8x8, ..., and the last again
  for (Index size = c.integer("size"); size > 4; size /= 2) shares++;
  c.set("stage_steps", double(std::max<Index>(1, steps / shares)));
}

}  // namespace

Preset progan_preset() {
  using namespace training::option;
  return game_preset(
      {.name = "progan",
       .summary = "wgan-gp whose networks grow from 4x4 to the size of the images",
       .source = "Karras et al. 2018",
       .own = {real_or_word("stage_steps", std::string("auto"), {1, 1e15}, {"auto"},
                            "steps at each size; auto: equal shares of the run, two for the last")
                   .from("Karras et al. 2018"),
               real("fade", 0.5, {0, 1}, "share of them over which new layers are faded in")
                   .from("Karras et al. 2018")},
       .defaults = {{"loss", "wasserstein"},
                    {"penalty", "gp"},
                    {"size", "32"},
                    {"width", "16"},
                    {"generator_norm", "pixel"},
                    {"minibatch_stddev", "true"},
                    {"lr", "1e-3"},
                    {"beta1", "0"},
                    {"beta2", "0.99"},
                    {"ema", "0.99"}},
       .make = make_game<Progan>,
       .settle = settle,
       .settle_steps = settle_steps});
}

}  // namespace imago::models
