// log (1/K sum_k exp(w[r, k])) of each row, the importance-weighted bound, with its first and
// second derivatives. Not here: the log weights themselves.
#pragma once
#include "kernels/kernel.h"

namespace imago {

// w [rows, cols]. Forward reads w twice (from memory once: a row stays in cache), 2 exponentials'
// worth of flops; backward 1 read, 1 write; second 2 reads twice, 1 write. A row of -inf gives -inf
// and a gradient of zero.
template <class T>
struct LogMeanExp {
  Index rows = 0, cols = 0;
  const T* w = nullptr;
  T* bound = nullptr;        // [rows]: written by the forward pass, read by the others
  const T* g = nullptr;      // [rows], cotangent of bound
  const T* to_dw = nullptr;  // cotangent of the backward pass's output
  T* dw = nullptr;           // gradient of this pass
  T* dg = nullptr;           // [rows], gradient of g in the second pass
};
IMAGO_KERNEL(log_mean_exp, LogMeanExp)
IMAGO_KERNEL(log_mean_exp_backward, LogMeanExp)
IMAGO_KERNEL(log_mean_exp_second, LogMeanExp)

}  // namespace imago
