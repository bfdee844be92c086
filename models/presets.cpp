#include "models/presets.h"

#include <cstdio>

namespace imago::models {

using training::Config, training::Option;
using T = training::OptionType;
using G = training::OptionGroup;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

// What every run has: which data, where, from which seed.
std::vector<Option> run_options() {
  return {
      {"data", T::text, std::string(), "data set (`imago list`), a .npy or .npz file, or a folder of PNG files", G::run},
      {"data_dir", T::text, std::string(), "where named data sets lie; empty: $IMAGO_DATA, then the system's", G::run},
      {"device", T::text, std::string("auto"), "auto, cpu, cuda or cuda:N", G::run},
      {"seed", T::integer, std::int64_t(0), "of initial weights, order and noise", G::training, 0, 9007199254740992.},
      {"valid", T::integer, std::int64_t(0), "rows of train held out to choose the best checkpoint", G::training, 0, 1e9},
      {"binarize", T::text, std::string("none"), "grey values to 0 and 1: drawn once, for each batch, or cut at 1/2", G::training, -inf, inf,
       {"none", "static", "dynamic", "threshold"}, "S3"},
  };
}

std::vector<Option> network_options(Index latent, training::Integers hidden, const char* activation, const char* likelihood,
                                    training::Value sigma) {
  return {
      {"latent", T::integer, latent, "size of z", G::model, 1, 1 << 20, {}, "S2"},
      {"hidden", T::integers, std::move(hidden), "hidden layers of the encoder; the decoder has them in reverse", G::model, 1, 1 << 20, {}, "S2"},
      {"activation", T::text, std::string(activation), "of the hidden layers", G::model, -inf, inf, nn::activation_names()},
      {"dropout", T::real, 0., "probability of dropping a hidden unit", G::model, 0, 0.99},
      {"likelihood", T::text, std::string(likelihood), "p(x|z); auto: bernoulli for images, gaussian for points", G::model, -inf, inf,
       {"auto", "bernoulli", "gaussian", "discretized_logistic"}, "S0"},
      {"sigma", T::real_or_word, std::move(sigma), "standard deviation of gaussian, scale of discretized_logistic", G::model, 1e-6, 1e6,
       {"learned"}, "S2"},
  };
}
Option samples_option(Index k) { return {"samples", T::integer, k, "draws of z for each x (K)", G::model, 1, 1 << 16, {}, "S3"}; }
Option beta_option(double beta) { return {"beta", T::real, beta, "weight of the rate in the loss", G::model, 0, 1e6, {}, "S4"}; }

Preset make(std::string name, std::string summary, std::string source, std::string bound, std::vector<Option> model) {
  Preset p{std::move(name), std::move(summary), std::move(source), std::move(bound), {}};
  p.options.push_back({"preset", T::text, p.name, "the preset this configuration is of", G::model, -inf, inf, {p.name}});
  for (const auto& part : {run_options(), model, training::trainer_options()}) p.options.insert(p.options.end(), part.begin(), part.end());
  return p;
}
std::vector<Option> operator+(std::vector<Option> a, const std::vector<Option>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

const std::vector<Preset>& presets() {
  const std::string learned = "learned";
  static const std::vector<Preset> all = {
      make("ae", "autoencoder: reconstruction alone", "S2", "reconstruction", network_options(20, {400}, "relu", "gaussian", 1.)),
      make("vae", "variational autoencoder: evidence lower bound", "S0-S4; Kingma & Welling 2014", "elbo",
           network_options(20, {400}, "relu", "auto", learned) + std::vector{samples_option(1), beta_option(1)}),
      make("beta-vae", "VAE with a weighted rate: D + beta R", "S4; Higgins et al. 2017, Alemi et al. 2018", "elbo",
           network_options(20, {400}, "relu", "auto", learned) + std::vector{samples_option(1), beta_option(4)}),
      make("iwae", "importance-weighted autoencoder: a tighter bound from K samples", "S3; Burda et al. 2016", "iwae",
           network_options(50, {200, 200}, "tanh", "auto", learned) + std::vector{samples_option(5)}),
  };
  return all;
}

const Preset& preset(const std::string& name) {
  std::vector<std::string> names;
  std::string list;
  for (const Preset& p : presets()) {
    if (p.name == name) return p;
    names.push_back(p.name);
    list += (list.empty() ? "" : ", ") + p.name;
  }
  const std::string near = training::nearest(name, names);
  throw Error(ErrorKind::usage, {"unknown preset", {}, "one of " + list, "'" + name + "'", near.empty() ? "" : "perhaps '" + near + "'"});
}

LatentVariableOptions model_options(const Config& c, const Shape& sample_shape) {
  LatentVariableOptions o;
  o.features = sample_shape.numel();
  o.latent = c.integer("latent");
  o.hidden = c.integers("hidden");
  o.activation = c.text("activation");
  o.likelihood = Likelihood::kind_from(c.text("likelihood"));
  if (!c.is_word("sigma")) o.sigma = c.real("sigma");
  o.bound = bound_from(preset(c.text("preset")).bound);
  if (c.has("samples")) o.samples = c.integer("samples");
  if (c.has("beta")) o.beta = c.real("beta");
  o.dropout = c.real("dropout");
  return o;
}

std::string describe(const std::string& name, const Shape& sample_shape) {
  const Preset& p = preset(name);
  Config config(p.options);
  if (config.text("likelihood") == "auto") config.set("likelihood", std::string(sample_shape.rank() > 1 ? "bernoulli" : "gaussian"));
  Generator generator;
  const LatentVariableModel model(model_options(config, sample_shape), nn::Init{generator}, generator);
  std::string text = concat(p.name, ": ", p.summary, " (", p.source, ")\n\nnetworks for samples of ", sample_shape, "\n", model.describe(),
                            "\noptions (--set key=value): default; type and range; meaning [source]\n");
  for (const Option& o : p.options) {
    if (o.name == "preset") continue;
    const std::string value = training::to_text(o.value), range = training::range_text(o);
    char head[64];
    std::snprintf(head, sizeof head, "  %-17s %-9s ", o.name.c_str(), value.empty() ? "-" : value.c_str());
    text += concat(head, training::type_name(o), range.empty() ? "" : " ", range, "; ", o.help,
                   o.source.empty() ? std::string() : " [" + o.source + "]", "\n");
  }
  return text;
}

}  // namespace imago::models
