#include "models/measures/feature_figures.h"

#include <algorithm>

#include "engine/io/file.h"
#include "engine/io/npy.h"
#include "engine/ops/ops.h"
#include "models/generative_task.h"
#include "models/measures/frechet.h"
#include "models/measures/inception_score.h"
#include "models/measures/kid.h"
#include "models/measures/manifold.h"
#include "models/measures/statistics.h"

namespace imago::models {
namespace {

bool has(const std::vector<std::string>& metrics, const std::string& name) {
  return std::find(metrics.begin(), metrics.end(), name) != metrics.end();
}
bool has_manifold(const std::vector<std::string>& metrics) {
  return has(metrics, "precision") || has(metrics, "recall") || has(metrics, "density") ||
         has(metrics, "coverage");
}

Moments moments_of(const Tensor& rows, const std::string& where) {
  MomentSum sum(rows.size(1), where);
  sum.add(rows);
  return sum.moments();
}

// Features as a file has them.
Tensor rows_of(const io::HostArray& a, const std::string& path) {
  if (a.shape.rank() != 2 || a.shape.numel() == 0 || !is_floating(a.dtype))
    io::fail(path, {"the file holds no features", "floating [n, features]",
                    concat(a.dtype, " ", a.shape)});
  return io::to_tensor(a);
}

const Tensor& needed(const Tensor& t, const FeatureSet& set, const char* metric, const char* what,
                     const char* remedy) {
  if (!t.defined())
    throw Error(ErrorKind::usage, {concat("the metric '", metric, "' needs ", what), set.where,
                                   what, "none", remedy});
  return t;
}
const Tensor& rows_for(const FeatureSet& set, const char* metric) {
  return needed(set.rows, set, metric, "the features of every sample",
                "give features instead of mu and sigma");
}

}  // namespace

const std::vector<std::string>& feature_metrics() {
  static const std::vector<std::string> names{"fd",     "kid",     "is",      "precision",
                                              "recall", "density", "coverage"};
  return names;
}
bool is_feature_metric(const std::string& name) { return has(feature_metrics(), name); }

Wanted wanted_of_samples(const std::vector<std::string>& metrics) {
  Wanted w = wanted_of_reference(metrics);
  w.logits = has(metrics, "is");
  return w;
}
Wanted wanted_of_reference(const std::vector<std::string>& metrics) {
  return {.moments = has(metrics, "fd"), .rows = has(metrics, "kid") || has_manifold(metrics)};
}

std::optional<FeatureSet> look_at(const FeatureNetwork& network, const DataInfo& info, Index n,
                                  const std::function<Tensor(Index, Index)>& rows,
                                  const Wanted& wanted, const std::string& where,
                                  const Watch& watch) {
  FeatureSet set{where, n, {}, {}, {}};
  if (!wanted.moments && !wanted.rows && !wanted.logits) return set;
  network.check(info);
  MomentSum sum(network.feature_count(), where);
  std::vector<Tensor> features, logits;
  for (Index at = 0; at < n; at += network.batch()) {
    if (watch.stopped()) return {};
    const Seen seen =
        network.look(rows(at, std::min(at + network.batch(), n)), info, wanted.logits);
    set.device = seen.features.device();
    if (wanted.moments) sum.add(seen.features);
    if (wanted.rows) features.push_back(seen.features);
    if (wanted.logits) logits.push_back(seen.logits);
    watch.done(double(std::min(at + network.batch(), n)) / double(n));
  }
  if (wanted.moments) set.moments = sum.moments();
  if (wanted.rows) set.rows = ops::concat(features, 0);
  if (wanted.logits) set.logits = ops::concat(logits, 0);
  return set;
}

std::optional<FeatureSet> cached_features(const FeatureNetwork& network, const data::DataSet& data,
                                          const data::Split& split, Index n, std::uint64_t seed,
                                          const Wanted& wanted, const std::string& cache,
                                          const Watch& watch) {
  const std::string where = "features of data";
  const StatisticsCache files(cache);
  // What a split is drawn from at measuring, and which of the set's it is, besides its values.
  const bool dynamic = data.binarize == data::Binarize::dynamic;
  const std::string key = StatisticsCache::key(
      {data.fingerprint,
       &split == &data.train   ? "train"
       : &split == &data.valid ? "valid"
                               : "test",
       concat(split.size()), concat(n), dynamic ? concat(seed) : "", network.label(),
       network.weights(), network.pipeline(), concat(network.feature_count())});
  const bool use = !cache.empty() && wanted.moments && !wanted.rows && !wanted.logits;
  if (use)
    if (std::optional<Moments> m = files.find(key))
      return FeatureSet{where, n, std::move(*m), {}, {}};
  std::optional<FeatureSet> set = look_at(
      network, info_of(data), n,
      [&](Index first, Index last) { return rows(data, split, first, last, seed); }, wanted, where,
      watch);
  if (use && set) files.store(key, set->moments);
  return set;
}

FeatureSet read_features(const std::string& path, const Wanted& wanted) {
  FeatureSet set{path, 0, {}, {}, {}};
  if (path.ends_with(".npz")) {
    const io::NamedArrays arrays = io::read_npz(path);
    if (arrays.count("mu") || arrays.count("sigma")) {
      set.moments = read_statistics(path);
      set.count = set.moments.count;
      return set;
    }
    if (arrays.size() != 1)
      io::fail(path, {"the file holds no features", "mu and sigma, or one array [n, features]",
                      concat(arrays.size(), " arrays")});
    set.rows = rows_of(arrays.begin()->second, path);
  } else {
    set.rows = rows_of(io::read_npy(path), path);
  }
  set.count = set.rows.size(0);
  if (wanted.moments) set.moments = moments_of(set.rows, path);
  return set;
}

std::optional<FeatureFigures> feature_figures(const std::vector<std::string>& metrics,
                                              const FeatureSet& samples,
                                              const FeatureSet& reference, Index kid_subset,
                                              const Watch& watch) {
  const auto features = [](const FeatureSet& s) {
    return s.rows.defined()           ? s.rows.size(1)
           : s.moments.mean.defined() ? s.moments.mean.size(0)
                                      : Index(0);
  };
  if (const Index a = features(samples), b = features(reference); a && b && a != b)
    throw Error(ErrorKind::data,
                {"the numbers of features differ", samples.where,
                 concat(b, " as in ", reference.where), concat(a), "take both from one network"});
  FeatureFigures result;
  training::Figures& f = result.figures;
  if (has(metrics, "fd")) {
    const Frechet d =
        frechet_distance(reference.moments, samples.moments, {.device = samples.device});
    f.emplace_back("fd", d.distance);
    result.method = d.method;
  }
  if (has(metrics, "kid")) {
    const auto k = kid(rows_for(samples, "kid"), rows_for(reference, "kid"),
                       {.subset_size = kid_subset, .watch = watch});
    if (!k) return {};
    f.emplace_back("kid", k->mean);
    f.emplace_back("kid_std", k->std);
  }
  if (has(metrics, "is")) {
    const auto s = inception_score(
        needed(samples.logits, samples, "is", "a network's logits", "measure images or a run"),
        {.watch = watch});
    if (!s) return {};
    f.emplace_back("is", s->mean);
    f.emplace_back("is_std", s->std);
  }
  if (has_manifold(metrics)) {
    const auto m = manifold(rows_for(reference, "precision"), rows_for(samples, "precision"),
                            clovaai_manifold(watch));
    if (!m) return {};
    for (const auto& [name, value] : {std::pair{"precision", m->precision},
                                      {"recall", m->recall},
                                      {"density", m->density},
                                      {"coverage", m->coverage}})
      if (has(metrics, name)) f.emplace_back(name, value);
  }
  return result;
}

}  // namespace imago::models
