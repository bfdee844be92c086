// Kernels that move elements and compute nothing, one for each element size: T is std::uint8_t,
// std::uint32_t or std::uint64_t whatever the dtype. Not here: views, which move nothing and need
// no kernel.
#pragma once
#include "kernels/strides.h"

namespace imago {

// out[...] = in[...] over the nest; stride[0] of out, stride[1] of in (0 repeats).
// Bytes: 2 sizeof(T) per element.
template <class T>
struct Copy {
  Strides<2> nest;
  T* out;
  const T* in;
};
IMAGO_KERNEL(copy_strided, Copy)

// out[b, c, r] = in[b, r, c]. Bytes: 2 sizeof(T) per element, in tiles that keep both sides in
// whole cache lines.
template <class T>
struct Transpose {
  Index batch, rows, cols;
  const T* in;  // [batch, rows, cols]
  T* out;       // [batch, cols, rows]
};
IMAGO_KERNEL(transpose, Transpose)

// out[r, c] = before <= c < before + cols ? in[r, c - before] : value. Bytes: sizeof(T) (in + out).
template <class T>
struct Pad {
  Index rows, cols, before, after;
  T value;
  const T* in;  // [rows, cols]
  T* out;       // [rows, before + cols + after]
};
IMAGO_KERNEL(pad, Pad)

}  // namespace imago
