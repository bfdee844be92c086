// A run from the outside: resolve a configuration, train it, open what was trained. This is what
// the programs call. Not here: printing, and the objectives, which are models/latent_variable.h.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/data/data_set.h"
#include "engine/train/metrics.h"
#include "engine/train/options.h"
#include "engine/train/trainer.h"
#include "models/generative_task.h"

namespace imago::models {

using training::Config;
using training::Figures;
using training::MetricsLine;

// What the user asked for. Everything that has a key in the configuration goes through settings:
// data, data_dir, device, seed, epochs, steps, batch, eval_every, sample_every and all that
// `describe` lists.
struct TrainRequest {
  std::string
      source;  // a preset's name, or the path of a configuration (ends in .json, or holds a slash)
  training::Settings settings;  // in order; the last one wins
  std::string out;              // empty: runs/PRESET-DATA-sSEED
  bool resume = false, overwrite = false;
};
// The configuration a request comes to, with every value checked and the data set opened; no file
// is written. With resume the options of the existing run come first, and a setting that would
// change its model or training is an Error (usage).
struct Resolved {
  std::string preset, out;
  Config config;
  std::string json() const;  // the whole of config.json; feeds back as a configuration
};
Resolved resolve(const TrainRequest&);
// Where the classifier that judges samples of such data lies when it was trained by its recipe,
// `imago train classifier --data DATA`; empty where there is none.
std::string recipe_judge(const std::string& data);

using training::Hooks, training::Outcome, training::Status;  // engine/train/trainer.h
// Trains in the run directory. Errors: usage, data, device, diverged (names term and step; the last
// good checkpoint stays).
Outcome train(const TrainRequest&, const Hooks& = {});

struct InterpolateOptions {
  int rows = 8, columns = 10;  // pairs of test images; steps between the two, ends included
};
struct EvaluateOptions {
  MeasureOptions measure = {};
  std::string data = {};    // a name or path as of --data; empty: what the run was trained on
  std::string resize = {};  // as of --resize; empty: the run's own, where the data are a folder
  std::string split = "test";
};

// The configuration of the run in a directory, trained or not. Error (data) where there is none.
Config read_config(const std::string& directory);

// A trained run, read from its directory. No file of it is changed.
class Run {
 public:
  // checkpoint: "best" (last when there is none), "last", or a safetensors file: a checkpoint, or
  // the weights alone under the same names. Error (data) when the run or file is not usable.
  static Run open(const std::string& directory, const std::string& device = "auto",
                  const std::string& checkpoint = "best");
  ~Run();
  Run(Run&&) noexcept;

  const std::string& preset() const;
  const Config& config() const;
  Index step() const;
  GenerativeTask& task() const;       // in evaluation mode
  const Shape& sample_shape() const;  // [28, 28], [2]
  std::string networks() const;       // layers and parameter counts, a line each

  // Draws from the model. Error (usage) where the preset cannot sample.
  Picture sample(const SampleOptions& = {}) const;
  // n of a split and what the model makes of them, in turn: x0, x0', x1, x1', ...
  Picture reconstruct(Index n, const std::string& split = "test") const;
  Picture interpolate(const InterpolateOptions& = {}) const;
  Picture traverse(const TraverseOptions& = {}) const;  // around is of the test split
  // Names of metrics evaluate knows for this preset.
  std::vector<std::string> metric_names() const;
  Figures evaluate(const EvaluateOptions&) const;
  // The data set the run was trained on, or another one with `name`; opened once. resize is that
  // of EvaluateOptions.
  const data::DataSet& data(const std::string& name = {}, const std::string& resize = {}) const;
  // train, valid (may be empty) or test of it.
  const data::Split& split(const std::string& name, const std::string& data = {},
                           const std::string& resize = {}) const;

 private:
  struct State;
  explicit Run(std::unique_ptr<State>);
  std::unique_ptr<State> state_;
};

}  // namespace imago::models
