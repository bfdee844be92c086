// Normalisation of sets of elements to mean 0 and variance 1, then weight and bias of each channel:
// batch, group, instance, layer and pixel norm are one family, with its backward and its double
// backward pass. Not here: running statistics, which are layers (engine/nn/norm.h).
#pragma once
#include "kernels/kernel.h"

namespace imago {

// x is [batch, positions, groups * width]; the elements of one batch entry and group are one set.
//   batch norm: batch 1, positions all, groups = channels     instance norm: groups = channels
//   layer norm of an image: groups 1                          of a row: positions 1, groups 1
// Sets of that last kind are contiguous and take one pass over a row that stays in the cache;
// others take sums along the positions, then along the channels of a group. Statistics are never
// constants: norm_second differentiates through them.
//
// With xhat = (x - mean) rstd, h = weight g and <> the mean over a set:
//   y  = weight xhat + bias               rstd = 1 / sqrt(<(x - mean)^2> + eps)
//   dx = rstd (h - <h> - xhat <h xhat>)   dweight = sum g xhat     dbias = sum g
// Bytes an element of a long set: norm 3 reads, 1 write (a row: 1 and 1); backward 4 reads, 1 write
// (2 and 1); second 6 reads, 2 writes (3 and 2).
template <class T>
struct Norm {
  Index batch = 0, positions = 1, groups = 1, width = 1;
  T eps = 0;
  bool centre = true;  // false (rows only): mean is 0 instead, x / sqrt(<x^2> + eps)
  const T *x = nullptr, *weight = nullptr;  // weight and all named after it [channels]
  // norm. Statistics are held once a channel, [batch, channels], or once a row, [batch].
  const T* bias = nullptr;
  T *y = nullptr, *mean = nullptr, *rstd = nullptr;
  T* var = nullptr;  // also a statistic, without eps; may be null
  // norm_backward. The sums [batch, channels], the means as statistics.
  const T* g = nullptr;
  T *dx = nullptr, *dweight = nullptr, *dbias = nullptr;  // the last two may be null
  T *sum_g = nullptr, *sum_gx = nullptr;                  // sums of g and g xhat; not of rows
  T *mean_h = nullptr, *mean_hx = nullptr;
  // norm_second: the gradients of a . dx + to_dweight . dweight + to_dbias . dbias.
  const T *a = nullptr, *to_dweight = nullptr, *to_dbias = nullptr;
  T* dg = nullptr;
  T *mean_a = nullptr, *mean_ax = nullptr;  // as statistics
  // Space for what runs between passes, [batch, channels] each: one for norm, five for norm_second;
  // none for rows.
  T* work = nullptr;

  Index channels() const { return groups * width; }
  bool rows() const { return positions == 1 && groups == 1; }
};
IMAGO_KERNEL(norm, Norm)
IMAGO_KERNEL(norm_backward, Norm)
IMAGO_KERNEL(norm_second, Norm)

}  // namespace imago
