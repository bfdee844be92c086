// A random generator is a seed and a position, 16 bytes; it goes into the checkpoint. Draws are
// engine/ops/random.h.
#pragma once
#include "kernels/kernel.h"

namespace imago {

struct Generator {
  std::uint64_t seed = 0, offset = 0;  // offset counts blocks of four words
  // The key of a draw of n elements; advances the offset past it.
  PhiloxKey take(Index n) {
    const PhiloxKey key{seed, 0, offset};
    offset += std::uint64_t((n + 3) / 4);
    return key;
  }
  bool operator==(const Generator&) const = default;
};

}  // namespace imago
