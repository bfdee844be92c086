// Generators without a critic: moment matching by the maximum mean discrepancy (Li et al. 2015;
// Dziugaite et al. 2015), and by the first two moments alone.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/ops/ops.h"
#include "models/adversarial_presets.h"
#include "models/measures/pairwise.h"

namespace imago::models {

namespace {

using training::Batch, training::Config, training::Phase, training::Terms;

std::vector<double> widths_of(const std::string& list) {
  std::vector<double> all;
  const char *at = list.data(), *const end = at + list.size();
  while (at < end) {
    double w = 0;
    const auto [next, error] = std::from_chars(at, end, w);
    if (error != std::errc() || !std::isfinite(w) || w <= 0 || (next < end && *next != ',')) break;
    all.push_back(w);
    if (next == end) return all;
    at = next + 1;
  }
  throw Error(ErrorKind::usage, {"widths of kernels that are none", "option 'widths'",
                                 "positive numbers as in 0.1,0.5,1", "'" + list + "'"});
}

// The generator alone, which minimises the unbiased MMD^2 between its samples and a batch.
class MomentMatching : public AdversarialModel {
 public:
  Index smallest_batch() const override { return 2; }  // a pair
  std::vector<Phase> phases() override {
    return {generator_phase(parameters_under(*this, {"generator."}))};
  }
  bool has_critic() const override { return false; }
  // Li et al. 2015, equation 3, without its diagonals.
  Tensor discrepancy(const Tensor& x, const Tensor& y) override {
    return mmd2([this](const Tensor& u, const Tensor& v) { return kernel(u, v); }, ops::flatten(x),
                ops::flatten(y));
  }

 protected:
  MomentMatching(const AdversarialOptions& o, const nn::Init& init, Generator& draws)
      : AdversarialModel(Bare{}, o, init, draws) {
    options_.loss = nullptr;
    add_generator(options_.generator, init);
    add_stabilisers(init);
  }
  virtual Tensor kernel(const Tensor& x, const Tensor& y) const = 0;  // rows to [n, m]

  Terms generator_objective(const Batch& b) override {
    const Tensor loss =
        discrepancy(noised(to_network(b.x), b), noised(generate(draw_code(b.x.size(0)), {}), b));
    Terms terms = generator_terms(loss, {}, {}, b);
    terms.push_back({"mmd2", loss});
    return terms;
  }
};

// k(x, y) = sum over widths w of exp(-|x - y|^2 / (2 w^2)).
class Gmmn : public MomentMatching {
 public:
  Gmmn(const Config& c, const AdversarialOptions& o, const nn::Init& init, Generator& draws)
      : MomentMatching(o, init, draws),
        widths_(widths_of(c.text("widths"))),
        of_median_(c.text("width_unit") == "median") {
    buffer("width_unit", unit_, Tensor::full({1}, 1, init.dtype, init.device));
  }

 protected:
  Terms generator_objective(const Batch& b) override {
    if (of_median_ && b.step == 0) unit_.fill_(median_distance(ops::flatten(to_network(b.x))));
    return MomentMatching::generator_objective(b);
  }
  Tensor kernel(const Tensor& x, const Tensor& y) const override {
    const Tensor d = squared_distances(x, y) / ops::square(unit_);
    Tensor k;
    for (const double w : widths_) {
      const Tensor one = ops::exp(d * (-.5 / (w * w)));
      k = k ? k + one : one;
    }
    return k;
  }
  std::string describe_critic() const override {
    std::string text = "  loss: MMD^2, RBF kernels of widths ";
    for (std::size_t i = 0; i < widths_.size(); i++) text += concat(i ? ", " : "", widths_[i]);
    return text + (of_median_ ? " times the first batch's median distance\n" : "\n");
  }

 private:
  // Of the pairs of a batch, on the host: once in a run.
  static double median_distance(const Tensor& x) {
    const Index n = x.size(0);
    const std::vector<double> all = squared_distances(x, x).values();
    std::vector<double> pairs;
    for (Index i = 0; i < n; i++)
      for (Index j = 0; j < i; j++) pairs.push_back(all[std::size_t(i * n + j)]);
    if (pairs.empty()) return 1;
    const auto middle = pairs.begin() + long(pairs.size() / 2);
    std::nth_element(pairs.begin(), middle, pairs.end());
    return *middle > 0 ? std::sqrt(*middle) : 1;
  }
  std::vector<double> widths_;
  bool of_median_;
  Tensor unit_;  // [1]
};

// k(x, y) = u + u^2 with u = x y / D, whose MMD^2 is the squared distance between the means of x
// and between those of x x^T.
class MomentsOnly : public MomentMatching {
 public:
  MomentsOnly(const Config&, const AdversarialOptions& o, const nn::Init& init, Generator& draws)
      : MomentMatching(o, init, draws) {}

 protected:
  Tensor kernel(const Tensor& x, const Tensor& y) const override {
    const Tensor u = ops::matmul(x, y, false, true) / double(x.size(1));
    return u + ops::square(u);
  }
  std::string describe_critic() const override {
    return "  loss: squared distance of the first and of the second moments\n";
  }
};

void settle(Config& c, const DataInfo& d) {
  refuse_others(c, "there is no critic",
                {{"loss", "gan"},
                 {"generator_loss", "non_saturating"},
                 {"critic_norm", "none"},
                 {"dropout", "0"},
                 {"conditional", "false"},
                 {"conditioning", "input"},
                 {"penalty", "none"},
                 {"penalty_every", "1"},
                 {"clip", "0"},
                 {"d_steps", "1"},
                 {"ttur", "1"},
                 {"feature_matching", "0"},
                 {"minibatch_discrimination", "0"},
                 {"minibatch_stddev", "false"},
                 {"label_smoothing", "1"},
                 {"replay", "0"}});
  if (const std::string& s = c.text("spectral_norm"); s == "critic" || s == "both")
    throw Error(ErrorKind::usage,
                {concat("an option that ", c.text("preset"), " has no use for: there is no critic"),
                 "option 'spectral_norm'", "none or generator", s, "leave it out"});
  if (c.has("widths")) widths_of(c.text("widths"));
  settle_game(c, d);
}

Preset row(GameRow r) {
  r.defaults.emplace_back("batch", "256");
  r.points = {{"batch", "512"}, {"lr", "1e-3"}};
  r.settle = settle;
  Preset p = game_preset(r);
  p.headline = "generator_loss";
  return p;
}

}  // namespace

Preset gmmn_preset() {
  using namespace training::option;
  return row({.name = "gmmn",
              .summary = "no critic: maximum mean discrepancy of samples and data",
              .source = "Li et al. 2015; Dziugaite et al. 2015",
              .own = {text("widths", "0.05,0.1,0.2,0.5,1", {}, "of the kernels that are summed")
                          .from("Li et al. 2015"),
                      text("width_unit", "median", {"median", "absolute"},
                           "what they are multiples of: the median distance of data, or 1")},
              .defaults = {{"lr", "1e-3"}},
              .make = make_game<Gmmn>});
}
Preset moment_preset() {
  return row({.name = "moment",
              .summary = "no critic: the first two moments of samples and data",
              .source = "Mohamed & Lakshminarayanan 2016",
              .defaults = {{"lr", "2e-3"}},
              .make = make_game<MomentsOnly>});
}

}  // namespace imago::models
