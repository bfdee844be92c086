// The unnormalised densities of engine/data/densities.h as functions of tensors: targets of
// variational inference. Not here: samples of them.
#pragma once
#include <string>

#include "engine/core/tensor.h"

namespace imago::models {

// x: [N, 2], floating. log p(x) up to a constant, [N]; differentiable to any order. Error (data)
// for an unknown name, Error (usage) for another shape.
Tensor log_density(const std::string& name, const Tensor& x);

}  // namespace imago::models
