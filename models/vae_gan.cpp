// A VAE whose decoder is a GAN's generator, and whose likelihood is of what the critic sees of x,
// not of its pixels (Larsen et al. 2016). Each of the three networks has a gradient of its own.
#include "engine/ops/ops.h"
#include "models/gaussian_encoder.h"

namespace imago::models {
namespace {

using training::Batch, training::Config, training::Phase, training::Terms;

class VaeGan : public AdversarialModel {
 public:
  VaeGan(const Config& c, const AdversarialOptions& o, const nn::Init& init, Generator& draws)
      : AdversarialModel(Bare{}, o, init, draws),
        gamma_(c.real("gamma")),
        encoder_(encoder_options(c, o.critic), o.generator.latent, false, init, draws) {
    add_generator(o.generator, init);
    child("encoder", encoder_);
    add_critic(o.critic, init);
    add_stabilisers(init);
  }

  std::vector<Phase> phases() override {
    Phase encoder = generator_phase(parameters_under(*this, {"encoder."}));
    encoder.name = "encoder";
    encoder.objective = [this](const Batch& b) { return encoder_objective(b); };
    encoder.after = {};
    return {critic_phase(parameters_under(*this, {"critic."})), encoder,
            generator_phase(parameters_under(*this, {"generator."}))};
  }

  bool encodes() const override { return true; }
  Tensor encode(const Tensor& x) override { return encoder_.forward(x).mu; }
  RowFigures row_figures(const Tensor& x, Generator& g) override {
    const auto q = encoder_.forward(x);
    return {{"rate", ops::gaussian_kl(q.mu, q.logvar)},
            {"feature_distortion",
             feature_distortion(x, critic_->judge(generate(draw(q, g), {})).features)}};
  }
  std::string describe() const override {
    return encoder_.describe() + AdversarialModel::describe();
  }

 private:
  // -log N(features(x); features(G(z)), I) of each sample, without its constant: equation 7.
  Tensor feature_distortion(const Tensor& x, const Tensor& made) {
    Tensor seen;
    {
      const NoGrad no_grad;
      seen = critic_->judge(x).features;
    }
    return 0.5 * ops::sum(ops::square(seen - made), {1});
  }
  Tensor posterior_draw(const Tensor& x) {
    const NoGrad no_grad;
    return draw(encoder_.forward(x), draws_);
  }

  // Algorithm 1: KL(q(z|x) to p(z)) - E_q log p(features(x)|z).
  Terms encoder_objective(const Batch& b) {
    const Tensor x = to_network(b.x);
    const auto q = encoder_.forward(x);
    const Tensor made = generate(draw(q, draws_), {});
    const Tensor rate = ops::mean(ops::gaussian_kl(q.mu, q.logvar)),
                 distortion = ops::mean(feature_distortion(x, critic_->judge(made).features));
    Tensor loss = rate + distortion;
    if (const Tensor h = historical("generator")) loss = loss + h;
    return {{"encoder_loss", loss}, {"rate", rate}, {"feature_distortion", distortion}};
  }

  // - gamma E_q log p(features(x)|z) and the game with G(z), z both from the encoder and from the
  // prior.
  Terms generator_objective(const Batch& b) override {
    const Tensor x = to_network(b.x);
    const Judgement from_code = critic_->judge(noised(generate(posterior_draw(x), {}), b));
    const Judgement from_prior = critic_->judge(noised(generate(draw_code(x.size(0)), {}), b));
    return generator_terms(gamma_ * ops::mean(feature_distortion(x, from_code.features)) +
                               generator_loss(from_code.output) + generator_loss(from_prior.output),
                           from_prior, {}, b);
  }

  // E real(l(x)) + E fake(l(G(z))) of both kinds of z: equation 8.
  Terms critic_objective(const Batch& b) override {
    const Tensor x = to_network(b.x), prior = fakes(b, {});
    Tensor code;
    {
      const NoGrad no_grad;
      code = generate(posterior_draw(x), {});
    }
    const auto [on_real, on_prior] = judge(noised(x, b), noised(prior, b), {});
    const Judgement on_code = critic_->judge(noised(code, b));
    return critic_terms(real_loss(*options_.loss, on_real.output, options_.label_smoothing) +
                            ops::mean(options_.loss->fake(on_prior.output)) +
                            ops::mean(options_.loss->fake(on_code.output)),
                        x, prior, {}, b);
  }

  double gamma_;
  GaussianEncoder encoder_;
};

void settle(Config& c, const DataInfo& d) {
  refuse_others(c, "neither its encoder nor its likelihood is told labels",
                {{"conditional", "false"}});
  settle_game(c, d);
}

}  // namespace

Preset vae_gan_preset() {
  using namespace training::option;
  return game_preset(
      {.name = "vae-gan",
       .summary = "VAE that reconstructs what a critic sees, and plays against it",
       .source = "Larsen et al. 2016",
       .own = {real("gamma", 1e-3, {0, 1e6}, "weight of reconstruction in the generator's loss")
                   .from("Larsen et al. 2016"),
               encoder_norm_option()},
       .defaults = {{"latent", "32"}, {"width", "48"}, {"critic_norm", "batch"}},
       .points = {{"latent", "2"},
                  {"width", "0"},
                  {"critic_norm", "none"},
                  {"encoder_norm", "none"},
                  {"gamma", "1"}},
       .make = make_game<VaeGan>,
       .settle = settle});
}

}  // namespace imago::models
