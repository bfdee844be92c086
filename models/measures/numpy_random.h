// NumPy's RandomState, as far as published figures depend on it: the order of samples and subsets
// of them. Not here: the draws of Imago's own, which are engine/random.
#pragma once
#include <cstdint>
#include <random>
#include <vector>

#include "engine/core/types.h"

namespace imago::models {

// numpy.random.RandomState(seed): MT19937 begun by init_genrand (Matsumoto & Nishimura 2002), which
// is the standard library's.
class NumpyRandom {
 public:
  explicit NumpyRandom(std::uint32_t seed) : engine_(seed) {}
  // Uniform in [0, max], exactly: words, or pairs of them for a larger max, cut to the bits of max
  // until one fits. None is drawn for max 0.
  std::uint64_t below_or_at(std::uint64_t max);
  std::vector<Index> permutation(Index n);  // of 0 .. n - 1: Fisher and Yates, from the end
  // m of 0 .. n - 1 without replacement, permutation(n)[:m]. Error (usage) unless 0 <= m <= n.
  std::vector<Index> choice(Index n, Index m);

 private:
  std::mt19937 engine_;
};

}  // namespace imago::models
