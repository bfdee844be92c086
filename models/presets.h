// The table of presets: each a composition of networks, likelihood and bound, with its options and
// their defaults. Not here: the objective (models/latent_variable.h) and training (models/run.h).
#pragma once
#include <string>
#include <vector>

#include "engine/core/types.h"
#include "engine/train/options.h"
#include "models/latent_variable.h"

namespace imago::models {

struct Preset {
  std::string name, summary, source;  // source: the document that describes it, and the paper
  std::string bound;  // of the latent-variable trainer: reconstruction, elbo or iwae
  std::vector<training::Option>
      options;  // its own defaults; those of data, device, seed and the run included
};
const std::vector<Preset>& presets();
const Preset& preset(const std::string& name,
                     const std::string& where = {});  // Error (usage) naming the nearest

// What a configuration of a preset says about the model for samples of this shape. Error (usage)
// while likelihood is auto.
LatentVariableOptions model_options(const training::Config& config, const Shape& sample_shape);

// Networks, shapes, parameter counts for samples of this shape, then every option with type, range,
// default, source.
std::string describe(const std::string& preset, const Shape& sample_shape = {28, 28});

}  // namespace imago::models
