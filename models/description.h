// Networks in words, for `imago describe`.
#pragma once
#include <string>

#include "engine/nn/layers.h"

namespace imago::models {

// One line a layer: "  encoder.0: Linear(784, 400)".
std::string describe_block(const std::string& name, const nn::Sequential& net);

}  // namespace imago::models
