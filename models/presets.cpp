#include "models/presets.h"

#include <cstdio>

namespace imago::models {

using training::Config, training::Option, training::OptionGroup;

namespace {

std::vector<Option> operator+(std::vector<Option> a, const std::vector<Option>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// What every run has: which data, where, from which seed.
std::vector<Option> run_options() {
  using namespace training::option;
  return in_group(OptionGroup::run,
                  {
                      text("data", "", {},
                           "data set, .npy or .npz file, or folder of PNG or JPEG files"),
                      text("data_dir", "", {},
                           "where named sets lie; empty: $IMAGO_DATA, then the system's"),
                      text("device", "auto", {}, "auto, cpu, cuda or cuda:N"),
                  }) +
         in_group(OptionGroup::training,
                  {
                      integer("seed", 0, {0, 1e15}, "of initial weights, order and noise"),
                      text("resize", "", {},
                           "of a folder's images: N or HxW, scaled to cover it, centre cropped"),
                      integer("valid", 0, {0}, "rows of train that choose the best checkpoint"),
                      text("binarize", "none", {"none", "static", "dynamic", "threshold"},
                           "grey to 0 and 1: drawn once, drawn each time, or cut at 1/2"),
                  });
}

std::vector<Option> network_options(Index latent, training::Integers hidden, const char* activation,
                                    const char* likelihood, training::Value sigma) {
  using namespace training::option;
  return {
      integer("latent", latent, {1, 1 << 20}, "size of z").from("Kingma & Welling 2014"),
      integers("hidden", std::move(hidden), {1, 1 << 20},
               "hidden layers of the encoder; the decoder has them in reverse"),
      text("activation", activation, nn::activation_names(), "of the hidden layers"),
      real("dropout", 0, {0, 0.99}, "probability of dropping a hidden unit"),
      text("likelihood", likelihood, {"auto", "bernoulli", "gaussian", "discretized_logistic"},
           "p(x|z); auto: bernoulli for images, gaussian for points")
          .from("Kingma & Welling 2014; Salimans et al. 2017"),
      real_or_word("sigma", std::move(sigma), {1e-6, 1e6}, {"learned"},
                   "standard deviation of gaussian, scale of discretized_logistic")
          .from("Kingma & Welling 2014"),
  };
}
Option samples(Index k) {
  return training::option::integer("samples", k, {1, 1 << 16}, "draws of z for each x (K)")
      .from("Burda et al. 2016");
}
Option beta(double weight) {
  return training::option::real("beta", weight, {0, 1e6}, "weight of the rate in the loss")
      .from("Higgins et al. 2017");
}

Option preset_option(const std::string& name) {
  return training::option::text("preset", name, {name}, "the preset this configuration is of");
}
Preset make(std::string name, std::string summary, std::string source, std::string bound,
            const std::vector<Option>& model) {
  std::vector<Option> all =
      std::vector{preset_option(name)} + run_options() + model + training::trainer_options();
  return {std::move(name), std::move(summary), std::move(source), std::move(bound), std::move(all)};
}

// Another preset with defaults of its own: a published setting, to be run as it was.
Preset published(const Preset& base, std::string name, std::string summary, std::string source,
                 const training::Settings& defaults) {
  Config config(base.options);
  for (const auto& [key, value] : defaults) config.set_text(key, value);
  Preset p{name, std::move(summary), std::move(source), base.bound, config.options()};
  p.options.front() = preset_option(name);
  return p;
}

std::vector<Preset> table() {
  const std::string learned = "learned";
  std::vector<Preset> all = {
      make("ae", "autoencoder: reconstruction alone", "Hinton & Salakhutdinov 2006",
           "reconstruction", network_options(20, {400}, "relu", "gaussian", 1.)),
      make("vae", "variational autoencoder: evidence lower bound", "Kingma & Welling 2014", "elbo",
           network_options(20, {400}, "relu", "auto", learned) + std::vector{samples(1), beta(1)}),
      make("beta-vae", "VAE with a weighted rate: D + beta R",
           "Higgins et al. 2017; Alemi et al. 2018", "elbo",
           network_options(20, {400}, "relu", "auto", learned) + std::vector{samples(1), beta(4)}),
      make("iwae", "importance-weighted autoencoder: a tighter bound from K samples",
           "Burda et al. 2016", "iwae",
           network_options(50, {200, 200}, "tanh", "auto", learned) + std::vector{samples(5)}),
  };
  // 784-400-400-40 and back; Adam 1e-4, times 10^(-1/5) after 200, 350 and 500 epochs. Descriptions
  // with one hidden layer of 400 are about: that one ends at 92.6 nats (PyTorch: the same bound at
  // epoch 150, as far as it was run).
  all.push_back(
      published(all[1], "vae-binarized-mnist",
                "vae as published for fixed-binarised MNIST: NLL 89.9 nats with 200 samples",
                "Rezende & Mohamed 2015; Chadebec et al. 2022",
                {{"latent", "40"},
                 {"hidden", "400,400"},
                 {"likelihood", "bernoulli"},
                 {"batch", "100"},
                 {"epochs", "500"},
                 {"lr", "1e-4"},
                 {"lr_milestones", "200,350,500"},
                 {"lr_factor", "0.630957344480193"},
                 {"eval_every", "5000"},
                 {"sample_every", "25000"},
                 {"checkpoint_every", "5000"}}));
  return all;
}

}  // namespace

const std::vector<Preset>& presets() {
  static const std::vector<Preset> all = table();
  return all;
}

const Preset& preset(const std::string& name, const std::string& where) {
  std::vector<std::string> names;
  std::string list;
  for (const Preset& p : presets()) {
    if (p.name == name) return p;
    names.push_back(p.name);
    list += (list.empty() ? "" : ", ") + p.name;
  }
  const std::string near = training::nearest(name, names);
  throw Error(ErrorKind::usage, {"unknown preset", where, "one of " + list, "'" + name + "'",
                                 near.empty() ? "" : "perhaps '" + near + "'"});
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
  if (config.text("likelihood") == "auto")
    config.set("likelihood", std::string(sample_shape.rank() > 1 ? "bernoulli" : "gaussian"));
  Generator generator;
  const LatentVariableModel model(model_options(config, sample_shape), nn::Init{generator},
                                  generator);
  std::string text = concat(
      p.name, ": ", p.summary, " (", p.source, ")\n\nnetworks for samples of ", sample_shape, "\n",
      model.describe(), "\noptions (--set key=value): default; type and range; meaning [source]\n");
  for (const Option& o : p.options) {
    if (o.name == "preset") continue;
    const std::string value = training::to_text(o.value), range = training::range_text(o);
    char head[64];
    std::snprintf(head, sizeof head, "  %-17s %-9s ", o.name.c_str(),
                  value.empty() ? "-" : value.c_str());
    text += concat(head, training::type_name(o), range.empty() ? "" : " ", range, "; ", o.help,
                   o.source.empty() ? std::string() : " [" + o.source + "]", "\n");
  }
  return text;
}

}  // namespace imago::models
