// Several generators beside each other, each row of a batch from one of them. Not here: what they
// are trained for, which is models/madgan.cpp and models/adagan.cpp.
#pragma once
#include <memory>
#include <vector>

#include "models/networks.h"

namespace imago::models {

using GeneratorSet = std::vector<std::unique_ptr<GeneratorNetwork>>;

// x_i = set[who_i](z_i). z [n, latent], who int64 [n]: read on the host, so best kept on the cpu.
Tensor generate_each(const GeneratorSet& set, const Tensor& z, const Tensor& who);

}  // namespace imago::models
