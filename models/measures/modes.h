// How many modes of a mixture a generator found: the metric `modes`. Not here: the mixtures, which
// are engine/data/generated.h.
#pragma once
#include <string>

#include "engine/core/tensor.h"

namespace imago::models {

// A sample is good within three standard deviations of the nearest mean; a mode is covered by at
// least 20 good samples.
struct Modes {
  Index covered = 0, total = 0;
  double high_quality = 0;  // share of good samples
};
// The figures are of this many samples: with more, a mode would be covered sooner.
inline constexpr Index modes_samples = 2500;

// The component of the nearest mean of a mixture, int64 [n] on the cpu; x [n, 2]. Errors as below.
Tensor nearest_modes(const Tensor& x, const std::string& set);

// x: [2500, 2] in the set's own units. Error (usage) for a set that is no mixture, and for another
// shape; Error (data) naming the first row that is not finite.
Modes count_modes(const Tensor& x, const std::string& set);

}  // namespace imago::models
