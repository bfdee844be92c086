#include "models/generative_task.h"

#include <algorithm>
#include <numeric>

#include "engine/data/densities.h"
#include "engine/ops/layout.h"
#include "models/measures/feature_figures.h"
#include "models/measures/judge.h"
#include "models/measures/sample_figures.h"

namespace imago::models {

namespace {
[[noreturn]] void cannot(const char* what, const char* remedy) {
  throw Error(ErrorKind::usage, {what, {}, {}, {}, remedy});
}
}  // namespace

DataInfo info_of(const data::DataSet& d) {
  return {d.sample_shape, d.kind, d.levels, d.classes, d.name};
}

std::string density_of(const DataInfo& d) {
  return d.name.starts_with(data::density_prefix) ? d.name.substr(data::density_prefix.size()) : "";
}

Picture GenerativeTask::sample(const SampleOptions&) {
  cannot("this model generates nothing", "evaluate measures it");
}
Picture GenerativeTask::reconstruct(const data::DataSet&, const data::Split&, Index) {
  cannot("this model has no encoder and reconstructs nothing", "try sample");
}
Picture GenerativeTask::interpolate(const data::DataSet&, const data::Split&, Index, Index) {
  cannot("this model has no codes to interpolate between", "try sample");
}

training::Figures GenerativeTask::evaluate(const data::DataSet& data, const data::Split& split) {
  return all_figures(*this, data, split, {.also = best_, .seed = seed_, .judge = judge_});
}

namespace {
// Metrics of which there is a best: 1 the largest, -1 the smallest.
const std::vector<std::pair<std::string, int>>& directions() {
  static const std::vector<std::pair<std::string, int>> all{
      {"elbo", 1},   {"iwae", 1},           {"accuracy", 1},      {"is", 1},
      {"recall", 1}, {"precision", 1},      {"density", 1},       {"coverage", 1},
      {"purity", 1}, {"label_accuracy", 1}, {"modes_covered", 1}, {"high_quality", 1},
      {"nll", -1},   {"distortion", -1},    {"mse", -1},          {"loss", -1},
      {"fd", -1},    {"kid", -1},           {"w1", -1},           {"mmd2", -1},
      {"mmd", -1},   {"sinkhorn", -1},      {"sliced", -1}};
  return all;
}
int direction(const std::string& metric) {
  for (const auto& [name, sign] : directions())
    if (name == metric) return sign;
  return 0;
}
}  // namespace

std::string GenerativeTask::chosen(const training::Figures& figures) const {
  for (const std::string& name : best_.empty() ? scored_by() : std::vector<std::string>{best_})
    if (training::has_figure(figures, name)) return name;
  return {};
}
std::optional<double> GenerativeTask::score(const training::Figures& figures) const {
  const std::string name = chosen(figures);
  if (name.empty()) return {};
  return direction(name) * training::figure(figures, name);
}
std::string GenerativeTask::units(const training::Figures& figures) const {
  const std::string name = chosen(figures);
  const bool judged = is_feature_metric(name) || name == "label_accuracy" || name == "purity";
  return judged && judge_ ? concat(name, " by the judge with weights ", judge_->weights())
                          : std::string();
}
void GenerativeTask::set_best(const std::string& metric) {
  std::vector<std::string> known = all_metrics(*this), able;
  if (std::find(known.begin(), known.end(), "modes") != known.end())
    known.insert(known.end(), {"modes_covered", "high_quality"});
  for (const std::string& name : known)
    if (direction(name)) able.push_back(name);
  if (std::find(able.begin(), able.end(), metric) == able.end()) {
    std::string list;
    for (const std::string& name : able) list += (list.empty() ? "auto, " : ", ") + name;
    throw Error(ErrorKind::usage,
                {"no such metric chooses the best checkpoint", "option 'best'", list, metric});
  }
  if (is_feature_metric(metric) && !judge_)
    throw Error(ErrorKind::usage, {"the metric needs a judge", "option 'best'",
                                   "a run of `imago train classifier` on these data", "none",
                                   "give it with --set judge=RUN"});
  best_ = metric;
}

Picture GenerativeTask::traverse(const TraverseOptions&, const data::DataSet&, const data::Split&) {
  cannot("this model has no codes to vary", "try sample");
}

Tensor traversal(const Tensor& centre, const TraverseOptions& o) {
  const Index d = centre.size(1), rows = o.rows > 0 ? o.rows : std::min<Index>(d, 10);
  if (rows > d || o.columns < 2)
    throw Error(
        ErrorKind::usage,
        {"rows or columns out of range",
         {},
         concat("at most ", d, " rows, a dimension of the code each, and 2 columns or more"),
         concat(rows, " by ", o.columns)});
  const std::vector<double> here = centre.values();
  std::vector<float> codes;
  for (Index r = 0; r < rows; r++)
    for (Index c = 0; c < o.columns; c++)
      for (Index k = 0; k < d; k++)
        codes.push_back(float(k == r ? o.range * (2 * double(c) / double(o.columns - 1) - 1)
                                     : here[std::size_t(k)]));
  return Tensor::from(codes, Shape{rows * o.columns, d}, centre.device());
}

Tensor rows(const data::DataSet& data, const data::Split& split, Index first, Index last,
            std::uint64_t seed) {
  std::vector<std::int64_t> index(std::size_t(last - first));
  std::iota(index.begin(), index.end(), first);
  const Index features = data.sample_shape.numel();
  Generator g{seed, binarizing_draws + std::uint64_t(first * features / 4)};
  const Tensor x =
      data::take(data, split, Tensor::from(index, Shape{last - first}, split.x.device()), g);
  return ops::reshape(x, Shape{last - first, features});
}

Picture picture(const Tensor& x, const Shape& sample_shape, int columns) {
  std::vector<Index> dims{x.size(0)};
  dims.insert(dims.end(), sample_shape.begin(), sample_shape.end());
  return {ops::reshape(x, Shape(dims)).to(cpu_device), columns};
}

Index checked_count(const data::DataSet& data, const data::Split& split, Index n) {
  if (!split) throw Error(ErrorKind::data, {"the split is empty", data.name, "samples", "none"});
  if (n < 1)
    throw Error(ErrorKind::usage, {"number of samples out of range", {}, "at least 1", concat(n)});
  if (n > split.size())
    throw Error(ErrorKind::usage, {"more samples asked for than there are", data.name,
                                   concat("at most ", split.size()), concat(n)});
  return n;
}

std::vector<std::string> checked_metrics(const std::vector<std::string>& wanted,
                                         const std::vector<std::string>& usual,
                                         const std::vector<std::string>& known) {
  for (const std::string& m : wanted)
    if (std::find(known.begin(), known.end(), m) == known.end()) {
      std::string list;
      for (const std::string& k : known) list += (list.empty() ? "" : ", ") + k;
      throw Error(ErrorKind::usage, {"unknown metric", {}, "one of " + list, "'" + m + "'"});
    }
  return wanted.empty() ? usual : wanted;
}

}  // namespace imago::models
