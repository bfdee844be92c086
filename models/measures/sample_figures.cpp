#include "models/measures/sample_figures.h"

#include <algorithm>

#include "engine/data/generated.h"
#include "engine/ops/ops.h"
#include "models/measures/frechet.h"
#include "models/measures/judge.h"
#include "models/measures/modes.h"

namespace imago::models {

namespace {

constexpr Index chunk_rows = 1000;

std::vector<std::string> sample_metrics(const GenerativeTask& task) {
  if (!task.generates()) return {};
  std::vector<std::string> names{"fd"};
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
  }

  double figure(const std::string& metric) {
    if (!o_.judge && (metric == "fd" || !has_means()))
      throw Error(ErrorKind::usage, {"the metric needs a judge", concat("metric '", metric, "'"),
                                     "a run of `imago train classifier` on these data", "none",
                                     "give it with --judge RUN, in training with judge=RUN"});
    return metric == "fd" ? distance() : metric == "purity" ? purity() : label_accuracy();
  }
  bool has_means() const { return !data::mixture(data_.name).means.empty(); }

 private:
  void go_on() const {
    if (o_.stop && o_.stop()) throw Stopped{};
  }

  double distance() {
    if (!split_)
      throw Error(ErrorKind::data, {"the split is empty", data_.name, "samples", "none"});
    MomentSum real(o_.judge->feature_count(), "features of data"),
        fake(o_.judge->feature_count(), "features of samples");
    const Index n = o_.limit > 0 ? std::min(o_.limit, split_.size()) : split_.size();
    for (Index at = 0; at < n; at += chunk_rows) {
      go_on();
      real.add(o_.judge->features(rows(data_, split_, at, std::min(at + chunk_rows, n), o_.seed)));
    }
    const Tensor x = flat(task_.sample({.n = o_.drawn, .seed = o_.seed}));
    for (Index at = 0; at < o_.drawn; at += chunk_rows) {
      go_on();
      fake.add(o_.judge->features(ops::slice(x, 0, at, std::min(at + chunk_rows, o_.drawn))));
    }
    return frechet_distance(real.moments(), fake.moments()).distance;
  }

  // counts[l]: samples of choice k that are of class l.
  std::vector<Index> classes_of(Index k) {
    const Choices choices = task_.choices();
    const Index n = std::max<Index>(1, o_.drawn / choices.count);
    const Tensor x = flat(task_.sample({.n = n, .seed = o_.seed, .label = k}));
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
      return !o.judge && (m == "fd" || !measure.has_means());
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
  }
  try {
    for (const std::string& m : of_samples) figures.emplace_back(m, measure.figure(m));
  } catch (const Stopped&) {
    return {};
  }
  return figures;
}

}  // namespace imago::models
