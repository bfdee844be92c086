#include "models/adversarial_presets.h"

#include <cmath>

namespace imago::models {

using training::Config, training::Settings;

namespace {

// A composition and nothing else.
class Game : public AdversarialModel {
 public:
  Game(const Config&, const AdversarialOptions& o, const nn::Init& init, Generator& draws)
      : AdversarialModel(o, init, draws) {}
};

bool side(const std::string& sides, const char* which) { return sides == which || sides == "both"; }

[[noreturn]] void refuse(const char* option, const char* what, std::string expected,
                         std::string received, std::string remedy = {}) {
  throw Error(ErrorKind::usage, {what, concat("option '", option, "'"), std::move(expected),
                                 std::move(received), std::move(remedy)});
}

}  // namespace

Options adversarial_options() {
  using namespace training::option;
  const double most = 1e6;
  const std::vector<std::string> norms = {"none", "batch", "layer", "instance", "group", "pixel"},
                                 sides = {"none", "generator", "critic", "both"};
  return {
      integer("latent", 64, {1, 1 << 20}, "size of z").from("Goodfellow et al. 2014"),
      text("architecture", "auto", {"auto", "dense", "dcgan", "resnet"},
           "networks; auto: dcgan for images, dense for points")
          .from("Radford et al. 2016; Miyato et al. 2018"),
      integer("size", 0, {0, 1024}, "images are padded with black to so many rows and columns"),
      integer("width", 0, {0, 1 << 16},
              "of a hidden layer, or channels next to the image; 0: 64, dense 128"),
      integer("layers", 3, {1, 100}, "hidden layers of dense networks"),
      text("generator_norm", "batch", norms, "normalisation in the generator")
          .from("Ioffe & Szegedy 2015"),
      text("critic_norm", "none", norms, "normalisation in the critic"),
      text("spectral_norm", "none", sides, "whose weights have spectral norm 1")
          .from("Miyato et al. 2018"),
      integer("attention", 0, {0, 1024}, "self-attention where maps have so many rows; 0: nowhere")
          .from("Zhang et al. 2019"),
      real("dropout", 0, {0, 0.99}, "probability of dropping a hidden unit of the critic"),
      boolean("conditional", false, "both networks are told the label")
          .from("Mirza & Osindero 2014"),
      text("conditioning", "input", {"input", "projection"}, "where the critic is told it")
          .from("Miyato & Koyama 2018"),
      text("loss", "gan", adversarial_loss_names(), "of the game"),
      text("generator_loss", "non_saturating", {"non_saturating", "minimax"},
           "the loss's own, or the critic's with the sign changed")
          .from("Goodfellow et al. 2014"),
      text("penalty", "none", {"none", "gp", "lp", "dragan", "r1", "r2"},
           "of the critic's gradient")
          .from("Gulrajani et al. 2017; Kodali et al. 2017; Mescheder et al. 2018"),
      real("lambda", 10, {0, most}, "weight of the penalty"),
      integer("penalty_every", 1, {1, 1 << 20},
              "critic steps between penalties, weighted up by as many")
          .from("Karras et al. 2020"),
      text("penalty_noise", "code", {"code", "paper"},
           "of dragan: uniform up to std / 2, as its authors' code has it, or normal"),
      real("penalty_variance", 1, {0, most}, "of dragan's normal noise"),
      real("clip", 0, {0, most}, "weights of the critic are cut to +- this; 0: not")
          .from("Arjovsky et al. 2017"),
      real("d_steps", 1, {1e-3, 1000},
           "critic steps for each of the generator, whole; or 1/n: n of the generator for each"),
      real("ttur", 1, {1e-3, 1000}, "learning rate of the critic over the generator's")
          .from("Heusel et al. 2017"),
      real("feature_matching", 0, {0, most}, "weight of the squared difference of mean features")
          .from("Salimans et al. 2016"),
      real("historical_averaging", 0, {0, most},
           "weight of the distance to the mean of past weights")
          .from("Salimans et al. 2016"),
      integer("minibatch_discrimination", 0, {0, 1024}, "kernels that compare a batch's samples")
          .from("Salimans et al. 2016"),
      boolean("minibatch_stddev", false, "the critic sees the batch's standard deviation")
          .from("Karras et al. 2018"),
      real("label_smoothing", 1, {0.5, 1}, "label of data; 0.9 is usual")
          .from("Salimans et al. 2016"),
      real("instance_noise", 0, {0, 100},
           "standard deviation of noise on what the critic sees, at first")
          .from("Soenderby et al. 2017"),
      integer("instance_noise_steps", 10000, {1, 1e15}, "steps over which it falls to 0"),
      integer("replay", 0, {0, 1 << 20}, "generated samples kept to show the critic again")
          .from("Shrivastava et al. 2017"),
  };
}

void settle_game(Config& c, const DataInfo& d) {
  const bool image = d.kind == data::Kind::image;
  if (c.text("architecture") == "auto")
    c.set("architecture", std::string(image ? "dcgan" : "dense"));
  const std::string& architecture = c.text("architecture");
  if (!image && architecture != "dense")
    refuse("architecture", "the networks do not fit the data", "dense for points", architecture);
  if (architecture == "dense" && c.integer("attention") > 0)
    refuse("attention", "dense networks have no maps", "0", concat(c.integer("attention")));
  if (c.text("loss") == "wasserstein" && c.real("label_smoothing") < 1)
    refuse("label_smoothing",
           "a difference of means has no labels, and no bound with smoothed ones",
           "1, or another loss", concat(c.real("label_smoothing")));
  if (c.flag("conditional") && d.classes == 0)
    refuse("conditional", "the data have no labels", "a labelled set", d.name,
           "set conditional=false or choose another preset");
  if (c.flag("conditional") && c.integer("replay") > 0)
    refuse("replay", "old samples have lost their labels", "0 where there is a condition",
           concat(c.integer("replay")));
  if (c.integer("size") > 0) {
    if (!image) refuse("size", "points are not padded", "0", concat(c.integer("size")));
    if (c.integer("size") < std::max(d.sample_shape[0], d.sample_shape[1]))
      refuse("size", "the images are larger",
             concat("at least ", std::max(d.sample_shape[0], d.sample_shape[1])),
             concat(c.integer("size")));
  }
  if (image && architecture != "dense") {
    const Index h = c.integer("size") ? c.integer("size") : d.sample_shape[0],
                w = c.integer("size") ? c.integer("size") : d.sample_shape[1];
    if (h < 8 || w < 8 || h % 4 || w % 4)
      refuse(
          "size", concat("a size that ", architecture, " cannot make").c_str(),
          "8 or more, divisible by 4", concat(h, " x ", w),
          concat("set size=", (std::max({h, w, Index(8)}) + 3) / 4 * 4, " or architecture=dense"));
  }
  const double steps = c.real("d_steps"), n = steps < 1 ? 1 / steps : steps;
  if (std::fabs(n - std::round(n)) > 1e-6 * n)
    refuse("d_steps", "a pace that steps cannot keep", "a whole number, or 1/n as 0.5 or 0.25",
           concat(steps));
  if (c.text("penalty") != "none" && c.text("critic_norm") == "batch")
    refuse("critic_norm", "a penalty of each sample's gradient, and a norm that mixes samples",
           "another norm, or penalty=none", "batch", "layer and group norm are of one sample");
}

void refuse_others(const Config& c, const char* why, const Settings& as_they_must_be) {
  for (const auto& [name, value] : as_they_must_be)
    if (const std::string now = training::to_text(c.option(name).value); now != value)
      refuse(name.c_str(),
             concat("an option that ", c.text("preset"), " has no use for: ", why).c_str(), value,
             now, "leave it out");
}

AdversarialOptions game_of(const Config& c, const DataInfo& d) {
  AdversarialOptions o;
  o.data = d;
  NetworkOptions both;
  both.architecture = architecture_from(c.text("architecture"));
  both.sample = d.sample_shape;
  if (const Index size = c.integer("size"); size > 0)
    both.sample = Shape{size, size, d.sample_shape[2]};
  both.width = c.integer("width");
  both.layers = c.integer("layers");
  both.attention = c.integer("attention");
  o.conditional = c.flag("conditional");
  both.classes = o.conditional ? d.classes : 0;
  // Radford et al. 2016: all weights from N(0, 0.02^2).
  if (both.architecture == Architecture::dcgan) both.sigma = 0.02;

  static_cast<NetworkOptions&>(o.generator) = both;
  o.generator.latent = c.integer("latent");
  o.generator.norm = norm_from(c.text("generator_norm"));
  static_cast<NetworkOptions&>(o.critic) = both;
  o.critic.activation = "leaky_relu";
  o.critic.norm = norm_from(c.text("critic_norm"));
  o.critic.dropout = c.real("dropout");
  o.critic.conditioning = conditioning_from(c.text("conditioning"));
  o.critic.minibatch_stddev = c.flag("minibatch_stddev");
  o.critic.discrimination = c.integer("minibatch_discrimination");
  if (side(c.text("spectral_norm"), "generator")) o.generator.rule = nn::WeightRule::spectral;
  if (side(c.text("spectral_norm"), "critic")) o.critic.rule = nn::WeightRule::spectral;

  o.loss = &adversarial_loss(c.text("loss"));
  if (c.text("generator_loss") == "minimax") o.generator_loss = GeneratorLoss::minimax;
  if (const std::string& name = c.text("penalty"); name != "none") {
    o.penalty.emplace();
    using Kind = nn::PenaltyKind;
    o.penalty->kind = name == "gp"       ? Kind::wgan_gp
                      : name == "lp"     ? Kind::lp
                      : name == "dragan" ? Kind::dragan
                      : name == "r1"     ? Kind::r1
                                         : Kind::r2;
    o.penalty->noise =
        c.text("penalty_noise") == "code" ? ops::RowNoise::uniform : ops::RowNoise::normal;
    o.penalty->variance = c.real("penalty_variance");
  }
  o.lambda = c.real("lambda");
  o.penalty_every = c.integer("penalty_every");
  o.clip = c.real("clip");
  o.d_steps = c.real("d_steps");
  o.ttur = c.real("ttur");
  o.feature_matching = c.real("feature_matching");
  o.historical_averaging = c.real("historical_averaging");
  o.label_smoothing = c.real("label_smoothing");
  o.instance_noise = c.real("instance_noise");
  o.instance_noise_steps = c.integer("instance_noise_steps");
  o.replay = c.integer("replay");
  return o;
}

Settings covering(const Settings& own) {
  Settings all = {{"latent", "2"},
                  {"lr", "2e-3"},
                  {"ema", "0.998"},
                  {"steps", "10000"},
                  {"eval_every", "5000"},
                  {"sample_every", "5000"},
                  {"checkpoint_every", "5000"}};
  all.insert(all.end(), own.begin(), own.end());
  return all;
}

Preset game_preset(const GameRow& row) {
  Preset p{.name = row.name,
           .summary = row.summary,
           .source = row.source,
           .options = {},
           .headline = "critic_loss",
           .settle = row.settle,
           .settle_steps = row.settle_steps,
           .make = row.make};
  p = with_options(std::move(p), adversarial_options() + row.own + Options{judge_option()});
  // Radford et al. 2016: Adam 2e-4 (0.5, 0.999). For points what covers a grid of modes.
  p = with_defaults(std::move(p),
                    Settings{{"lr", "2e-4"}, {"beta1", "0.5"}, {"batch", "64"}, {"epochs", "20"}});
  p = with_defaults(std::move(p), row.defaults);
  p.for_points = {{"latent", "8"},
                  {"generator_norm", "none"},
                  {"lambda", "0.1"},
                  {"lr", "5e-4"},
                  {"beta1", "0.5"},
                  {"beta2", "0.9"},
                  {"ema", "0.999"},
                  {"lr_decay", "auto"},
                  {"batch", "256"},
                  {"steps", "20000"},
                  {"eval_every", "5000"},
                  {"sample_every", "5000"},
                  {"checkpoint_every", "5000"}};
  p.for_points.insert(p.for_points.end(), row.points.begin(), row.points.end());
  return p;
}

std::vector<Preset> adversarial_presets() {
  const auto make = make_game<Game>;
  // Gulrajani et al. 2017, algorithm 1: Adam 1e-4 (0, 0.9), five critic steps.
  const Settings gp = {{"loss", "wasserstein"}, {"penalty", "gp"}, {"d_steps", "5"},
                       {"lr", "1e-3"},          {"beta1", "0"},    {"beta2", "0.9"}};
  return {
      game_preset({.name = "gan",
                   .summary = "the two-player game with logistic losses",
                   .source = "Goodfellow et al. 2014",
                   .defaults = {{"critic_norm", "batch"}},
                   .points = {{"critic_norm", "none"}},
                   .make = make}),
      game_preset({.name = "cgan",
                   .summary = "gan whose networks are told the label",
                   .source = "Mirza & Osindero 2014",
                   .defaults = {{"conditional", "true"}},
                   .make = make}),
      game_preset({.name = "lsgan",
                   .summary = "least squares instead of logistic losses",
                   .source = "Mao et al. 2017",
                   .defaults = {{"loss", "lsgan"}, {"critic_norm", "batch"}},
                   .points = {{"critic_norm", "none"}},
                   .make = make}),
      game_preset({.name = "hinge",
                   .summary = "hinge losses under spectral norm",
                   .source = "Lim & Ye 2017; Miyato et al. 2018",
                   .defaults = {{"loss", "hinge"}, {"spectral_norm", "critic"}},
                   .make = make}),
      game_preset({.name = "fgan",
                   .summary = "any f-divergence in its variational form",
                   .source = "Nowozin et al. 2016",
                   .defaults = {{"loss", "kl"}, {"spectral_norm", "critic"}},
                   .make = make}),
      game_preset({.name = "bregman",
                   .summary = "density ratio under a Bregman divergence, trained through the ratio",
                   .source = "Mohamed & Lakshminarayanan 2016",
                   .defaults = {{"loss", "bregman-logistic"}, {"spectral_norm", "critic"}},
                   // On images its ratio falls to 0 everywhere, where it has no gradient.
                   .points = {{"loss", "bregman-lsif"}},
                   .make = make}),
      game_preset({.name = "wgan",
                   .summary = "Wasserstein distance by a critic of clipped weights",
                   .source = "Arjovsky et al. 2017",
                   .defaults = {{"loss", "wasserstein"},
                                {"clip", "0.01"},
                                {"d_steps", "5"},
                                {"optimizer", "rmsprop"},
                                {"lr", "5e-4"}},
                   .points = {{"lr", "5e-5"}},
                   .make = make}),
      game_preset({.name = "wgan-gp",
                   .summary = "Wasserstein distance by a critic with gradients of norm 1",
                   .source = "Gulrajani et al. 2017",
                   .defaults = gp,
                   .points = covering({{"d_steps", "3"}, {"steps", "15000"}}),
                   .make = make}),
      game_preset({.name = "dragan",
                   .summary = "gan with gradients of norm 1 around the data",
                   .source = "Kodali et al. 2017",
                   .defaults = {{"penalty", "dragan"}},
                   .points = covering({{"penalty_every", "2"}, {"steps", "8000"}}),
                   .make = make}),
      game_preset({.name = "r1",
                   .summary = "gan with small gradients on the data",
                   .source = "Mescheder et al. 2018",
                   .defaults = {{"penalty", "r1"}},
                   .points = covering({{"lambda", "0.015"}, {"penalty_every", "2"}}),
                   .make = make}),
      game_preset({.name = "tv",
                   .summary = "total variation: a bounded critic's difference of means",
                   .source = "Sriperumbudur et al. 2009",
                   .defaults = {{"loss", "tv"},
                                {"penalty", "lp"},  // else both sides saturate
                                {"d_steps", "5"},
                                {"lr", "1e-3"},
                                {"beta1", "0"},
                                {"beta2", "0.9"}},
                   .points = {{"penalty", "none"}, {"d_steps", "1"}, {"spectral_norm", "critic"}},
                   .make = make}),
      game_preset(
          {.name = "sagan",
           .summary = "hinge losses, spectral norm in both networks, self-attention",
           .source = "Zhang et al. 2019",
           .defaults = {{"loss", "hinge"},
                        {"architecture", "resnet"},
                        {"size", "32"},
                        {"spectral_norm", "both"},
                        {"attention", "16"},
                        {"beta1", "0"},
                        {"beta2", "0.9"},
                        {"lr", "1e-4"},
                        {"ttur", "4"}},
           .points = {{"architecture", "dense"}, {"size", "0"}, {"attention", "0"}, {"ttur", "1"}},
           .make = make}),
      ebgan_preset(),
      began_preset(),
      gmmn_preset(),
      moment_preset(),
      cramer_preset(),
      madgan_preset(),
      adagan_preset(),
      infogan_preset(),
      acgan_preset(),
      vae_gan_preset(),
      ali_preset(),
      progan_preset(),
      implicit_vi_preset(),
  };
}

}  // namespace imago::models
