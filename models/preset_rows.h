// What the rows of the preset table are made from: the options every preset has, and the families'
// rows. Not here: the table itself, models/presets.h.
#pragma once
#include "models/presets.h"

namespace imago::models {

using Options = std::vector<training::Option>;
Options operator+(Options a, const Options& b);
// p with the options of the preset's name, the data, its own and the trainer, in this order.
Preset with_options(Preset p, const Options& own);
// Of presets that generate: who measures their samples in training.
training::Option judge_option();
// With other defaults.
Preset with_defaults(Preset p, const training::Settings& defaults);

std::vector<Preset> latent_variable_presets();
std::vector<Preset> adversarial_presets();

}  // namespace imago::models
