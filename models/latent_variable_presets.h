// Configurations of latent-variable models. Not here: the presets themselves, models/presets.h.
#pragma once
#include "engine/train/options.h"
#include "models/latent_variable.h"

namespace imago::models {

// What a configuration of such a preset says about the model for samples of this shape. Error
// (usage) while likelihood is auto.
LatentVariableOptions model_options(const training::Config& config, const Shape& sample_shape,
                                    Bound bound);

}  // namespace imago::models
