// How figures of features are taken, where there is more than one way. Not here: the figures
// (models/measures/feature_figures.h).
#pragma once
#include <string>

#include "engine/core/types.h"

namespace imago::models {

struct FeatureOptions {
  std::string frechet = "imago";  // frechet_tool(): its moments and its trace
  Index kid_subset = 1000;        // rows of each of the 100 subsets
  Index splits = 10;              // of the inception score
};

}  // namespace imago::models
