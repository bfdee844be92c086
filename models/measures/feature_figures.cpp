#include "models/measures/feature_figures.h"

#include <algorithm>
#include <cmath>

#include "engine/io/file.h"
#include "engine/io/npy.h"
#include "engine/ops/ops.h"
#include "models/generative_task.h"
#include "models/measures/frechet.h"
#include "models/measures/inception_score.h"
#include "models/measures/kid.h"
#include "models/measures/manifold.h"
#include "models/measures/mmd.h"
#include "models/measures/statistics.h"
#include "models/measures/transport.h"

namespace imago::models {
namespace {

bool has(const std::vector<std::string>& metrics, const std::string& name) {
  return std::find(metrics.begin(), metrics.end(), name) != metrics.end();
}
bool has_manifold(const std::vector<std::string>& metrics) {
  return has(metrics, "precision") || has(metrics, "recall") || has(metrics, "density") ||
         has(metrics, "coverage");
}

Moments moments_of(const Tensor& rows, const std::string& where, const MomentOptions& options) {
  MomentSum sum(rows.size(1), where, options);
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
  static const std::vector<std::string> names{"fd",      "kid",      "is",  "precision", "recall",
                                              "density", "coverage", "mmd", "sinkhorn",  "sliced"};
  return names;
}
bool is_feature_metric(const std::string& name) { return has(feature_metrics(), name); }
Index rows_needed(const std::string& metric) {
  if (metric == "kid") return KidOptions{}.subset_size;
  if (metric == "fd" || metric == "mmd") return 2;
  if (metric == "sinkhorn" || metric == "sliced") return 1;
  return has_manifold({metric}) ? ManifoldOptions{}.k + 1 : 0;
}

Wanted wanted_of_samples(const std::vector<std::string>& metrics, const FeatureOptions& options) {
  Wanted w = wanted_of_reference(metrics, options);
  w.logits = has(metrics, "is");
  return w;
}
Wanted wanted_of_reference(const std::vector<std::string>& metrics, const FeatureOptions& options) {
  Wanted w{.moments = has(metrics, "fd"), .of_moments = frechet_tool(options.frechet).moments};
  for (const std::string& m : metrics) w.rows |= is_feature_metric(m) && m != "fd" && m != "is";
  return w;
}

std::optional<FeatureSet> look_at(const FeatureNetwork& network, const DataInfo& info, Index n,
                                  const std::function<Tensor(Index, Index)>& rows,
                                  const Wanted& wanted, const std::string& where,
                                  const Watch& watch) {
  FeatureSet set{where, n, {}, {}, {}};
  if (!wanted.moments && !wanted.rows && !wanted.logits) return set;
  network.check(info);
  MomentSum sum(network.feature_count(), where, wanted.of_moments);
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
  const std::string where = "features of " + data.name;
  const StatisticsCache files(cache);
  // What a split is drawn from at measuring, and which of the set's it is, besides its values.
  const bool dynamic = data.binarize == data::Binarize::dynamic;
  const std::string key = StatisticsCache::key(
      {data.fingerprint,
       &split == &data.train   ? "train"
       : &split == &data.valid ? "valid"
                               : "test",
       concat(split.size()), concat(n), dynamic ? concat(seed) : "", network.label(),
       network.weights(), network.pipeline(), concat(network.feature_count()),
       concat("ddof ", wanted.of_moments.ddof),
       wanted.of_moments.float32_mean ? "float32 mean" : ""});
  const bool use = !cache.empty() && wanted.moments && !wanted.rows && !wanted.logits;
  if (use)
    if (std::optional<Moments> m = files.find(key)) {
      const std::string file = files.path(key);
      if (m->mean.size(0) != network.feature_count() || m->count != n)
        io::fail(file, {"not the statistics that were kept here",
                        concat(network.feature_count(), " features of ", n, " samples"),
                        concat(m->mean.size(0), " features of ", m->count), "delete the file"});
      return FeatureSet{file, n, std::move(*m), {}, {}};
    }
  if (use) files.prepare();
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
  if (wanted.moments) set.moments = moments_of(set.rows, path, wanted.of_moments);
  return set;
}

Index feature_count(const FeatureSet& s) {
  return s.rows.defined()           ? s.rows.size(1)
         : s.moments.mean.defined() ? s.moments.mean.size(0)
                                    : Index(0);
}

std::optional<FeatureFigures> feature_figures(const std::vector<std::string>& metrics,
                                              const FeatureSet& samples,
                                              const FeatureSet& reference,
                                              const FeatureOptions& options, const Watch& watch) {
  if (const Index a = feature_count(samples), b = feature_count(reference); a && b && a != b)
    throw Error(ErrorKind::data,
                {"the numbers of features differ", samples.where,
                 concat(b, " as in ", reference.where), concat(a), "take both from one network"});
  FeatureFigures result;
  training::Figures& f = result.figures;
  if (has(metrics, "fd")) {
    FrechetOptions how = frechet_tool(options.frechet).distance;
    how.where = samples.where;
    how.device = samples.device;
    const Frechet d = frechet_distance(reference.moments, samples.moments, how);
    f.emplace_back("fd", d.distance);
    result.method =
        how.trace == TraceRoot::products ? concat(d.method, ", residual ", d.residual) : d.method;
  }
  if (has(metrics, "kid")) {
    const auto k = kid(rows_for(samples, "kid"), rows_for(reference, "kid"),
                       {.subset_size = options.kid_subset,
                        .watch = watch,
                        .first = samples.where,
                        .second = reference.where});
    if (!k) return {};
    f.emplace_back("kid", k->mean);
    f.emplace_back("kid_std", k->std);
  }
  if (has(metrics, "is")) {
    const auto s = inception_score(
        needed(samples.logits, samples, "is", "a network's logits", "measure images or a run"),
        {.splits = options.splits, .watch = watch, .where = samples.where});
    if (!s) return {};
    f.emplace_back("is", s->mean);
    f.emplace_back("is_std", s->std);
  }
  if (has_manifold(metrics)) {
    ManifoldOptions o = clovaai_manifold(watch);
    o.real = reference.where;
    o.fake = samples.where;
    const auto m = manifold(rows_for(reference, "precision"), rows_for(samples, "precision"), o);
    if (!m) return {};
    for (const auto& [name, value] : {std::pair{"precision", m->precision},
                                      {"recall", m->recall},
                                      {"density", m->density},
                                      {"coverage", m->coverage}})
      if (has(metrics, name)) f.emplace_back(name, value);
    result.notes.emplace_back("near_ties", concat(m->near_ties));
  }
  if (has(metrics, "mmd")) {
    const auto m = mmd(rows_for(samples, "mmd"), rows_for(reference, "mmd"), {.watch = watch});
    if (!m) return {};
    f.emplace_back("mmd", m->squared);
    result.notes.emplace_back("mmd_median", concat(m->widths[2]));
  }
  if (has(metrics, "sinkhorn")) {
    const auto s =
        sinkhorn(rows_for(samples, "sinkhorn"), rows_for(reference, "sinkhorn"), {.watch = watch});
    if (!s) return {};
    f.emplace_back("sinkhorn", s->distance);
    result.notes.emplace_back("sinkhorn_epsilon", concat(s->epsilon));
    result.notes.emplace_back("sinkhorn_error", concat(s->error));
  }
  if (has(metrics, "sliced")) {
    const auto s = sliced_wasserstein(rows_for(samples, "sliced"), rows_for(reference, "sliced"),
                                      {.watch = watch});
    if (!s) return {};
    f.emplace_back("sliced", s->distance);
    result.notes.emplace_back("sliced_error", concat(s->error));
  }
  return result;
}

}  // namespace imago::models
