// Sum, largest, smallest, variance and position of the largest along the middle axis of [outer,
// reduced, inner]. Not here: which axes of a tensor these three are; engine/ops/reduce.cpp folds
// any set of axes into them.
#pragma once
#include "kernels/kernel.h"

namespace imago {

// Each reads x once: outer reduced inner sizeof(T) bytes, one flop an element; the memory is the
// limit.
template <class T>
struct Reduce {
  const T* x;  // [outer, reduced, inner]
  T* out;      // [outer, inner]
  Index outer, reduced, inner;
  T scale = 1;  // of sums
};
// scale * sum. Float32 is added in float32, in pieces: pairwise along rows, four rows at a time in
// blocks of 256 rows along columns, so that the error stays near that of one piece. An empty axis
// gives 0.
IMAGO_KERNEL(reduce_sum, Reduce)
// NaN if any element is. An empty axis gives -inf and +inf; the engine refuses it.
IMAGO_KERNEL(reduce_max, Reduce)
IMAGO_KERNEL(reduce_min, Reduce)

// scale * sum of (x - mean)^2: the second pass of a variance, after the mean.
template <class T>
struct SquaresAbout {
  const T *x, *mean;  // [outer, reduced, inner], [outer, inner]
  T* out;             // [outer, inner]
  Index outer, reduced, inner;
  T scale;
};
IMAGO_KERNEL(reduce_squares_about, SquaresAbout)

// Column of the first of the largest elements of each row; a NaN counts as the largest. cols >= 1.
template <class T>
struct Argmax {
  const T* x;  // [rows, cols]
  Index* out;  // [rows]
  Index rows, cols;
};
IMAGO_KERNEL(row_argmax, Argmax)

}  // namespace imago
