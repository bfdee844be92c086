// AdaGAN (Tolstikhin et al. 2017): boosting. Each round trains a new generator on the data that the
// mixture of those before does not make well, and adds it to the mixture.
#include "models/adagan.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/ops/ops.h"
#include "engine/random/host.h"
#include "models/adversarial_presets.h"
#include "models/generator_set.h"

namespace imago::models {

double adagan_threshold(std::vector<double> ratios, double beta) {
  std::sort(ratios.begin(), ratios.end());
  const double n = double(ratios.size());
  double sum = 0;
  for (std::size_t k = 1;; k++) {
    sum += (1 - beta) * ratios[k - 1];
    const double threshold = (n * beta + sum) / double(k);
    if (k == ratios.size() || (1 - beta) * ratios[k] >= threshold) return threshold;
  }
}

double adagan_weight(double ratio, double threshold, double beta) {
  return std::max(0., threshold - (1 - beta) * ratio) / beta;
}

std::vector<std::int64_t> adagan_rows(const std::vector<double>& weights, double u) {
  const std::size_t n = weights.size();
  const double step = std::accumulate(weights.begin(), weights.end(), 0.) / double(n);
  double at = u * step, sum = 0;
  std::vector<std::int64_t> rows;
  for (std::size_t i = 0; i < n; i++)
    for (sum += weights[i]; at < sum && rows.size() < n; at += step)
      rows.push_back(std::int64_t(i));
  while (rows.size() < n) rows.push_back(rows.back());  // what rounding has left
  return rows;
}

namespace {

using training::Batch, training::Config, training::Phase, training::Terms;

constexpr Index most_ratios = 4096;  // that the threshold of a round is found from

class AdaGan : public AdversarialModel {
 public:
  AdaGan(const Config& c, const AdversarialOptions& o, const nn::Init& init, Generator& draws)
      : AdversarialModel(Bare{}, o, init, draws),
        rounds_(c.integer("rounds")),
        // "auto" is of a model that is only described.
        length_(c.is_word("round_steps") ? 1 : Index(c.real("round_steps"))),
        judging_(Index(std::ceil(c.real("mixture_share") * double(length_)))),
        beta_(c.real("beta")) {
    for (Index t = 0; t < rounds_; t++) {
      generators_.push_back(std::make_unique<GeneratorNetwork>(o.generator, init, draws));
      child(concat("generator.", t), *generators_.back());
    }
    add_critic(o.critic, init);
    // A ratio is of a sample alone: nothing in its critic looks at the batch, or draws.
    CriticOptions alone = o.critic;
    if (alone.norm == Norm::batch) alone.norm = Norm::none;
    alone.minibatch_stddev = false;
    alone.discrimination = 0;
    alone.dropout = 0;
    mixture_critic_ = std::make_unique<CriticNetwork>(alone, init, draws);
    child("mixture_critic", *mixture_critic_);
    add_stabilisers(init);
    std::vector<double> first(std::size_t(rounds_), 0);
    first[0] = 1;
    buffer("mixture.weights", weights_, Tensor::from(first, Shape{rounds_}));
    buffer("mixture.rounds", done_, Tensor::zeros({1}, DType::i64));
    buffer("mixture.threshold", threshold_, Tensor::zeros({1}, DType::f64));
    buffer("mixture.ratios", ratios_, Tensor::zeros({most_ratios}, DType::f64));
    buffer("mixture.ratio_count", ratio_count_, Tensor::zeros({1}, DType::i64));
  }

  // A round after the first begins with the critic of the mixture; then its gan is trained. In
  // each of these the learning rate falls to 0 in a line.
  std::vector<Phase> phases() override {
    const auto part = [this](Index step, Index from, Index to) {
      const Index at = step % length_;
      return at < from || at >= to || step >= rounds_ * length_
                 ? 0.
                 : 1 - double(at - from) / double(to - from);
    };
    Phase mixture{.name = "mixture",
                  .parameters = parameters_under(*this, {"mixture_critic."}),
                  .objective = [this](const Batch& b) { return mixture_objective(b); },
                  .lr_factor = options_.ttur,
                  .averaged = false,
                  .after = [this](const Batch& b) { collect(b); }};
    mixture.share = [=, this](Index step) { return step < length_ ? 0. : part(step, 0, judging_); };
    Phase critic = critic_phase(parameters_under(*this, {"critic."}));
    critic.share = [=, this](Index step) {
      return part(step, step < length_ ? 0 : judging_, length_);
    };
    std::vector<Phase> all{std::move(mixture), std::move(critic)};
    for (Index t = 0; t < rounds_; t++) {
      Phase generator = generator_phase(parameters_under(*this, {concat("generator.", t, ".")}));
      generator.name = concat("generator.", t);
      generator.share = [=, this](Index step) {
        return step / length_ == t ? part(step, t ? judging_ : 0, length_) : 0.;
      };
      generator.after = [this](const Batch& b) {
        after("generator");
        if ((b.step + 1) % length_ == 0) mix();
      };
      all.push_back(std::move(generator));
    }
    return all;
  }

