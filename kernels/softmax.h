// Softmax, its logarithm and its normaliser along rows, with their backward passes, each in one
// kernel. Not here: other axes, which engine/ops/reduce.cpp moves to the end, and gradients of the
// gradients, which are plain ops.
#pragma once
#include "kernels/kernel.h"

namespace imago {

// Reads x and writes out once; two exponentials an element for softmax, one for the others. A row
// of -inf alone has softmax 0, log_softmax -inf and logsumexp -inf, never NaN; a NaN makes its row
// NaN.
template <class T>
struct SoftmaxRows {
  const T* x;  // [rows, cols]
  T* out;      // [rows, cols]; of logsumexp [rows]
  Index rows, cols;
};
IMAGO_KERNEL(softmax_rows, SoftmaxRows)
IMAGO_KERNEL(log_softmax_rows, SoftmaxRows)
IMAGO_KERNEL(logsumexp_rows, SoftmaxRows)

// softmax: dx = y (g - sum(g y)). log_softmax: dx = h - exp(y) sum(h), with h = g where y > -inf
// and 0 elsewhere: an element at -inf does not move. Reads g and y, writes dx.
template <class T>
struct SoftmaxBackward {
  const T *g, *y;  // [rows, cols]: gradient and value of the output
  T* dx;           // [rows, cols]
  Index rows, cols;
};
IMAGO_KERNEL(softmax_rows_backward, SoftmaxBackward)
IMAGO_KERNEL(log_softmax_rows_backward, SoftmaxBackward)

}  // namespace imago
