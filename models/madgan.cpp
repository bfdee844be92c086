// MAD-GAN (Ghosh et al. 2018): several generators, and a critic that tells which of them a sample
// is from, or that it is real. To tell them apart it has to know what each makes, and drives them
// to different modes.
#include "engine/ops/ops.h"
#include "models/adversarial_presets.h"
#include "models/generator_set.h"

namespace imago::models {
namespace {

using training::Batch, training::Config, training::Phase, training::Terms;

class MadGan : public AdversarialModel {
 public:
  MadGan(const Config& c, const AdversarialOptions& o, const nn::Init& init, Generator& draws)
      : AdversarialModel(Bare{}, with_classes(o, c.integer("generators")), init, draws),
        k_(c.integer("generators")) {
    if (c.flag("shared_trunk")) {
      // One network whose last layer makes k samples: their trunk is shared, the weights of the
      // last layer are each generator's own.
      GeneratorOptions all = o.generator;
      std::vector<Index> dims = all.sample.dims();
      dims.back() *= k_;
      all.sample = Shape(dims);
      add_generator(all, init);
    } else {
      for (Index i = 0; i < k_; i++) {
        own_.push_back(std::make_unique<GeneratorNetwork>(o.generator, init, draws));
        child(concat("generator.", i), *own_.back());
      }
    }
    add_critic(options_.critic, init);
    add_stabilisers(init);
  }

  Index classes() const override { return k_; }
  Index smallest_batch() const override {  // each generator has its rows
    return own_.empty() ? AdversarialModel::smallest_batch()
                        : k_ * AdversarialModel::smallest_batch();
  }
  bool codes() const override { return true; }  // a generator is no class of the data
  Tensor condition(Index n, Index label, Generator& g) override {
    const Tensor who = AdversarialModel::condition(n, label, g);
    return own_.empty() ? who : who.to(cpu_device);
  }

  // who: the generator of each sample.
  Tensor generate(const Tensor& z, const Tensor& who) override {
    if (!own_.empty()) return generate_each(own_, z, who);
    const Shape& one = options_.generator.sample;
    const Index n = z.size(0), channels = one[one.rank() - 1];
    const Tensor all =
        ops::reshape(generator_->forward(z), Shape{n, one.numel() / channels, k_, channels});
    const Tensor mask = ops::reshape(ops::one_hot(who, k_, z.dtype()), Shape{n, 1, k_, 1});
    std::vector<Index> dims{n};
    dims.insert(dims.end(), one.begin(), one.end());
    return ops::reshape(ops::sum(all * mask, {2}), Shape(dims));
  }
  // log D_real / (1 - D_real)
  Tensor value(const Tensor& x, const Tensor&) override { return real_logit(critic_->forward(x)); }

  std::string describe() const override {
    std::string text;
    for (const auto& g : own_) text += g->describe();
    return concat(text, AdversarialModel::describe());
  }

 protected:
  // Each generator in turn.
  Tensor condition_of(const Batch& b) override { return condition(b.x.size(0), -1, draws_); }

  // The critic's classes: the generators 0 to k - 1, and data, k.
  Tensor real_logit(const Tensor& l) const {
    const Index n = l.size(0);
    return ops::reshape(ops::slice(l, 1, k_, k_ + 1), Shape{n}) -
           ops::logsumexp(ops::slice(l, 1, 0, k_), 1);
  }

  // -E log D_real(x) - 1/k sum_i E log D_i(G_i(z)): the paper's equation with the mean over
  // generators for their sum, so that samples weigh as much as data however many there are.
  Terms critic_objective(const Batch& b) override {
    const Tensor who = condition_of(b), real = to_network(b.x), fake = fakes(b, who);
    const auto [on_real, on_fake] = judge(noised(real, b), noised(fake, b), {});
    const Tensor column = ops::reshape(who.to(fake.device()), Shape{who.size(0), 1});
    Tensor loss = real_loss(*options_.loss, real_logit(on_real.output), options_.label_smoothing) -
                  ops::mean(ops::gather(ops::log_softmax(on_fake.output), column));
    Terms parts;
    if (const Tensor p = penalty(real, fake, {}, b)) {
      loss = loss + p;
      parts.push_back({"penalty", p});
    }
    if (const Tensor h = historical("critic")) loss = loss + h;
    parts.insert(parts.begin(), {"critic_loss", loss});
    return parts;
  }

  // -E log D_real(G_i(z)), or E log(1 - D_real(G_i(z))) as minimax.
  Terms generator_objective(const Batch& b) override {
    const Tensor fake = noised(generate(draw_code(b.x.size(0)), condition_of(b)), b);
    const CriticNetwork::Judgement judged = critic_->judge(fake);
    Tensor loss = generator_loss(real_logit(judged.output));
    if (options_.feature_matching > 0)
      loss = loss + feature_matching(noised(to_network(b.x), b), judged, {});
    if (const Tensor h = historical("generator")) loss = loss + h;
    return {{"generator_loss", loss}};
  }

 private:
  static AdversarialOptions with_classes(AdversarialOptions o, Index k) {
    o.critic.outputs = k + 1;
    return o;
  }
  Index k_;
  GeneratorSet own_;  // empty where the trunk is shared
};

void settle(Config& c, const DataInfo& d) {
  settle_game(c, d);
  const auto refuse = [&](const char* option, const char* what, const char* expected,
                          std::string received) {
    throw Error(ErrorKind::usage,
                {what, concat("option '", option, "'"), expected, std::move(received)});
  };
  if (c.text("loss") != "gan")
    refuse("loss", "a critic that tells classes apart has one loss", "gan", c.text("loss"));
  if (c.flag("conditional"))
    refuse("conditional", "the condition of madgan's samples is their generator", "false", "true");
  if (c.integer("replay") > 0)
    refuse("replay", "of an old sample it is not known which generator made it", "0",
           concat(c.integer("replay")));
}

}  // namespace

Preset madgan_preset() {
  using namespace training::option;
  return game_preset(
      {.name = "madgan",
       .summary = "several generators, told apart by the critic",
       .source = "Ghosh et al. 2018",
       .own = {integer("generators", 4, {1, 256}, "of the mixture").from("Ghosh et al. 2018"),
               boolean("shared_trunk", true, "generators differ in their last layer alone")},
       .defaults = {{"critic_norm", "batch"}},
       .points = covering({{"critic_norm", "none"},
                           {"penalty", "r1"},
                           {"lambda", "0.01"},
                           {"penalty_every", "2"},
                           {"steps", "8000"}}),
       .make = make_game<MadGan>,
       .settle = settle});
}

}  // namespace imago::models
