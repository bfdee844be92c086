// The inception score of Salimans et al. 2016: how sure a classifier is of each sample, and how
// many classes it sees in all. Not here: the classifier; with or without the bias of its last layer
// is a matter of the logits given.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "engine/core/tensor.h"
#include "models/measures/watch.h"

namespace imago::models {

struct InceptionScore {
  double mean = 0, std = 0;  // over the splits; std divides by their number
};
struct InceptionScoreOptions {
  bool probabilities = false;  // rows are p(y|x), each of sum 1; else logits
  Index splits = 10;           // split i holds rows [i n / splits, (i + 1) n / splits)
  // Order of the rows, as numpy.random.RandomState(seed).permutation(n) has it; none: as given.
  std::optional<std::uint32_t> shuffle = 2020;
  Watch watch = {};
  std::string where = "inception score";  // for errors
};
// exp of the mean over x of KL(p(y|x) || mean p(y)), of each split: section 4 of the paper. y:
// [n, classes], any floating dtype and device; computed in float64. Nothing where stopped. Error
// (usage) for another shape, or fewer rows than splits; Error (data) naming the first row that is
// not finite or, of probabilities, that is none.
std::optional<InceptionScore> inception_score(const Tensor& y,
                                              const InceptionScoreOptions& options = {});

}  // namespace imago::models
