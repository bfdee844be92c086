// imago evaluate IMAGES and --features FILE: figures of samples that another program made.
#include <algorithm>
#include <iostream>

#include "engine/io/file.h"
#include "engine/ops/ops.h"
#include "models/measures/feature_figures.h"
#include "tools/imago/evaluate.h"

namespace imago::tool {
namespace {

using models::FeatureSet;

[[noreturn]] void refuse(const std::string& what, const std::string& where,
                         const std::string& expected, const std::string& received,
                         const std::string& remedy) {
  throw Error(ErrorKind::usage, {what, where, expected, received, remedy});
}

// Of the run, and not of samples alone.
void refuse_others(const EvaluateCommand& o) {
  for (const std::string& m : o.metrics)
    for (const std::string& name : plain_metrics({m}))
      if (!models::is_feature_metric(name)) {
        std::string known;
        for (const std::string& k : models::feature_metrics()) known += k + ", ";
        refuse("unknown metric of samples", "--metrics", "fid, prdc, " + known + "no other", m,
               "others are measured of a run");
      }
}

// All splits of a set, one after the other.
class Images {
 public:
  Images(const std::string& name, const EvaluateCommand& o)
      : set_(data::load(name, {.test = 0,
                               .resize = data::resize_from(o.resize),
                               .device = device_from(o.run.device)})) {}
  const data::DataSet& set() const { return set_; }
  Index size() const { return set_.train.size() + set_.valid.size() + set_.test.size(); }
  std::optional<FeatureSet> look(const models::FeatureNetwork& network,
                                 const models::Wanted& wanted, Index n,
                                 const models::Watch& watch) const {
    return models::look_at(
        network, models::info_of(set_), n,
        [&](Index first, Index last) { return rows(first, last); }, wanted, set_.name, watch);
  }

