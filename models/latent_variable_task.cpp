#include "models/latent_variable_task.h"

#include <algorithm>

#include "engine/io/image.h"
#include "engine/ops/ops.h"

namespace imago::models {

namespace {

constexpr Index chunk_rows = 1000;  // a multiple of 4: a sample's noise does not depend on n

}  // namespace

Picture sample(LatentVariableModel& model, const Shape& sample_shape, Index n, std::uint64_t seed,
               double temperature, const Watch& watch) {
  if (model.options().bound == Bound::reconstruction)
    throw Error(ErrorKind::usage, {"an autoencoder has no prior to sample from",
                                   {},
                                   "a variational model",
                                   "ae",
                                   "try reconstruct or interpolate"});
  if (n < 1)
    throw Error(ErrorKind::usage, {"number of samples out of range", {}, "at least 1", concat(n)});
  const NoGrad no_grad;
  const Device device = model.parameters().at(0).value.device();
  const bool points =
      sample_shape.rank() < 2 && model.likelihood.kind() == Likelihood::Kind::gaussian;
  Generator g{seed, sampling_draws}, noise{seed, sampling_draws + (std::uint64_t(1) << 59)};
  std::vector<Tensor> parts;
  for (Index i = 0; i < n; i += chunk_rows) {
    const Tensor z = ops::randn(Shape{std::min(chunk_rows, n - i), model.options().latent}, g,
                                DType::f32, device);
    const Tensor decoded = model.decode(z * temperature);
    parts.push_back(points ? model.likelihood.draw(decoded, noise)
                           : model.likelihood.mean(decoded));
    watch.done(double(std::min(i + chunk_rows, n)) / double(n));
    if (watch.stopped()) break;
  }
  return picture(parts.size() == 1 ? parts[0] : ops::concat(parts, 0), sample_shape, 0);
}

Picture reconstruct(LatentVariableModel& model, const data::DataSet& data, const data::Split& split,
                    Index n, std::uint64_t seed) {
  const NoGrad no_grad;
  checked_count(data, split, n);
  std::vector<Tensor> parts;
  for (Index i = 0; i < n; i += chunk_rows) {
    const Tensor x = rows(data, split, i, std::min(i + chunk_rows, n), seed);
    parts.push_back(ops::stack({x, model.likelihood.mean(model.decode(model.encode(x).mu))}, 1));
  }
  const Tensor pairs = ops::concat(parts, 0);  // [n, 2, D]
  return picture(ops::reshape(pairs, Shape{2 * n, pairs.size(2)}), data.sample_shape, 16);
}

Picture interpolate(LatentVariableModel& model, const data::DataSet& data, const data::Split& split,
                    Index rows, Index columns, std::uint64_t seed) {
  if (columns < 2)
    throw Error(ErrorKind::usage, {"columns out of range", {}, "at least 2", concat(columns)});
  const NoGrad no_grad;
  checked_count(data, split, 2 * rows);
  const Tensor x = models::rows(data, split, 0, 2 * rows, seed);
  const Tensor ends = ops::reshape(model.encode(x).mu, Shape{rows, 2, model.options().latent});
  const Tensor from = ops::slice(ends, 1, 0, 1), to = ops::slice(ends, 1, 1, 2);
  std::vector<Tensor> steps;
  for (Index c = 0; c < columns; c++) {
    const double t = double(c) / double(columns - 1);
    steps.push_back((1 - t) * from + t * to);
  }
  const Tensor z =
      ops::reshape(ops::concat(steps, 1), Shape{rows * columns, model.options().latent});
  return picture(model.likelihood.mean(model.decode(z)), data.sample_shape, int(columns));
}

std::vector<training::Phase> LatentVariableTask::phases() {
  return {{"main", model_.parameters(),
           [this](const training::Batch& b) { return model_.objective(b.x); }}};
}

training::Figures LatentVariableTask::measure(const data::DataSet& data, const data::Split& split,
                                              const MeasureOptions& o) {
  return models::measure(model_, data, split, o);
}
Picture LatentVariableTask::sample(const SampleOptions& o) {
  if (o.label >= 0)
    throw Error(ErrorKind::usage,
                {"the model knows no labels", "--label", {}, concat(o.label), "leave it out"});
  return models::sample(model_, sample_shape_, o.n, o.seed, o.temperature, o.watch);
}
Picture LatentVariableTask::reconstruct(const data::DataSet& data, const data::Split& split,
                                        Index n) {
  return models::reconstruct(model_, data, split, n, seed_);
}
Picture LatentVariableTask::interpolate(const data::DataSet& data, const data::Split& split,
                                        Index rows, Index columns) {
  return models::interpolate(model_, data, split, rows, columns, seed_);
}

Picture LatentVariableTask::traverse(const TraverseOptions& o, const data::DataSet& data,
                                     const data::Split& split) {
  const NoGrad no_grad;
  Tensor centre = Tensor::zeros(Shape{1, model_.options().latent}, DType::f32,
                                model_.parameters()[0].value.device());
  if (o.around >= 0) {
    checked_count(data, split, o.around + 1);
    centre = model_.encode(rows(data, split, o.around, o.around + 1, seed_)).mu;
  }
  const Tensor z = traversal(centre, o);
  return picture(model_.likelihood.mean(model_.decode(z)), sample_shape_, int(o.columns));
}

std::vector<std::string> LatentVariableTask::scored_by() const {
  switch (model_.options().bound) {
    case Bound::reconstruction: return {"distortion"};
    case Bound::elbo: return {"elbo"};
    case Bound::iwae: return {"iwae"};
  }
  return {};
}

bool LatentVariableTask::draw(const data::DataSet& data, const std::string& path) {
  if (!can_draw(data.sample_shape) || !io::has_png()) return false;
  const bool points = data.sample_shape.rank() < 2;
  if (model_.options().bound == Bound::reconstruction) {
    const data::Split& split = data.test ? data.test : data.train;
    write_picture(reconstruct(data, split, std::min<Index>(points ? 1000 : 32, split.size())),
                  path);
  } else {
    write_picture(sample({.n = points ? 2000 : 64, .seed = seed_}), path);
  }
  return true;
}

}  // namespace imago::models
