#include "models/adversarial.h"

#include <algorithm>
#include <cmath>

#include "engine/ops/ops.h"
#include "engine/random/host.h"

namespace imago::models {

using training::Batch, training::Phase, training::Terms;

std::vector<Parameter> parameters_under(const nn::Module& whole,
                                        const std::vector<std::string>& prefixes) {
  std::vector<Parameter> some;
  for (const Parameter& p : whole.parameters())
    if (std::any_of(prefixes.begin(), prefixes.end(),
                    [&](const std::string& prefix) { return p.name.rfind(prefix, 0) == 0; }))
      some.push_back(p);
  return some;
}

namespace {
// An encoder is trained against the critic: it is of the generator's side.
std::vector<std::string> prefixes_of(const std::string& side) {
  if (side == "critic") return {"critic."};
  return {"generator.", "encoder."};
}
}  // namespace

AdversarialModel::AdversarialModel(Bare, const AdversarialOptions& o, const nn::Init&,
                                   Generator& draws)
    : options_(o), draws_(draws) {}

AdversarialModel::AdversarialModel(const AdversarialOptions& o, const nn::Init& init,
                                   Generator& draws)
    : AdversarialModel(Bare{}, o, init, draws) {
  add_generator(o.generator, init);
  add_critic(o.critic, init);
  add_stabilisers(init);
}

void AdversarialModel::add_generator(const GeneratorOptions& o, const nn::Init& init) {
  generator_ = std::make_unique<GeneratorNetwork>(o, init, draws_);
  child("generator", *generator_);
}
void AdversarialModel::add_critic(const CriticOptions& o, const nn::Init& init) {
  critic_ = std::make_unique<CriticNetwork>(o, init, draws_);
  child("critic", *critic_);
}

void AdversarialModel::add_stabilisers(const nn::Init& init) {
  if (options_.historical_averaging > 0) {
    for (const char* side : {"critic", "generator"})
      for (const Parameter& p : parameters_under(*this, prefixes_of(side))) {
        history_.push_back(std::make_unique<History>(History{side, p.value, {}}));
        buffer("history." + p.name, history_.back()->mean,
               Tensor::zeros(p.value.shape(), p.value.dtype(), p.value.device()));
      }
    buffer("history.steps", history_count_, Tensor::zeros({2}, DType::i64));
  }
  if (options_.replay > 0) {
    std::vector<Index> dims{options_.replay};
    for (const Index d : options_.generator.sample) dims.push_back(d);
    buffer("replay.samples", replay_, Tensor::zeros(Shape(dims), init.dtype, init.device));
    buffer("replay.count", replay_count_, Tensor::zeros({1}, DType::i64));
  }
}

Tensor AdversarialModel::to_network(const Tensor& x) const {
  if (options_.data.kind == data::Kind::vector) return x;
  const Shape& own = options_.data.sample_shape;
  const Shape& sample = options_.generator.sample;
  Tensor y = ops::reshape(x, Shape{x.size(0), own[0], own[1], own[2]});
  for (int dim = 0; dim < 2; dim++)
    if (const Index more = sample[dim] - own[dim]; more > 0)
      y = ops::pad(y, dim + 1, more / 2, more - more / 2);
  return ops::affine(y, 2, -1);
}

Tensor AdversarialModel::from_network(const Tensor& x) const {
  if (options_.data.kind == data::Kind::vector) return x;
  const Shape& own = options_.data.sample_shape;
  const Shape& sample = options_.generator.sample;
  Tensor y = ops::clamp(ops::affine(x, 0.5, 0.5), 0, 1);  // a generator may have no tanh
  for (int dim = 0; dim < 2; dim++)
    if (const Index more = sample[dim] - own[dim]; more > 0)
      y = ops::slice(y, dim + 1, more / 2, more / 2 + own[dim]);
  return ops::reshape(y, Shape{x.size(0), own.numel()});
}

Tensor AdversarialModel::draw_code(Index n) {
  const Tensor like = parameters().at(0).value;
  return ops::randn(Shape{n, latent()}, draws_, like.dtype(), like.device());
}

Tensor AdversarialModel::generate(const Tensor& z, const Tensor& condition) {
  return generator_->forward(z, condition);
}

Tensor AdversarialModel::condition(Index n, Index label, Generator&) {
  const Index k = classes();
  if (label >= k)
    throw Error(ErrorKind::usage,
                {"no such class", "--label",
                 k ? concat("0 to ", k - 1) : "none: the model knows no labels", concat(label)});
  if (k == 0) return {};
  std::vector<std::int64_t> labels;
  for (Index i = 0; i < n; i++) labels.push_back(label >= 0 ? label : i % k);
  return Tensor::from(labels, Shape{n}, parameters().at(0).value.device());
}
Tensor AdversarialModel::condition_of(const Batch& b) {
  return options_.conditional ? b.labels : Tensor();
}

Tensor AdversarialModel::value(const Tensor& x, const Tensor& condition) {
  const Tensor l = critic_->forward(x, told(condition));
  return ops::reshape(ops::slice(l, 1, 0, 1), Shape{x.size(0)});
}

Tensor AdversarialModel::value_of_pair(const Tensor& x, const Tensor&, const Tensor& condition) {
  return value(x, condition);
}
Tensor AdversarialModel::discrepancy(const Tensor&, const Tensor&) { return {}; }
Tensor AdversarialModel::encode(const Tensor&) { return {}; }
AdversarialModel::RowFigures AdversarialModel::row_figures(const Tensor&, Generator&) { return {}; }

Tensor AdversarialModel::noised(const Tensor& x, const Batch& b) const {
  const double left = 1 - double(b.step) / double(options_.instance_noise_steps);
  if (options_.instance_noise == 0 || left <= 0) return x;
  return x + options_.instance_noise * left * ops::randn(x.shape(), draws_, x.dtype(), x.device());
}

AdversarialModel::Judgement AdversarialModel::judgement(const Tensor& x, const Tensor& condition) {
  return critic_->judge(x, condition);
}

AdversarialModel::Both AdversarialModel::judge(const Tensor& real, const Tensor& fake,
                                               const Tensor& condition) {
  const CriticOptions& c = options_.critic;
  if (c.norm == Norm::batch || c.minibatch_stddev || c.discrimination > 0)
    return {judgement(real, condition), judgement(fake, condition)};
  const Index n = real.size(0), all = n + fake.size(0);
  const auto [features, output] = judgement(
      ops::concat({real, fake}, 0), condition ? ops::concat({condition, condition}, 0) : Tensor());
  return {{ops::slice(features, 0, 0, n), ops::slice(output, 0, 0, n)},
          {ops::slice(features, 0, n, all), ops::slice(output, 0, n, all)}};
}

// First in, first out (Shrivastava et al. 2017): once there are as many old samples as a half batch
// has, they take the place of its second half.
Tensor AdversarialModel::remember(const Tensor& fresh) {
  const Index n = fresh.size(0), half = n / 2, capacity = replay_.size(0);
  const Index before = Index(replay_count_.item()), kept = std::min(before, capacity);
  Tensor mixed = fresh;
  if (kept >= half && half > 0) {
    HostStream words(draws_.seed, Purpose::replay, std::uint64_t(before));
    std::vector<std::int64_t> index;
    for (Index i = 0; i < half; i++) index.push_back(words.below(std::uint32_t(kept)));
    const Tensor old =
        ops::gather_rows(replay_, Tensor::from(index, Shape{half}, replay_.device()));
    mixed = ops::concat({ops::slice(fresh, 0, 0, n - half), old}, 0);
  }
  for (Index i = 0; i < n;) {  // in runs up to the end of the ring
    const Index at = (before + i) % capacity, run = std::min(n - i, capacity - at);
    ops::slice(replay_, 0, at, at + run).copy_(ops::slice(fresh, 0, i, i + run));
    i += run;
  }
  replay_count_.fill_(double(before + n));
  return mixed;
}

Tensor AdversarialModel::fakes(const Batch& b, const Tensor& condition) {
  const NoGrad no_grad;
  const Tensor fresh = generate(draw_code(b.x.size(0)), condition);
  return replay_ ? remember(fresh) : fresh;
}

Tensor AdversarialModel::penalty(const Tensor& real, const Tensor& fake, const Tensor& condition,
                                 const Batch& b) {
  if (!options_.penalty) return {};
  const Index paces = options_.d_steps < 1 ? Index(std::lround(1 / options_.d_steps)) : 1;
  if (b.step / paces % options_.penalty_every != 0) return {};
  const nn::PenaltyOptions& o = *options_.penalty;
  const bool needs_fake = o.kind != nn::PenaltyKind::r1 && o.kind != nn::PenaltyKind::dragan;
  return options_.lambda * double(options_.penalty_every) *
         gradient_penalty(real, needs_fake ? fake : Tensor(), condition);
}

Tensor AdversarialModel::gradient_penalty(const Tensor& real, const Tensor& fake,
                                          const Tensor& condition) {
  if (critic_ && !condition && options_.critic.outputs == 1)
    return nn::gradient_penalty(critic_->net, real, fake, *options_.penalty, draws_);
  return nn::gradient_penalty([&](const Tensor& x) { return value(x, condition); }, real, fake,
                              *options_.penalty, draws_);
}

Tensor AdversarialModel::generator_loss(const Tensor& l) const {
  return options_.generator_loss == GeneratorLoss::minimax ? -ops::mean(options_.loss->fake(l))
                                                           : ops::mean(options_.loss->generator(l));
}

Tensor AdversarialModel::feature_matching(const Tensor& real, const Judgement& fake,
                                          const Tensor& condition) {
  Tensor target;
  {
    const NoGrad no_grad;
    target = ops::mean(judgement(real, condition).features, {0});
  }
  return options_.feature_matching * ops::sum(ops::square(ops::mean(fake.features, {0}) - target));
}

Tensor AdversarialModel::historical(const std::string& side) {
  if (history_.empty() || history_count_.values()[side == "generator"] == 0) return {};
  Tensor all;
  for (const auto& h : history_)
    if (h->side == side) {
      const Tensor d = ops::sum(ops::square(h->parameter - h->mean));
      all = all ? all + d : d;
    }
  return options_.historical_averaging * all;
}

Terms AdversarialModel::critic_parts(const Both&, const Tensor&, const Batch&) { return {}; }
Terms AdversarialModel::generator_parts(const CriticNetwork::Judgement&, const Tensor&,
                                        const Batch&) {
  return {};
}

// E real(l(x)) + E fake(l(G)), and what regularises it.
Terms AdversarialModel::critic_objective(const Batch& b) {
  const Tensor c = condition_of(b), real = to_network(b.x), fake = fakes(b, c), seen = told(c);
  const Both both = judge(noised(real, b), noised(fake, b), seen);
  return critic_terms(real_loss(*options_.loss, both.real.output, options_.label_smoothing) +
                          ops::mean(options_.loss->fake(both.fake.output)),
                      real, fake, seen, b, critic_parts(both, c, b));
}

Terms AdversarialModel::critic_terms(Tensor loss, const Tensor& real, const Tensor& fake,
                                     const Tensor& seen, const Batch& b, Terms parts) {
  if (const Tensor p = penalty(real, fake, seen, b)) parts.push_back({"penalty", p});
  for (const training::Term& part : parts) loss = loss + part.value;
  if (const Tensor h = historical("critic")) loss = loss + h;
  parts.insert(parts.begin(), {"critic_loss", loss});
  return parts;
}

Terms AdversarialModel::generator_objective(const Batch& b) {
  const Tensor c = condition_of(b);
  const Tensor fake = noised(generate(draw_code(b.x.size(0)), c), b);
  const Tensor seen = told(c);
  const Judgement judged = judgement(fake, seen);
  return generator_terms(generator_loss(judged.output), judged, seen, b,
                         generator_parts(judged, c, b));
}

Terms AdversarialModel::generator_terms(Tensor loss, const Judgement& judged, const Tensor& seen,
                                        const Batch& b, Terms parts) {
  for (const training::Term& part : parts) loss = loss + part.value;
  if (options_.feature_matching > 0)
    loss = loss + feature_matching(noised(to_network(b.x), b), judged, seen);
  if (const Tensor h = historical("generator")) loss = loss + h;
  parts.insert(parts.begin(), {"generator_loss", loss});
  return parts;
}

Phase AdversarialModel::critic_phase(std::vector<Parameter> parameters) {
  const double d = options_.d_steps;
  return {.name = "critic",
          .parameters = std::move(parameters),
          .objective = [this](const Batch& b) { return critic_objective(b); },
          .every = d < 1 ? Index(std::lround(1 / d)) : 1,
          .lr_factor = options_.ttur,
          .averaged = false,
          .after = [this](const Batch&) { after("critic"); }};
}
Phase AdversarialModel::generator_phase(std::vector<Parameter> parameters) {
  const double d = options_.d_steps;
  return {.name = "generator",
          .parameters = std::move(parameters),
          .objective = [this](const Batch& b) { return generator_objective(b); },
          .every = d > 1 ? Index(std::lround(d)) : 1,
          .after = [this](const Batch&) { after("generator"); }};
}
Index AdversarialModel::smallest_batch() const {
  for (const Parameter& p : state_dict())
    if (p.name.ends_with(".running_mean")) return 2;
  return 1;
}
std::vector<Phase> AdversarialModel::phases() {
  return {critic_phase(parameters_under(*this, {"critic."})),
          generator_phase(parameters_under(*this, {"generator."}))};
}

// Weights cut as the WGAN's, and the means of the parameters moved on.
void AdversarialModel::after(const std::string& side) {
  if (options_.clip > 0 && side == "critic")
    for (const Parameter& p : parameters_under(*this, {"critic."}))
      p.value.copy_(ops::clamp(p.value, -options_.clip, options_.clip));
  if (history_.empty()) return;
  std::vector<std::int64_t> steps = history_count_.to_vector<std::int64_t>();
  const double n = double(++steps[side == "generator"]);
  history_count_.copy_(Tensor::from(steps, Shape{2}));
  for (const auto& h : history_)
    if (h->side == side) h->mean.copy_(h->mean + (h->parameter - h->mean) / n);
}

std::string AdversarialModel::describe() const {
  return concat(generator_ ? generator_->describe() : "", describe_critic(),
                "  all: ", parameter_count(), " parameters\n");
}

std::string AdversarialModel::describe_critic() const {
  std::string text;
  if (critic_) text += critic_->describe();
  if (options_.loss)
    text += concat("  loss: ", options_.loss->name, ", ", options_.loss->about, " (",
                   options_.loss->source, ")\n");
  if (options_.penalty && critic_) {
    const bool whole = options_.critic.classes == 0 && options_.critic.outputs == 1;
    text += concat("  penalty: weight ", options_.lambda, ", ",
                   whole ? nn::penalty_path(critic_->net)
                         : std::string("tape: the critic has a condition or several outputs"),
                   "\n");
  }
  return text;
}

}  // namespace imago::models
