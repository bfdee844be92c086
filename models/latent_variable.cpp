#include "models/latent_variable.h"

#include "engine/ops/ops.h"
#include "models/description.h"

namespace imago::models {

namespace {
void add_dense(nn::Sequential& net, const std::vector<Index>& sizes, const LatentVariableOptions& o,
               const nn::Init& init, Generator& g) {
  for (std::size_t i = 0; i + 1 < sizes.size(); i++) {
    net.add<nn::Linear>(sizes[i], sizes[i + 1], init);
    if (i + 2 == sizes.size()) break;  // the last layer is linear
    net.add<nn::Activation>(o.activation);
    if (o.dropout > 0) net.add<nn::Dropout>(o.dropout, g);
  }
}
}  // namespace

LatentVariableModel::LatentVariableModel(const LatentVariableOptions& o, const nn::Init& init,
                                         Generator& generator)
    : likelihood(o.likelihood, o.sigma, init), options_(o), generator_(generator) {
  std::vector<Index> sizes{o.features};
  sizes.insert(sizes.end(), o.hidden.begin(), o.hidden.end());
  sizes.push_back(o.bound == Bound::reconstruction ? o.latent
                                                   : 2 * o.latent);  // the head: mu, then logvar
  add_dense(encoder, sizes, o, init, generator);
  sizes.back() = o.latent;
  add_dense(decoder, {sizes.rbegin(), sizes.rend()}, o, init, generator);
  child("encoder", encoder);
  child("decoder", decoder);
  child("likelihood", likelihood);
}

LatentVariableModel::Posterior LatentVariableModel::encode(const Tensor& x) {
  const Tensor head = encoder.forward(x);
  if (options_.bound == Bound::reconstruction) return {head, {}};
  const Index d = options_.latent;
  return {ops::slice(head, 1, 0, d), ops::slice(head, 1, d, 2 * d)};
}

LatentVariableModel::Parts LatentVariableModel::parts(const Tensor& x, Index samples,
                                                      Generator& g) {
  const auto [mu, logvar] = encode(x);
  if (!logvar) return {-likelihood.log_prob(x, decode(mu)), {}};
  const Tensor z = ops::reparameterize(mu, logvar, g, samples);
  Tensor distortion = -likelihood.log_prob(x, decode(z));
  if (samples > 1) distortion = ops::mean(ops::reshape(distortion, Shape{x.size(0), samples}), {1});
  return {distortion, ops::gaussian_kl(mu, logvar)};
}

Tensor LatentVariableModel::log_weights(const Tensor& x, Index samples, Generator& g) {
  const auto [mu, logvar] = encode(x);
  const auto [z, log_q, log_p] = ops::reparameterize_log_prob(mu, logvar, g, samples);
  return ops::reshape(likelihood.log_prob(x, decode(z)) + log_p - log_q, Shape{x.size(0), samples});
}

training::Terms LatentVariableModel::objective(const Tensor& x) {
  if (options_.bound == Bound::iwae) {
    // -E log 1/K sum_k p(x, z_k) / q(z_k|x): Burda et al. 2016, equation 8.
    return {{"loss", -ops::mean(ops::log_mean_exp(log_weights(x, options_.samples, generator_)))}};
  }
  // -E log p(x|z) + beta KL(q(z|x) || p(z)): Kingma & Welling 2014, equation 10; Higgins et al.
  // 2017, equation 4.
  const auto [distortion, rate] = parts(x, options_.samples, generator_);
  const Tensor d = ops::mean(distortion);
  if (!rate) return {{"loss", d}};
  const Tensor r = ops::mean(rate);
  return {{"loss", d + options_.beta * r}, {"distortion", d}, {"rate", r}};
}

std::string LatentVariableModel::describe() const {
  const auto block = [](const char* name, const nn::Sequential& net) {
    return concat(describe_block(name, net), "  ", name, ": ", net.parameter_count(),
                  " parameters\n");
  };
  return concat(block("encoder", encoder), block("decoder", decoder),
                "  likelihood: ", likelihood.describe(), "\n  all: ", parameter_count(),
                " parameters\n");
}

}  // namespace imago::models