  // who: the generator of each sample; undefined: the one in training.
  Tensor generate(const Tensor& z, const Tensor& who) override {
    return who ? generate_each(generators_, z, who)
               : generators_[std::size_t(std::min(done(), rounds_ - 1))]->forward(z);
  }
  // Of one generator, or drawn from the mixture of the rounds that are done.
  Tensor condition(Index n, Index label, Generator& g) override {
    if (label >= rounds_)
      throw Error(ErrorKind::usage,
                  {"no such generator", "--label", concat("0 to ", rounds_ - 1), concat(label)});
    std::vector<std::int64_t> who(std::size_t(n), label);
    if (label < 0) {
      const std::vector<double> w = weights_.values(), u = ops::rand(Shape{n}, g).values();
      for (std::size_t i = 0; i < u.size(); i++) {
        std::size_t k = 0;
        for (double sum = w[0]; k + 1 < w.size() && u[i] >= sum; sum += w[++k]) {
        }
        who[i] = std::int64_t(k);
      }
    }
    return Tensor::from(who, Shape{n});
  }
  Tensor value(const Tensor& x, const Tensor&) override { return AdversarialModel::value(x, {}); }

  std::string describe() const override {
    return concat("  rounds: ", rounds_, ", each with a generator of its own\n",
                  generators_[0]->describe(), AdversarialModel::describe());
  }

 protected:
  Tensor condition_of(const Batch&) override { return {}; }
  Terms critic_objective(const Batch& b) override {
    return AdversarialModel::critic_objective(reweighted(b));
  }
  Terms generator_objective(const Batch& b) override {
    // Data matter to the generator where it matches features alone.
    return AdversarialModel::generator_objective(options_.feature_matching > 0 ? reweighted(b) : b);
  }

 private:
  Index done() const { return done_.to_vector<std::int64_t>()[0]; }
  // Weight of the round in training: 1 / t gives every generator the same in the end.
  double beta() const { return beta_ > 0 ? beta_ : 1 / double(done() + 1); }

  // m: log p_data / p_mixture, by the logistic loss.
  Terms mixture_objective(const Batch& b) {
    const Index n = b.x.size(0);
    Tensor fake;
    {
      const NoGrad no_grad;
      // As they are sampled from: of a few rows, or one, there are no statistics.
      for (auto& g : generators_) g->eval();
      fake = generate(draw_code(n), condition(n, -1, draws_));
      for (auto& g : generators_) g->train();
    }
    const AdversarialLoss& logistic = adversarial_loss("gan");
    return {{"mixture_loss", ops::mean(logistic.real(mixture_critic_->forward(to_network(b.x)))) +
                                 ops::mean(logistic.fake(mixture_critic_->forward(fake)))}};
  }
  // d = p_mixture / p_data of each row.
  std::vector<double> ratios(const Tensor& x) {
    const NoGrad no_grad;
    return ops::exp(-mixture_critic_->forward(to_network(x))).values();
  }

  // The last steps of the mixture's critic, in which it hardly moves, show what the round's
  // threshold is found from.
  void collect(const Batch& b) {
    const Index left = judging_ - 1 - b.step % length_;
    if (left * b.x.size(0) < most_ratios) {
      std::vector<double> all = ratios_.values();
      Index count = ratio_count_.to_vector<std::int64_t>()[0];
      for (const double d : ratios(b.x))
        if (count < most_ratios) all[std::size_t(count++)] = d;
      ratios_.copy_(Tensor::from(all, Shape{most_ratios}));
      ratio_count_.fill_(double(count));
      if (left == 0) {
        all.resize(std::size_t(count));
        threshold_.fill_(adagan_threshold(std::move(all), beta()));
        ratio_count_.fill_(0);
      }
    }
  }

