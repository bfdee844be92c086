#include "models/autoencoder_critic.h"

#include "engine/ops/ops.h"
#include "models/adversarial_presets.h"
#include "models/description.h"

namespace imago::models {

namespace {
CriticOptions encoder_options(const AdversarialOptions& o, Index code) {
  CriticOptions e = o.critic;
  e.outputs = code;
  e.sigma = {};  // the layers' own: without a norm, weights of 0.02 would let no signal through
  return e;
}
// What the critic is, in reverse.
GeneratorOptions decoder_options(const AdversarialOptions& o, Index code) {
  GeneratorOptions d = o.generator;
  d.latent = code;
  d.activation = o.critic.activation;
  d.norm = o.critic.norm;
  d.rule = o.critic.rule;
  d.sigma = {};
  d.dropout = o.critic.dropout;
  return d;
}
}  // namespace

AutoencoderCritic::AutoencoderCritic(const AdversarialOptions& o, Index code, const nn::Init& init,
                                     Generator& draws)
    : encoder_(encoder_options(o, code), init, draws),
      decoder_(decoder_options(o, code), init, draws) {
  child("encoder", encoder_);
  child("decoder", decoder_);
}
Tensor AutoencoderCritic::encode(const Tensor& x, const Tensor& condition) {
  return encoder_.forward(x, condition);
}
Tensor AutoencoderCritic::decode(const Tensor& code, const Tensor& condition) {
  return decoder_.forward(code, condition);
}
std::string AutoencoderCritic::describe() const {
  return concat(describe_block("critic.encoder", encoder_.net),
                describe_block("critic.decoder", decoder_.net), "  critic: ", parameter_count(),
                " parameters\n");
}

EnergyModel::EnergyModel(Energy energy, const AdversarialOptions& o, Index code,
                         const nn::Init& init, Generator& draws)
    : AdversarialModel(Bare{}, o, init, draws),
      energy_(energy),
      autoencoder_(options_, code, init, draws) {
  options_.loss = nullptr;
  add_generator(options_.generator, init);
  child("critic", autoencoder_);
  add_stabilisers(init);
}

EnergyModel::Judgement EnergyModel::judgement(const Tensor& x, const Tensor& condition) {
  const Tensor code = autoencoder_.encode(x, condition);
  const Tensor off = x - autoencoder_.decode(code, condition);
  const Tensor errors = energy_ == Energy::squared ? ops::square(off) : ops::abs(off);
  return {code, ops::mean(ops::flatten(errors), {1}, true)};
}
Tensor EnergyModel::value(const Tensor& x, const Tensor& condition) {
  return ops::reshape(judgement(x, condition).output, Shape{x.size(0)});
}

std::string EnergyModel::describe_critic() const {
  std::string text = autoencoder_.describe() + "  loss: energy A, the mean ";
  text += energy_ == Energy::squared ? "squared" : "absolute";
  text += " error of the critic's reconstruction\n";
  if (options_.penalty)
    text += concat("  penalty: weight ", options_.lambda, ", tape: the critic is an autoencoder\n");
  return text;
}

void settle_energy(training::Config& c, const DataInfo& d) {
  refuse_others(c, "the loss is of energies",
                {{"loss", "gan"},
                 {"generator_loss", "non_saturating"},
                 {"label_smoothing", "1"},
                 {"conditioning", "input"}});
  settle_game(c, d);
}

training::Option code_option(Index size) {
  return training::option::integer("code", size, {1, 1 << 20},
                                   "size of the critic's code of a sample");
}

}  // namespace imago::models
