#include "models/adversarial_task.h"

#include <algorithm>
#include <cmath>

#include "engine/data/generated.h"
#include "engine/io/image.h"
#include "engine/ops/ops.h"
#include "models/densities.h"
#include "models/measures/assignment.h"
#include "models/measures/modes.h"

namespace imago::models {

namespace {
constexpr Index chunk_rows = 1000;  // a multiple of 4: a sample's noise does not depend on n
constexpr Index w1_samples = 1000;
}  // namespace

Tensor AdversarialTask::samples(Index n, std::uint64_t seed, double temperature, Index label,
                                const Watch& watch) {
  const NoGrad no_grad;
  const Tensor like = model_->parameters().at(0).value;
  Generator g{seed, sampling_draws}, choices{seed, sampling_draws + (std::uint64_t(1) << 59)};
  std::vector<Tensor> parts;
  for (Index i = 0; i < n; i += chunk_rows) {
    const Index some = std::min(chunk_rows, n - i);
    const Tensor z = ops::randn(Shape{some, model_->latent()}, g, like.dtype(), like.device());
    parts.push_back(model_->from_network(
        model_->generate(z * temperature, model_->condition(some, label, choices))));
    watch.done(double(i + some) / double(n));
    if (watch.stopped()) break;
  }
  return parts.size() == 1 ? parts[0] : ops::concat(parts, 0);
}

Picture AdversarialTask::sample(const SampleOptions& o) {
  if (o.n < 1)
    throw Error(ErrorKind::usage,
                {"number of samples out of range", {}, "at least 1", concat(o.n)});
  return picture(samples(o.n, o.seed, o.temperature, o.label, o.watch),
                 model_->options().data.sample_shape,
                 o.label < 0 ? int(std::min<Index>(model_->classes(), 20)) : 0);
}

Picture AdversarialTask::reconstruct(const data::DataSet& data, const data::Split& split, Index n) {
  if (!model_->encodes()) return GenerativeTask::reconstruct(data, split, n);
  const NoGrad no_grad;
  checked_count(data, split, n);
  std::vector<Tensor> parts;
  for (Index i = 0; i < n; i += chunk_rows) {
    const Tensor x = rows(data, split, i, std::min(i + chunk_rows, n), seed_),
                 z = model_->encode(model_->to_network(x));
    parts.push_back(ops::stack({x, model_->from_network(model_->generate(z, {}))}, 1));
  }
  const Tensor pairs = ops::concat(parts, 0);  // [n, 2, D]
  return picture(ops::reshape(pairs, Shape{2 * n, pairs.size(2)}), data.sample_shape, 16);
}

Picture AdversarialTask::interpolate(const data::DataSet& data, const data::Split& split,
                                     Index rows, Index columns) {
  if (columns < 2 || rows < 1)
    throw Error(ErrorKind::usage, {"rows or columns out of range",
                                   {},
                                   "at least 1 row and 2 columns",
                                   concat(rows, " by ", columns)});
  const NoGrad no_grad;
  const Tensor like = model_->parameters().at(0).value;
  Generator g{seed_, sampling_draws};
  const Index d = model_->latent();
  const bool encodes = model_->encodes();
  if (encodes) checked_count(data, split, 2 * rows);
  const Tensor ends = encodes ? ops::reshape(model_->encode(model_->to_network(
                                                 models::rows(data, split, 0, 2 * rows, seed_))),
                                             Shape{rows, 2, d})
                              : ops::randn(Shape{rows, 2, d}, g, like.dtype(), like.device());
  const Tensor from = ops::slice(ends, 1, 0, 1), to = ops::slice(ends, 1, 1, 2);
  std::vector<Tensor> steps;
  for (Index c = 0; c < columns; c++) {
    const double t = double(c) / double(columns - 1), arc = 1.5707963267948966 * t;
    // On the arc between draws: a straight line would leave the shell that they lie on.
    steps.push_back(encodes ? (1 - t) * from + t * to : std::cos(arc) * from + std::sin(arc) * to);
  }
  const Tensor z = ops::reshape(ops::concat(steps, 1), Shape{rows * columns, d});
  const Tensor first = model_->condition(rows, -1, g);
  const Tensor c = first ? ops::repeat_interleave(first, columns) : Tensor();
  return picture(model_->from_network(model_->generate(z, c)), data.sample_shape, int(columns));
}

Picture AdversarialTask::traverse(const TraverseOptions& o, const data::DataSet& data,
                                  const data::Split& split) {
  const NoGrad no_grad;
  const Tensor like = model_->parameters().at(0).value;
  Generator g{o.seed, sampling_draws};
  Tensor centre;
  if (o.around >= 0) {
    if (!model_->encodes())
      throw Error(ErrorKind::usage, {"this model has no encoder", "--around", "none",
                                     concat(o.around), "leave it out, or choose --seed"});
    checked_count(data, split, o.around + 1);
    centre = model_->encode(model_->to_network(rows(data, split, o.around, o.around + 1, seed_)));
  } else {
    centre = ops::randn(Shape{1, model_->latent()}, g, like.dtype(), like.device());
  }
  const Tensor z = traversal(centre, o), first = model_->condition(1, -1, g);
  const Tensor c = first ? ops::repeat_interleave(first, z.size(0)) : Tensor();
  return picture(model_->from_network(model_->generate(z, c)), data.sample_shape, int(o.columns));
}

std::vector<std::string> AdversarialTask::metric_names() const {
  const DataInfo& d = model_->options().data;
  std::vector<std::string> names{model_->has_critic() ? "critic" : "mmd2"};
  if (model_->encodes()) names.push_back("encoder");
  if (!density_of(d).empty())
    names.push_back("energy");
  else if (d.kind == data::Kind::vector)
    names.push_back("w1");
  if (!data::mixture(d.name).means.empty()) names.push_back("modes");
  return names;
}

training::Figures AdversarialTask::measure(const data::DataSet& data, const data::Split& split,
                                           const MeasureOptions& o) {
  const std::vector<std::string> known = metric_names(),
                                 wanted = checked_metrics(o.metrics, known, known);
  if (!split) throw Error(ErrorKind::data, {"the split is empty", data.name, "samples", "none"});
  const NoGrad no_grad;
  const Index n = o.limit > 0 ? std::min(o.limit, split.size()) : split.size();
  training::Figures figures;
  const auto stopped = [&] { return o.stop && o.stop(); };
  for (std::size_t i = 0; i < wanted.size(); i++) {
    const std::string& m = wanted[i];
    if (m == "critic") {
      double real = 0, fake = 0;
      bool known_labels = true;
      Generator g{o.seed, evaluation_draws},
          choices{o.seed, evaluation_draws + (std::uint64_t(1) << 59)};
      const Tensor like = model_->parameters().at(0).value;
      for (Index at = 0; at < n; at += chunk_rows) {
        if (stopped()) return {};
        const Index some = std::min(chunk_rows, n - at);
        Tensor c = model_->condition(some, -1, choices);
        const Tensor z = ops::randn(Shape{some, model_->latent()}, g, like.dtype(), like.device());
        const Tensor on_fake = model_->value_of_pair(model_->generate(z, c), z, c);
        fake += ops::sum(on_fake).item();
        if (model_->options().conditional) {
          known_labels = split.labels.defined();
          c = known_labels ? ops::slice(split.labels, 0, at, at + some) : Tensor();
        }
        if (!known_labels) continue;
        const Tensor x = rows(data, split, at, at + some, o.seed);
        real += ops::sum(model_->value_of_pair(model_->to_network(x), {}, c)).item();
      }
      if (known_labels) figures.emplace_back("critic_real", real / double(n));
      figures.emplace_back("critic_fake", fake / double(n));
    } else if (m == "mmd2") {
      // The mean of estimates of parts, whose last rows, too few for one, are left out.
      if (n < 2) throw Error(ErrorKind::data, {"too few rows", data.name, "at least 2", concat(n)});
      const Index part = std::min(chunk_rows, n);
      const Tensor made = samples(n / part * part, o.seed, 1, -1);
      double sum = 0;
      for (Index at = 0; at + part <= n; at += part) {
        if (stopped()) return {};
        const Tensor x = rows(data, split, at, at + part, o.seed);
        sum += model_
                   ->discrepancy(model_->to_network(x),
                                 model_->to_network(ops::slice(made, 0, at, at + part)))
                   .item();
      }
      figures.emplace_back("mmd2", sum / double(n / part));
    } else if (m == "encoder") {
      Generator g{o.seed, evaluation_draws + (std::uint64_t(1) << 58)};
      std::vector<std::string> names;
      std::vector<double> sums;
      for (Index at = 0; at < n; at += chunk_rows) {
        if (stopped()) return {};
        const Tensor x = rows(data, split, at, std::min(at + chunk_rows, n), o.seed),
                     seen = model_->to_network(x),
                     made = model_->from_network(model_->generate(model_->encode(seen), {}));
        AdversarialModel::RowFigures all = model_->row_figures(seen, g);
        all.emplace_back("mse", ops::mean(ops::square(made - x), {1}));
        sums.resize(all.size()), names.clear();
        for (std::size_t k = 0; k < all.size(); k++) {
          names.push_back(all[k].first);
          sums[k] += ops::sum(all[k].second).item();
        }
      }
      for (std::size_t k = 0; k < names.size(); k++)
        figures.emplace_back(names[k], sums[k] / double(n));
    } else if (m == "energy") {
      const Tensor x = samples(n, o.seed, 1, -1);
      figures.emplace_back("energy", -ops::mean(log_density(density_of(info_of(data)), x)).item());
    } else if (m == "w1") {
      const Index some = std::min({n, w1_samples, assignment_limit});
      figures.emplace_back(
          "w1", wasserstein(rows(data, split, 0, some, o.seed), samples(some, o.seed, 1, -1)));
    } else {
      const Modes modes = count_modes(samples(modes_samples, o.seed, 1, -1), data.name);
      figures.emplace_back("modes_covered", double(modes.covered));
      figures.emplace_back("modes_total", double(modes.total));
      figures.emplace_back("high_quality", modes.high_quality);
    }
    if (stopped()) return {};
    if (o.progress) o.progress(double(i + 1) / double(wanted.size()));
  }
  return figures;
}

bool AdversarialTask::draw(const data::DataSet& data, const std::string& path) {
  if (!can_draw(data.sample_shape) || !io::has_png()) return false;
  write_picture(sample({.n = data.kind == data::Kind::vector ? 2000 : 100, .seed = seed_}), path);
  return true;
}

}  // namespace imago::models
