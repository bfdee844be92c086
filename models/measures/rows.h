// Rows of samples on the host, for measures that are computed there. Not here: measures.
#pragma once
#include <string>
#include <vector>

#include "engine/core/tensor.h"

namespace imago::models {

// The values of x [N, D]; Error (usage) for another rank, Error (data) naming the first row, first
// + its place in x, that holds a value which is not finite.
std::vector<double> finite_rows(const Tensor& x, const std::string& where, Index first = 0);
// Error (data) where a figure of finite rows is not finite: they are too far out for it.
void check_finite(double figure, const std::string& where);

}  // namespace imago::models
