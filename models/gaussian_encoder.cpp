#include "models/gaussian_encoder.h"

#include "engine/ops/ops.h"
#include "models/description.h"

namespace imago::models {

training::Option encoder_norm_option() {
  return training::option::text("encoder_norm", "batch",
                                {"none", "batch", "layer", "instance", "group", "pixel"},
                                "normalisation in the encoder")
      .from("Ioffe & Szegedy 2015");
}

CriticOptions encoder_options(const training::Config& config, const CriticOptions& critic) {
  CriticOptions o;
  static_cast<NetworkOptions&>(o) = critic;
  o.norm = norm_from(config.text("encoder_norm"));
  o.rule = nn::WeightRule::plain;
  o.attention = 0;
  o.dropout = 0;
  o.classes = o.embedding = 0;
  return o;
}

namespace {
CriticOptions with_outputs(CriticOptions o, Index outputs) {
  o.outputs = outputs;
  return o;
}
}  // namespace

GaussianEncoder::GaussianEncoder(CriticOptions o, Index latent, bool deterministic,
                                 const nn::Init& init, Generator& draws)
    : latent_(latent),
      deterministic_(deterministic),
      net_(with_outputs(std::move(o), deterministic ? latent : 2 * latent), init, draws) {
  child("net", net_.net);
}

GaussianEncoder::Posterior GaussianEncoder::forward(const Tensor& x) {
  const Tensor head = net_.forward(x);
  if (deterministic_) return {head, {}};
  return {ops::slice(head, 1, 0, latent_), ops::slice(head, 1, latent_, 2 * latent_)};
}

std::string GaussianEncoder::describe() const {
  return concat(describe_block("encoder", net_.net), "  encoder: ", parameter_count(),
                " parameters\n");
}

Tensor draw(const GaussianEncoder::Posterior& q, Generator& g) {
  return q.logvar ? ops::reparameterize(q.mu, q.logvar, g) : q.mu;
}

}  // namespace imago::models
