// The table of presets: each a composition of networks, objective and trainer, with its options and
// their defaults. Not here: the objectives (a file for each idea) and training (models/run.h).
#pragma once
#include <string>
#include <vector>

#include "engine/train/options.h"
#include "models/generative_task.h"

namespace imago::models {

struct Preset {
  std::string name, summary, source;  // source: the document that describes it, and the paper
  std::vector<training::Option>
      options;  // its own defaults; those of data, device, seed and the run included
  training::Settings for_points = {};  // defaults that differ where the data are points
  std::string headline;                // the figure a report shows first
  bool densities =
      false;  // learns from density:NAME, which has no samples; others only from samples
  // Settles what depends on the data ("auto"), and refuses what the data cannot be: Error (usage).
  void (*settle)(training::Config&, const DataInfo&) = nullptr;
  // The same of what depends on the number of steps.
  void (*settle_steps)(training::Config&, Index steps) = nullptr;
  // The model, its weights drawn with init, and what it draws from in training.
  std::unique_ptr<GenerativeTask> (*make)(const training::Config&, const DataInfo&, const nn::Init&,
                                          Generator&) = nullptr;
};
const std::vector<Preset>& presets();
const Preset& preset(const std::string& name,
                     const std::string& where = {});  // Error (usage) naming the nearest
// The defaults of a preset for data of this kind.
training::Config defaults(const Preset&, data::Kind kind);

// Networks, shapes, parameter counts for samples of this shape, then every option with type, range,
// default, source. settings change the defaults. Error (usage) where one is impossible.
std::string describe(const std::string& preset, const Shape& sample_shape = {28, 28},
                     const training::Settings& settings = {});

}  // namespace imago::models