 private:
  Tensor rows(Index first, Index last) const {
    std::vector<Tensor> parts;
    Index before = 0;
    for (const data::Split* s : {&set_.train, &set_.valid, &set_.test}) {
      const Index from = std::max<Index>(first - before, 0),
                  to = std::min(last - before, s->size());
      if (from < to) parts.push_back(models::rows(set_, *s, from, to, 0));
      before += s->size();
    }
    return parts.size() == 1 ? parts[0] : ops::concat(parts, 0);
  }
  data::DataSet set_;
};

struct Interrupted {};
template <class T>
T kept(std::optional<T> value) {
  if (!value) throw Interrupted{};
  return std::move(*value);
}

struct Measured {
  models::FeatureFigures all;
  Index n = 0, reference_n = 0, features = 0;
};

Measured measured(const EvaluateCommand& o, const std::vector<std::string>& metrics,
                  const models::FeatureNetwork* network, const models::Watch& watch) {
  const models::Wanted of_samples = models::wanted_of_samples(metrics, o.of_features()),
                       of_reference = models::wanted_of_reference(metrics, o.of_features());
  const bool compares = of_reference.moments || of_reference.rows;
  if (compares && o.reference.empty() && o.data.empty())
    refuse("nothing to compare with", "imago evaluate", "--reference FILE or --data NAME|PATH",
           "neither", "give features or statistics, or images of which a network makes them");
  FeatureSet samples, reference;
  if (!o.features.empty()) {
    if (compares && o.reference.empty())
      refuse("features compare with features", "--features", "--reference FILE", "--data " + o.data,
             "give the reference's features or statistics");
    samples = models::read_features(o.features, of_samples);
    samples.device = device_from(o.run.device);
  } else {
    if (!network)
      refuse("images are measured by a network", "imago evaluate",
             "--judge RUN or --weights FILE of Inception", "neither",
             concat("train a judge with `imago train classifier --data ",
                    o.data.empty() ? "DATA" : o.data, "`"));
    const Images images(o.run.run, o);
    const Index n = o.limit ? std::min<Index>(o.limit, images.size()) : images.size();
    network->check(models::info_of(images.set()));
    samples = kept(images.look(*network, of_samples, n, watch));
  }
  if (compares && !o.reference.empty()) {
    reference = models::read_features(o.reference, of_reference);
  } else if (compares && o.split == "all") {
    const Images images(o.data, o);
    const Index n = o.limit ? std::min<Index>(o.limit, images.size()) : images.size();
    reference = kept(images.look(*network, of_reference, n, watch));
  } else if (compares) {
    const data::DataSet set = data::load(
        o.data, {.resize = data::resize_from(o.resize), .device = device_from(o.run.device)});
    const data::Split& split = o.split == "train"   ? set.train
                               : o.split == "valid" ? set.valid
                                                    : set.test;
    if (!split) throw Error(ErrorKind::data, {"the split is empty", set.name, "samples", "none"});
    const Index n = o.limit ? std::min<Index>(o.limit, split.size()) : split.size();
    reference = kept(models::cached_features(*network, set, split, n, std::uint64_t(o.seed),
                                             of_reference, o.cache, watch));
  }
  return {kept(models::feature_figures(metrics, samples, reference, o.of_features(), watch)),
          samples.count, reference.count, models::feature_count(samples)};
}

}  // namespace

bool is_of_samples_alone(const EvaluateCommand& o) {
  if (!o.features.empty()) return true;
  const std::string& path = o.run.run;
  if (path.ends_with(".npy") || path.ends_with(".npz")) return true;
  return io::is_directory(path) && !io::exists(path + "/config.json") &&
         (!o.weights.empty() || !o.judge.empty() || !o.reference.empty() || !o.data.empty());
}

int evaluate_samples(const EvaluateCommand& o) {
  if (!o.features.empty() && !o.run.run.empty())
    refuse("features are measured by themselves", "--features", "no other samples", o.run.run,
           "leave one of the two out");
  if (o.split != "train" && o.split != "valid" && o.split != "test" && o.split != "all")
    refuse("unknown split", "--split", "train, valid, test or all", o.split, {});
  refuse_others(o);
  const std::vector<std::string> metrics =
      o.metrics.empty() ? std::vector<std::string>{"fd"} : plain_metrics(o.metrics);
  const auto network = o.features.empty() ? network_of(o) : nullptr;
  Progress progress;
  Measured m;
  try {
    m = measured(o, metrics, network.get(), {progress.hook(), [] { return caught_signal() != 0; }});
  } catch (const Interrupted&) {
    progress.clear();
    return 128 + caught_signal();
  }
  progress.clear();
  const bool compares = m.reference_n || !m.all.method.empty();
  if (o.json) {
    nlohmann::ordered_json object = json_of(o, m.all.figures);
    if (!m.all.method.empty()) object["method"] = m.all.method;
    if (network)
      add_network(object, *network);
    else
      object["label"] = "FD-features", object["features"] = m.features;
    add_details(object, o, m.all.figures, m.all.notes);
    object["n"] = m.n;
    if (m.reference_n) object["reference_n"] = m.reference_n;
    if (compares) object["reference"] = o.reference.empty() ? o.data : o.reference;
    if (compares && o.reference.empty()) object["split"] = o.split;
    std::cout << object.dump() << "\n";
    return 0;
  }
  std::cout << (o.features.empty() ? o.run.run : o.features) << ", " << m.n << " samples";
  if (compares)
    std::cout << ", against " << (o.reference.empty() ? o.data + " " + o.split : o.reference)
              << (m.reference_n ? concat(", ", m.reference_n) : "");
  std::cout << "\n";
  for (const auto& [name, value] : m.all.figures)
    std::printf("%-14s %s\n", name.c_str(), figure(value).c_str());
  std::printf("%-14s %s%s\n", "features",
              network ? network_line(*network).c_str()
                      : concat("FD-features, ", m.features, " features of a file").c_str(),
              details(o, m.all.figures, m.all.method, m.all.notes).c_str());
  return 0;
}

}  // namespace imago::tool
