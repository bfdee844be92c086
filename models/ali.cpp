// Adversarially learned inference: the critic is shown pairs, data with their codes against samples
// with theirs, so that generator and encoder become each other's inverse (Dumoulin et al. 2017;
// Donahue et al. 2017, whose BiGAN has a deterministic encoder).
#include "engine/ops/ops.h"
#include "models/gaussian_encoder.h"

namespace imago::models {
namespace {

using training::Batch, training::Config, training::Phase, training::Terms;

// The critic's condition is the code.
AdversarialOptions with_code(AdversarialOptions o) {
  o.critic.classes = o.generator.latent;
  return o;
}

class Ali : public AdversarialModel {
 public:
  Ali(const Config& c, const AdversarialOptions& options, const nn::Init& init, Generator& draws)
      : AdversarialModel(Bare{}, with_code(options), init, draws),
        encoder_(encoder_options(c, options.critic), options.generator.latent,
                 c.text("encoder") == "deterministic", init, draws) {
    add_generator(options_.generator, init);
    child("encoder", encoder_);
    add_critic(options_.critic, init);
    add_stabilisers(init);
  }

  std::vector<Phase> phases() override {
    return {critic_phase(parameters_under(*this, {"critic."})),
            generator_phase(parameters_under(*this, {"generator.", "encoder."}))};
  }

  bool encodes() const override { return true; }
  Tensor encode(const Tensor& x) override { return encoder_.forward(x).mu; }
  Tensor value_of_pair(const Tensor& x, const Tensor& z, const Tensor&) override {
    return value(x, z ? z : encode(x));
  }
  std::string describe() const override {
    return encoder_.describe() + AdversarialModel::describe();
  }

 private:
  struct Pairs {
    Tensor x, code;  // data, and z ~ q(z|x)
    Tensor made, z;  // G(z), and z ~ p(z)
  };
  Pairs pairs(const Batch& b) {
    Pairs p;
    p.x = to_network(b.x);
    // Nothing in the game keeps a variance from growing until it overflows: within e^-6 and e^6.
    GaussianEncoder::Posterior q = encoder_.forward(p.x);
    if (q.logvar) q.logvar = 6 * ops::tanh(q.logvar / 6);
    p.code = draw(q, draws_);
    p.z = draw_code(b.x.size(0));
    p.made = generate(p.z, {});
    return p;
  }

  // Dumoulin et al. 2017, equation 2.
  Terms critic_objective(const Batch& b) override {
    Pairs p;
    {
      const NoGrad no_grad;
      p = pairs(b);
    }
    const Tensor on_real = critic_->forward(noised(p.x, b), p.code),
                 on_fake = critic_->forward(noised(p.made, b), p.z);
    return critic_terms(real_loss(*options_.loss, on_real, options_.label_smoothing) +
                            ops::mean(options_.loss->fake(on_fake)),
                        joined(p.x, p.code), joined(p.made, p.z), {}, b);
  }

  // Both sides take the critic for wrong: algorithm 1 and its non-saturating form, where data with
  // their codes are to look generated, and samples with theirs real.
  Terms generator_objective(const Batch& b) override {
    const Pairs p = pairs(b);
    const Tensor on_real = critic_->forward(noised(p.x, b), p.code);
    const Judgement on_fake = critic_->judge(noised(p.made, b), p.z);
    const Tensor of_encoder = options_.generator_loss == GeneratorLoss::minimax
                                  ? -ops::mean(options_.loss->real(on_real))
                                  : ops::mean(options_.loss->fake(on_real)),
                 of_generator = generator_loss(on_fake.output);
    Terms terms = generator_terms(of_encoder + of_generator, on_fake, p.code.detach(), b);
    terms.push_back({"encoder_loss", of_encoder});
    return terms;
  }

  // The gradient is by the pair, which is taken for one row.
  static Tensor joined(const Tensor& x, const Tensor& z) {
    return ops::concat({ops::flatten(x, 1), z}, 1);
  }
  Tensor gradient_penalty(const Tensor& real, const Tensor& fake, const Tensor&) override {
    return nn::gradient_penalty(
        [&](const Tensor& pair) {
          const Index n = pair.size(0), all = pair.size(1), size = all - latent();
          std::vector<Index> shape = options_.critic.sample.dims();
          shape.insert(shape.begin(), n);
          return value(ops::reshape(ops::slice(pair, 1, 0, size), Shape(shape)),
                       ops::slice(pair, 1, size, all));
        },
        real, fake, *options_.penalty, draws_);
  }

  GaussianEncoder encoder_;
};

void settle(Config& c, const DataInfo& d) {
  refuse_others(c, "its critic's condition is the code",
                {{"conditional", "false"}, {"conditioning", "input"}});
  refuse_others(c, "only whole pairs could be shown again", {{"replay", "0"}});
  settle_game(c, d);
}

}  // namespace

Preset ali_preset() {
  using namespace training::option;
  return game_preset({.name = "ali",
                      .summary = "generator and encoder against a critic of pairs",
                      .source = "Dumoulin et al. 2017; Donahue et al. 2017",
                      .own = {text("encoder", "gaussian", {"gaussian", "deterministic"},
                                   "z drawn from N(mu(x), sigma(x)^2), or a function of x: BiGAN")
                                  .from("Donahue et al. 2017"),
                              encoder_norm_option()},
                      .defaults = {{"latent", "32"},
                                   {"width", "48"},
                                   {"encoder_norm", "none"},
                                   {"penalty", "r1"},
                                   {"lambda", "1"}},
                      .points = {{"latent", "2"},
                                 {"lambda", "0.015"},
                                 {"penalty_every", "2"},
                                 {"lr", "1e-3"},
                                 {"width", "0"}},
                      .make = make_game<Ali>,
                      .settle = settle});
}

}  // namespace imago::models
