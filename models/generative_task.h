// A model as a run sees it: a training task that can also be drawn from, measured and described.
// Each family of models has one; each preset a function that makes it from a configuration.
#pragma once
#include <functional>
#include <memory>

#include "engine/data/data_set.h"
#include "engine/nn/init.h"
#include "engine/train/trainer.h"
#include "models/measures/feature_options.h"
#include "models/measures/watch.h"
#include "models/pictures.h"

namespace imago::models {

class Judge;           // models/measures/judge.h
class FeatureNetwork;  // models/measures/feature_network.h

// Where each kind of draw begins in the stream of a seed, in blocks, so that none meets another.
constexpr std::uint64_t initial_draws = std::uint64_t(1) << 60,
                        binarizing_draws = std::uint64_t(2) << 60,
                        evaluation_draws = std::uint64_t(3) << 60,
                        importance_draws = std::uint64_t(4) << 60,
                        sampling_draws = std::uint64_t(5) << 60,
                        annealing_draws = std::uint64_t(6) << 60;

// What a model has to know of its data. Goes into checkpoints.
struct DataInfo {
  Shape sample_shape;  // [h, w, c] or [features]
  data::Kind kind = data::Kind::image;
  int levels = 0;         // of the values: 256, 2, or 0 for continuous
  Index classes = 0;      // 0: without labels
  std::string name = {};  // of the set: "grid25"
};
DataInfo info_of(const data::DataSet&);
std::string density_of(const DataInfo&);  // NAME of density:NAME; empty for samples

struct SampleOptions {
  Index n = 64;
  std::uint64_t seed = 0;
  double temperature = 1;  // standard deviation of z
  Index label = -1;        // of a conditional model; -1: each class in turn
  Watch watch = {};        // stopped: only some samples come back
};
struct TraverseOptions {
  Index rows = 0;          // dimensions of the code, from the first; 0: 10, or all
  Index columns = 9;       // values of each
  double range = 3;        // from -range to range
  Index around = -1;       // the test sample whose code is varied; -1: one of the prior
  std::uint64_t seed = 0;  // of that one, where it is drawn
};
struct MeasureOptions {
  std::vector<std::string> metrics = {};  // of metric_names(); empty: what training reports
  std::string also = {};                  // one besides those
  std::uint64_t seed = 0;
  Index samples = 1000;                     // K of nll
  Index chains = 16, temperatures = 1000;   // of ais
  Index drawn = 10000;                      // samples that are drawn to be measured
  std::shared_ptr<const Judge> judge = {};  // null: what needs one cannot be measured
  // What features are of; null: of the judge.
  std::shared_ptr<const FeatureNetwork> network = {};
  std::string reference = {};  // a file of features to compare with instead of the split's
  std::string cache = {};      // a folder of moments of splits; empty: none
  FeatureOptions features = {};
  // Told how a figure came about: note("method", "cholesky").
  std::function<void(const std::string& key, const std::string& text)> note = {};
  Index limit = 0;                            // first so many samples; 0: all
  std::function<void(double)> progress = {};  // share done, 0 to 1
  std::function<bool()> stop = {};            // true: give up, no figures
};

// What samples can be asked for by number: classes of the data, or codes that training found.
struct Choices {
  Index count = 0;
  bool codes = false;
};

class GenerativeTask : public training::Task {
 public:
  // Networks and parameter counts, a line each.
  virtual std::string describe() const = 0;
  virtual bool generates() const { return false; }  // whether sample() works
  virtual Choices choices() const { return {}; }    // what label of SampleOptions may be
  // What cannot be done with a model is an Error (usage) that says so.
  virtual Picture sample(const SampleOptions&);
  // n of a split and what the model makes of them, in turn: x0, x0', x1, x1', ...
  virtual Picture reconstruct(const data::DataSet&, const data::Split&, Index n);
  // Each row leads from one sample to the next in equal steps of the code.
  virtual Picture interpolate(const data::DataSet&, const data::Split&, Index rows, Index columns);
  // Each row varies one dimension of a code and leaves the others as they are.
  virtual Picture traverse(const TraverseOptions&, const data::DataSet&, const data::Split&);
  virtual std::vector<std::string> metric_names() const = 0;
  virtual training::Figures measure(const data::DataSet&, const data::Split&,
                                    const MeasureOptions&) = 0;
  // What training reports: these, and what models/measures/sample_figures.h adds.
  training::Figures evaluate(const data::DataSet& data, const data::Split& split) override;
  // Of the figure set_best() names, or of the first of scored_by() that there is; the smaller the
  // better where that is so.
  std::optional<double> score(const training::Figures&) const final;
  std::string units(const training::Figures&) const final;
  void set_judge(std::shared_ptr<const Judge> judge) { judge_ = std::move(judge); }
  // After set_judge. Error (usage) naming the metrics that can choose, and what is missing of it.
  void set_best(const std::string& metric);

 protected:
  explicit GenerativeTask(std::uint64_t seed) : seed_(seed) {}
  virtual std::vector<std::string> scored_by() const { return {}; }
  std::uint64_t seed_;
  std::shared_ptr<const Judge> judge_;

 private:
  std::string chosen(const training::Figures&) const;  // the figure's name, or nothing
  std::string best_;
};

// Rows [first, last) of a split as the network sees them, [n, D]; dynamic binarisation draws from
// the seed, and alike for every first that is a multiple of 4.
Tensor rows(const data::DataSet& data, const data::Split& split, Index first, Index last,
            std::uint64_t seed);
// x [n, D] as samples of this shape, on the cpu.
Picture picture(const Tensor& x, const Shape& sample_shape, int columns);
// The codes of a traversal, row by row, [rows * columns, d], of centre [1, d]. Error (usage).
Tensor traversal(const Tensor& centre, const TraverseOptions&);
// n, when the split has so many. Error (usage).
Index checked_count(const data::DataSet& data, const data::Split& split, Index n);
// wanted, or what `usual` says when it is empty. Error (usage) naming what is known.
std::vector<std::string> checked_metrics(const std::vector<std::string>& wanted,
                                         const std::vector<std::string>& usual,
                                         const std::vector<std::string>& known);

}  // namespace imago::models
