// Cramer GAN (Bellemare et al. 2017): the energy distance between transformed samples, the
// transform h learned by the critic.
#include "engine/ops/ops.h"
#include "models/adversarial_presets.h"
#include "models/measures/pairwise.h"

namespace imago::models {

namespace {

using training::Batch, training::Config, training::Terms;

class Cramer : public AdversarialModel {
 public:
  Cramer(const Config& c, const AdversarialOptions& o, const nn::Init& init, Generator& draws)
      : AdversarialModel(with_outputs(o, c.integer("code")), init, draws) {
    options_.loss = nullptr;
  }

  // f(x) against samples of a stream of their own, the same in every call.
  Tensor value(const Tensor& x, const Tensor& condition) override {
    const NoGrad no_grad;
    Generator g{0, evaluation_draws + (std::uint64_t(1) << 58)};
    const Tensor other =
        generate(ops::randn(Shape{x.size(0), latent()}, g, x.dtype(), x.device()), condition);
    return f(transform(x, condition), transform(other, condition));
  }

 protected:
  // Algorithm 1: E f(g) - E f(x) with f(x) = |h(x) - h(g')| - |h(x)|.
  Terms critic_objective(const Batch& b) override {
    const Tensor c = condition_of(b), real = to_network(b.x), fake = fakes(b, c);
    other_ = noised(samples(b, c), b);
    const auto [x, g] = judge(noised(real, b), noised(fake, b), c);
    const Tensor h = transform(other_, c);
    Terms terms =
        critic_terms(ops::mean(f(g.output, h)) - ops::mean(f(x.output, h)), real, fake, c, b);
    other_ = {};
    return terms;
  }
  // E |h(x) - h(g)| + E |h(x) - h(g')| - E |h(g) - h(g')|: both samples follow the gradient.
  Terms generator_objective(const Batch& b) override {
    const Tensor c = condition_of(b);
    const Tensor x = transform(noised(to_network(b.x), b), c);
    const Judgement g = judgement(noised(generate(draw_code(b.x.size(0)), c), b), c);
    const Tensor h = transform(noised(generate(draw_code(b.x.size(0)), c), b), c);
    return generator_terms(ops::mean(row_norms(x - g.output)) + ops::mean(row_norms(x - h)) -
                               ops::mean(row_norms(g.output - h)),
                           g, c, b);
  }
  Tensor gradient_penalty(const Tensor& real, const Tensor& fake, const Tensor& c) override {
    return nn::gradient_penalty(
        [&](const Tensor& x) { return f(transform(x, c), transform(other_, c)); }, real, fake,
        *options_.penalty, draws_);
  }
  std::string describe_critic() const override {
    std::string text = critic_->describe() +
                       "  loss: energy distance of the critic's outputs h, f(x) = |h(x) - h(g')| - "
                       "|h(x)|\n";
    if (options_.penalty)
      text += concat("  penalty: weight ", options_.lambda, ", tape: f is of two samples\n");
    return text;
  }

 private:
  static AdversarialOptions with_outputs(AdversarialOptions o, Index outputs) {
    o.critic.outputs = outputs;
    return o;
  }
  Tensor transform(const Tensor& x, const Tensor& condition) {
    return judgement(x, condition).output;
  }
  // [n]
  static Tensor f(const Tensor& x, const Tensor& other) {
    return row_norms(x - other) - row_norms(x);
  }
  Tensor samples(const Batch& b, const Tensor& condition) {
    const NoGrad no_grad;
    return generate(draw_code(b.x.size(0)), condition);
  }
  Tensor other_;  // g' of the critic's batch, while its loss is made
};

void settle(Config& c, const DataInfo& d) {
  refuse_others(c, "the loss is the energy distance",
                {{"loss", "gan"},
                 {"generator_loss", "non_saturating"},
                 {"label_smoothing", "1"},
                 {"conditioning", "input"}});
  settle_game(c, d);
}

}  // namespace

Preset cramer_preset() {
  return game_preset({.name = "cramer",
                      .summary = "energy distance of what a critic makes of samples",
                      .source = "Bellemare et al. 2017",
                      .own = {training::option::integer("code", 256, {1, 1 << 20},
                                                        "size of what the critic makes of a sample")
                                  .from("Bellemare et al. 2017")},
                      .defaults = {{"penalty", "gp"},
                                   {"d_steps", "5"},
                                   {"lr", "1e-3"},
                                   {"beta1", "0.5"},
                                   {"beta2", "0.9"}},
                      .make = make_game<Cramer>,
                      .settle = settle});
}

}  // namespace imago::models
