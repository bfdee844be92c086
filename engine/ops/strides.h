// Broadcast shapes and collapsed loop nests, for the sources of engine/ops. Not here: the loops
// (kernels/nest.h).
#pragma once
#include <array>

#include "engine/core/tensor.h"
#include "kernels/strides.h"

namespace imago::ops::detail {

// NumPy's rule: aligned at the last dimension, sizes equal or 1. Error (usage) otherwise.
Shape broadcast_shape(const char* op, const Shape& a, const Shape& b);

// Row-major strides of a contiguous tensor of this shape.
std::vector<Index> contiguous_strides(const Shape& shape);
// The strides with which a contiguous tensor of shape `from` walks `to`: 0 along what is repeated.
std::vector<Index> broadcast_strides(const Shape& from, const Shape& to);

// The shortest nest over sizes: dimensions of size 1 dropped, neighbours merged wherever every
// operand steps evenly across both. Error (usage) when more than kMaxRank remain.
template <int N>
Strides<N> collapse(const char* op, const Shape& sizes,
                    const std::array<std::vector<Index>, N>& strides) {
  Strides<N> nest;
  nest.size[0] = 1;
  int rank = 0;
  for (int d = 0; d < sizes.rank(); d++) {
    if (sizes[d] == 1) continue;
    bool merge = rank > 0;
    for (int k = 0; k < N && merge; k++)
      merge = nest.stride[k][rank - 1] == strides[std::size_t(k)][std::size_t(d)] * sizes[d];
    if (!merge && rank == kMaxRank)
      op_error(op, imago::concat("at most ", kMaxRank, " dimensions that do not merge"),
               sizes.str());
    if (!merge) nest.size[rank++] = 1;
    nest.size[rank - 1] *= sizes[d];
    for (int k = 0; k < N; k++) nest.stride[k][rank - 1] = strides[std::size_t(k)][std::size_t(d)];
  }
  nest.rank = rank ? rank : 1;
  return nest;
}

}  // namespace imago::ops::detail

namespace imago::ops {
using namespace detail;
}
