// Sizes and strides of a loop nest over up to eight dimensions, for kernels whose operands
// broadcast or are transposed. Not here: how they are found from shapes and collapsed, which is
// engine/ops/strides.h.
#pragma once
#include "kernels/kernel.h"

namespace imago {

constexpr int kMaxRank = 8;

// The nest's sizes, slowest first, rank >= 1; strides in elements, one row for each of N operands.
template <int N>
struct Strides {
  int rank = 1;
  Index size[kMaxRank] = {};
  Index stride[N][kMaxRank] = {};
};

}  // namespace imago
