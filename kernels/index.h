// Rows and columns picked by number, and their adjoints. Scatters add in the order of the list,
// without atomics: the same bits every time. Not here: checking the indices; a kernel skips one
// that is out of range and never follows it.
#pragma once
#include "kernels/kernel.h"

namespace imago {

// out[m] = x[index[m]]: reads and writes count cols elements. Also of uint8 and int64. An index out
// of range gives NaN (0 in the integer types).
template <class T>
struct GatherRows {
  const T* x;          // [rows, cols]
  const Index* index;  // [count]
  T* out;              // [count, cols]
  Index rows, cols, count;
};
IMAGO_KERNEL(gather_rows, GatherRows)

// out[r] = sum of x[m] over index[m] == r: reads count cols elements and writes rows cols. The
// places that share a row are linked first: count steps on cpu; on a device each place looks back
// for the one before it, count^2 / 2 reads at worst.
template <class T>
struct ScatterAddRows {
  const T* x;           // [count, cols]
  const Index* index;   // [count]
  T* out;               // [rows, cols]
  Index *first, *next;  // scratch: [rows], [count]
  Index rows, cols, count;
};
IMAGO_KERNEL(scatter_add_rows, ScatterAddRows)

// out[r, k] = x[r, index[r, k]]; out of range gives NaN.
template <class T>
struct GatherColumns {
  const T* x;          // [rows, cols]
  const Index* index;  // [rows, count]
  T* out;              // [rows, count]
  Index rows, cols, count;
};
IMAGO_KERNEL(gather_columns, GatherColumns)

// out[r, c] = sum of x[r, k] over index[r, k] == c.
template <class T>
struct ScatterAddColumns {
  const T* x;          // [rows, count]
  const Index* index;  // [rows, count]
  T* out;              // [rows, cols]
  Index rows, cols, count;
};
IMAGO_KERNEL(scatter_add_columns, ScatterAddColumns)

// out[r, c] = label[r] == c.
template <class T>
struct OneHot {
  const Index* label;  // [rows]
  T* out;              // [rows, cols]
  Index rows, cols;
};
IMAGO_KERNEL(one_hot, OneHot)

// out[m] = scale x[index[m]] + shift in T, from a data set of U: uint8, float or double. out of
// range gives NaN.
template <class T, class U>
struct GatherNormalize {
  const U* x;          // [rows, cols]
  const Index* index;  // [count]
  T* out;              // [count, cols]
  Index rows, cols, count;
  T scale, shift;
};
IMAGO_KERNEL2(gather_normalize, GatherNormalize)

}  // namespace imago
