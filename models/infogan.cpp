// InfoGAN (Chen et al. 2016): codes c beside the noise, and a bound on their mutual information
// with the samples, L_I = E log Q(c|G(z,c)) + H(c) <= I(c; G(z,c)), where Q sees what the critic's
// last layer sees. Critic and generator minimise their losses - lambda L_I.
#include <cmath>

#include "engine/ops/ops.h"
#include "models/adversarial_presets.h"
#include "models/classifier.h"

namespace imago::models {

using training::Batch, training::Config, training::Phase, training::Terms;

namespace {

class InfoGan : public AdversarialModel {
 public:
  InfoGan(const Config& c, const AdversarialOptions& o, const nn::Init& init, Generator& draws)
      : AdversarialModel(with_codes(o, c), init, draws),
        categories_(c.integer("categorical")),
        continuous_(c.integer("continuous")),
        lambda_(c.real("info_lambda")),
        q_(critic_->features(), categories_ + continuous_, init) {
    child("q", q_);
  }

  Index classes() const override { return categories_; }
  bool codes() const override { return true; }
  std::vector<Phase> phases() override {
    return {critic_phase(parameters_under(*this, {"critic.", "q."})),
            generator_phase(parameters_under(*this, {"generator."}))};
  }

  // Rows: a category as one-hot, uniform codes in [-1, 1).
  Tensor condition(Index n, Index label, Generator& g) override {
    if (label >= categories_)
      throw Error(ErrorKind::usage,
                  {"no such code", "--label",
                   categories_ ? concat("0 to ", categories_ - 1) : "none: no code has categories",
                   concat(label)});
    std::vector<std::int64_t> labels;
    for (Index i = 0; i < n && categories_; i++)
      labels.push_back(label >= 0 ? label : i % categories_);
    return rows_of(labels, n, g);
  }
  std::string describe() const override {
    return concat("  codes: ", categories_, " categories, ", continuous_,
                  " continuous\n  q: ", q_.describe(), " on the critic's features, weight ",
                  lambda_, "\n", AdversarialModel::describe());
  }

 protected:
  Tensor condition_of(const Batch& b) override {
    const Index n = b.x.size(0);
    std::vector<std::int64_t> labels;
    if (categories_) {
      const Tensor u = ops::rand(Shape{n}, draws_);
      for (const double v : u.values()) labels.push_back(std::int64_t(v * double(categories_)));
    }
    return rows_of(labels, n, draws_);
  }
  Tensor told(const Tensor&) const override { return {}; }
  Terms critic_parts(const Both& both, const Tensor& c, const Batch&) override {
    return {{"critic_information", -lambda_ * information(both.fake.features, c)}};
  }
  Terms generator_parts(const CriticNetwork::Judgement& fake, const Tensor& c,
                        const Batch&) override {
    return {{"information", -lambda_ * information(fake.features, c)}};
  }

 private:
  static AdversarialOptions with_codes(AdversarialOptions o, const Config& c) {
    o.generator.classes = c.integer("categorical") + c.integer("continuous");
    return o;
  }
  Tensor rows_of(const std::vector<std::int64_t>& labels, Index n, Generator& g) const {
    const Tensor like = parameters().at(0).value;
    std::vector<Tensor> parts;
    if (categories_)
      parts.push_back(
          ops::one_hot(Tensor::from(labels, Shape{n}, like.device()), categories_, like.dtype()));
    if (continuous_)
      parts.push_back(
          ops::affine(ops::rand(Shape{n, continuous_}, g, like.dtype(), like.device()), 2, -1));
    return parts.size() == 1 ? parts[0] : ops::concat(parts, 1);
  }
  // L_I in nats. Q(c|x) of a category is a softmax; of a continuous code N(mu(x), 1), as in the
  // authors' code: a variance that were learned would have no bound below.
  Tensor information(const Tensor& features, const Tensor& c) {
    const Tensor q = q_.forward(features);
    const Index k = categories_, all = k + continuous_;
    Tensor sum;
    if (k) {
      const Tensor log_q =
          ops::sum(ops::log_softmax(ops::slice(q, 1, 0, k)) * ops::slice(c, 1, 0, k), {1});
      sum = ops::mean(log_q) + std::log(double(k));
    }
    if (continuous_) {
      const Tensor error = ops::square(ops::slice(c, 1, k, all) - ops::slice(q, 1, k, all));
      // log N's constant, and log 2, the entropy of a uniform code.
      const double constant = double(continuous_) * (std::log(2.) - 0.5 * std::log(2 * M_PI));
      const Tensor continuous = -0.5 * ops::mean(ops::sum(error, {1})) + constant;
      sum = sum ? sum + continuous : continuous;
    }
    return sum;
  }

  Index categories_, continuous_;
  double lambda_;
  nn::Linear q_;
};

void settle(Config& c, const DataInfo& d) {
  settle_game(c, d);
  const auto refuse = [](const char* option, const char* what, std::string expected,
                         std::string received) {
    throw Error(ErrorKind::usage,
                {what, concat("option '", option, "'"), std::move(expected), std::move(received)});
  };
  if (c.integer("categorical") < 0) c.set("categorical", d.classes > 1 ? d.classes : Index(10));
  if (c.integer("categorical") == 1)
    refuse("categorical", "a code of one category says nothing", "0, 2 or more", "1");
  if (c.integer("categorical") + c.integer("continuous") == 0)
    refuse("categorical", "there are no codes", "categorical or continuous above 0", "0");
  if (c.flag("conditional"))
    refuse("conditional", "the codes are the condition here", "false", "true");
  if (c.integer("replay") > 0)
    refuse("replay", "old samples have lost their codes", "0", concat(c.integer("replay")));
}

}  // namespace

Preset infogan_preset() {
  using namespace training::option;
  return game_preset(
      {.name = "infogan",
       .summary = "gan with codes that its samples tell of",
       .source = "Chen et al. 2016",
       .own = {integer("categorical", -1, {-1, 1024},
                       "categories of a code; -1: as many as the data have classes, or 10"),
               integer("continuous", 2, {0, 1024}, "codes that are uniform in [-1, 1)"),
               real("info_lambda", 1, {0, 1e6}, "weight of the bound on their information")},
       .defaults = {{"critic_norm", "batch"}},
       .points = {{"critic_norm", "none"}, {"continuous", "0"}},
       .make = make_game<InfoGan>,
       .settle = settle});
}

}  // namespace imago::models
