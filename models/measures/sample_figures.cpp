#include "models/measures/sample_figures.h"

#include <algorithm>

#include "engine/data/generated.h"
#include "engine/ops/ops.h"
#include "models/measures/feature_figures.h"
#include "models/measures/judge.h"
#include "models/measures/modes.h"
#include "models/measures/statistics.h"

namespace imago::models {

namespace {

constexpr Index chunk_rows = 1000;

std::vector<std::string> sample_metrics(const GenerativeTask& task) {
  if (!task.generates()) return {};
  std::vector<std::string> names = feature_metrics();
  if (const Choices c = task.choices(); c.count > 0)
    names.push_back(c.codes ? "purity" : "label_accuracy");
  return names;
}

// A picture's samples as a judge sees them.
Tensor flat(const Picture& p) {
  return ops::reshape(p.x, Shape{p.x.size(0), p.x.numel() / p.x.size(0)});
}

struct Stopped {};
class Measure {
 public:
  Measure(GenerativeTask& task, const data::DataSet& data, const data::Split& split,
          const MeasureOptions& o)
      : task_(task), data_(data), split_(split), o_(o) {
    if (o.judge) o.judge->check(info_of(data));
    if (network()) network()->check(info_of(data));
  }

  double figure(const std::string& metric) {
    if (!o_.judge && !has_means())
      throw Error(ErrorKind::usage, {"the metric needs a judge", concat("metric '", metric, "'"),
                                     "a run of `imago train classifier` on these data", "none",
                                     "give it with --judge RUN, in training with judge=RUN"});
    return metric == "purity" ? purity() : label_accuracy();
  }
  const FeatureNetwork* network() const {
    return o_.network ? o_.network.get() : static_cast<const FeatureNetwork*>(o_.judge.get());
  }
  training::Figures figures_of_features(const std::vector<std::string>& metrics) {
    if (!network())
      throw Error(ErrorKind::usage,
                  {"the metric needs a network", concat("metric '", metrics[0], "'"),
                   "a run of `imago train classifier` on these data, or weights of Inception",
                   "none", "give --judge RUN or --weights FILE, in training judge=RUN"});
    const Watch watch{o_.progress, o_.stop};
    const FeatureSet reference = reference_of(wanted_of_reference(metrics, o_.features), watch);
    const Tensor x = flat(task_.sample({.n = o_.drawn, .seed = o_.seed, .watch = watch}));
    go_on();
    const auto samples = look_at(
        *network(), info_of(data_), o_.drawn,
        [&](Index first, Index last) { return ops::slice(x, 0, first, last); },
        wanted_of_samples(metrics, o_.features), "features of samples", watch);
    if (!samples) throw Stopped{};
    const auto all = feature_figures(metrics, *samples, reference, o_.features, watch);
    if (!all) throw Stopped{};
    if (o_.note && !all->method.empty()) o_.note("method", all->method);
    if (o_.note)
      for (const auto& [key, text] : all->notes) o_.note(key, text);
    if (o_.note && !o_.reference.empty() && reference.count)
      o_.note("reference_n", concat(reference.count));
    return all->figures;
  }
  bool has_means() const { return !data::mixture(data_.name).means.empty(); }

 private:
  void go_on() const {
    if (o_.stop && o_.stop()) throw Stopped{};
  }

  FeatureSet reference_of(const Wanted& wanted, const Watch& watch) const {
    if (!o_.reference.empty()) return read_features(o_.reference, wanted);
    if (!split_)
      throw Error(ErrorKind::data, {"the split is empty", data_.name, "samples", "none"});
    const Index n = o_.limit > 0 ? std::min(o_.limit, split_.size()) : split_.size();
    std::optional<FeatureSet> set =
        cached_features(*network(), data_, split_, n, o_.seed, wanted, o_.cache, watch);
    if (!set) throw Stopped{};
    return std::move(*set);
  }