  // The batch as the round's data are: its rows drawn by their weights.
  Batch reweighted(const Batch& b) {
    if (done() == 0) return b;
    std::vector<double> w = ratios(b.x);
    for (double& v : w) v = adagan_weight(v, threshold_.item(), beta());
    if (std::all_of(w.begin(), w.end(), [](double v) { return v == 0; })) return b;
    HostStream words(draws_.seed, Purpose::reweigh, std::uint64_t(b.step));
    const Tensor rows =
        Tensor::from(adagan_rows(w, double(words.uniform())), Shape{Index(w.size())}, b.x.device());
    Batch drawn = b;
    drawn.x = ops::gather_rows(b.x, rows);
    if (b.labels) drawn.labels = ops::gather_rows(b.labels, rows);
    return drawn;
  }

  // The generator of the round joins the mixture.
  void mix() {
    const double share = beta();
    const Index t = done();
    std::vector<double> w = weights_.values();
    for (double& v : w) v *= t ? 1 - share : 0;
    w[std::size_t(t)] = t ? share : 1;
    weights_.copy_(Tensor::from(w, Shape{rounds_}));
    done_.fill_(double(t + 1));
  }

  Index rounds_, length_, judging_;  // steps of a round, and of its mixture's critic
  double beta_;
  GeneratorSet generators_;
  std::unique_ptr<CriticNetwork> mixture_critic_;
  // On the cpu: float64 but for the counts.
  Tensor weights_, done_, threshold_, ratios_, ratio_count_;
};

void settle(Config& c, const DataInfo& d) {
  settle_game(c, d);
  const auto refuse = [&](const char* option, const char* what, std::string expected,
                          std::string received, const char* remedy = "") {
    throw Error(ErrorKind::usage, {what, concat("option '", option, "'"), std::move(expected),
                                   std::move(received), remedy});
  };
  const double pace = std::max(c.real("d_steps"), 1 / c.real("d_steps"));
  if (!c.is_word("round_steps") && std::fmod(c.real("round_steps"), std::round(pace)) != 0)
    refuse("round_steps", "a round that ends between the turns of a side",
           concat("a multiple of ", std::round(pace), ", as d_steps has it"),
           concat(c.real("round_steps")));
  if (c.flag("conditional"))
    refuse("conditional", "the generators of adagan are not told a label", "false", "true");
  if (c.integer("replay") > 0)
    refuse("replay", "old samples would be those of another round", "0",
           concat(c.integer("replay")));
  if (c.real("historical_averaging") > 0)
    refuse("historical_averaging", "most generators are not in training", "0",
           concat(c.real("historical_averaging")));
}

// Every phase takes part in the last step of a round.
void settle_steps(Config& c, Index steps) {
  if (!c.is_word("round_steps")) return;
  const double d = c.real("d_steps");
  const Index pace = Index(std::lround(d < 1 ? 1 / d : d));
  if (steps > 0 && steps < pace * c.integer("rounds"))
    throw Error(ErrorKind::usage, {"fewer steps than rounds of training", "option 'rounds'",
                                   concat("at most ", steps / pace, " in ", steps, " steps"),
                                   concat(c.integer("rounds")), "train for more steps"});
  c.set("round_steps", double(std::max(pace, steps / c.integer("rounds") / pace * pace)));
}

}  // namespace

Preset adagan_preset() {
  using namespace training::option;
  return game_preset(
      {.name = "adagan",
       .summary = "boosting: each generator is trained on what those before lack",
       .source = "Tolstikhin et al. 2017",
       .own = {integer("rounds", 3, {1, 1000}, "generators of the mixture")
                   .from("Tolstikhin et al. 2017"),
               real_or_word("round_steps", std::string("auto"), {1, 1e15}, {"auto"},
                            "steps of a round; auto: the run's over rounds"),
               real("mixture_share", 0.15, {0.01, 0.9},
                    "of a round's steps that judge the mixture so far"),
               real("beta", 0, {0, 1}, "weight of a new generator in the mixture; 0: 1 / round")},
       .defaults = {{"critic_norm", "batch"}},
       .points = covering({{"critic_norm", "none"},
                           {"penalty", "r1"},
                           {"lambda", "0.015"},
                           {"penalty_every", "2"},
                           {"rounds", "2"},
                           {"steps", "12000"},
                           {"lr_decay", "0"}}),
       .make = make_game<AdaGan>,
       .settle = settle,
       .settle_steps = settle_steps});
}

}  // namespace imago::models