  // counts[l]: samples of choice k that are of class l.
  std::vector<Index> classes_of(Index k) {
    const Choices choices = task_.choices();
    const Index n = std::max<Index>(1, o_.drawn / choices.count);
    const Tensor x =
        flat(task_.sample({.n = n, .seed = o_.seed, .label = k, .watch = {o_.progress, o_.stop}}));
    std::vector<Index> counts;
    for (Index at = 0; at < n; at += chunk_rows) {
      go_on();
      const Tensor some = ops::slice(x, 0, at, std::min(at + chunk_rows, n));
      for (const std::int64_t l :
           (o_.judge ? o_.judge->classify(some) : nearest_modes(some, data_.name))
               .to_vector<std::int64_t>()) {
        counts.resize(std::max(counts.size(), std::size_t(l) + 1));
        counts[std::size_t(l)]++;
      }
    }
    counts.resize(std::max(counts.size(), std::size_t(k) + 1));
    return counts;
  }

  double label_accuracy() {
    const Index count = task_.choices().count,
                known = o_.judge ? o_.judge->classes()
                                 : Index(data::mixture(data_.name).means.size() / 2);
    if (known != count)
      throw Error(ErrorKind::usage,
                  {"the labels are not those of the model", "metric 'label_accuracy'",
                   concat(count, " classes"), concat(known), "give the judge of the model's data"});
    double right = 0;
    for (Index k = 0; k < count; k++) {
      const std::vector<Index> of = classes_of(k);
      Index all = 0;
      for (const Index n : of) all += n;
      right += double(of[std::size_t(k)]) / double(all);
    }
    return right / double(count);
  }

  double purity() {
    const Index count = task_.choices().count;
    double most = 0;
    for (Index k = 0; k < count; k++) {
      const std::vector<Index> of = classes_of(k);
      Index all = 0;
      for (const Index n : of) all += n;
      most += double(*std::max_element(of.begin(), of.end())) / double(all);
    }
    return most / double(count);
  }

  GenerativeTask& task_;
  const data::DataSet& data_;
  const data::Split& split_;
  const MeasureOptions& o_;
};

}  // namespace

std::vector<std::string> all_metrics(const GenerativeTask& task) {
  std::vector<std::string> names = task.metric_names();
  for (std::string& m : sample_metrics(task)) names.push_back(std::move(m));
  return names;
}

training::Figures all_figures(GenerativeTask& task, const data::DataSet& data,
                              const data::Split& split, const MeasureOptions& o) {
  checked_metrics(o.metrics, {}, all_metrics(task));
  Measure measure(task, data, split, o);
  std::vector<std::string> of_samples = sample_metrics(task);
  MeasureOptions own = o;
  if (o.metrics.empty()) {
    std::erase_if(of_samples, [&](const std::string& m) {
      return m != o.also &&
             (m == "fd" ? !measure.network()
                        : is_feature_metric(m) || (!o.judge && !measure.has_means()));
    });
  } else {
    const auto is_own = [&](const std::string& m) {
      return std::find(of_samples.begin(), of_samples.end(), m) == of_samples.end();
    };
    std::erase_if(of_samples, [&](const std::string& m) {
      return std::find(o.metrics.begin(), o.metrics.end(), m) == o.metrics.end();
    });
    std::erase_if(own.metrics, [&](const std::string& m) { return !is_own(m); });
  }
  training::Figures figures;
  if (o.metrics.empty() || !own.metrics.empty()) {
    figures = task.measure(data, split, own);
    if (o.stop && o.stop()) return {};
    const auto known = task.metric_names();
    if (!o.also.empty() && !training::has_figure(figures, o.also) &&
        std::find(known.begin(), known.end(), o.also) != known.end()) {
      own.metrics = {o.also};
      for (auto& f : task.measure(data, split, own)) figures.push_back(std::move(f));
    }
  }
  try {
    std::vector<std::string> of_features;
    std::copy_if(of_samples.begin(), of_samples.end(), std::back_inserter(of_features),
                 is_feature_metric);
    if (!of_features.empty())
      for (auto& f : measure.figures_of_features(of_features)) figures.push_back(std::move(f));
    for (const std::string& m : of_samples)
      if (!is_feature_metric(m)) figures.emplace_back(m, measure.figure(m));
  } catch (const Stopped&) {
    return {};
  }
  return figures;
}

}  // namespace imago::models
