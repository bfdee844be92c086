// Draws: element i is lane i % 4 of Philox block key.offset + i / 4, the same bits on every
// back-end. Not here: generators, which are engine/random; draws fused into the kernels that use
// them, which are in their families.
#pragma once
#include "kernels/kernel.h"

namespace imago {

// Standard normal, or uniform in [0, 1) with 24 bits, both drawn in float. Writes n.
template <class T>
struct Draw {
  Index n = 0;
  PhiloxKey key;
  T* y = nullptr;  // [n]
};
IMAGO_KERNEL(draw_normal, Draw)
IMAGO_KERNEL(draw_uniform, Draw)

// y = u < p ? 1 : 0. Reads n, writes n.
template <class T>
struct DrawBernoulli {
  Index n = 0;
  PhiloxKey key;
  const T* p = nullptr;  // [n]; NaN draws 0
  T* y = nullptr;        // [n]
};
IMAGO_KERNEL(draw_bernoulli, DrawBernoulli)

// y = u < keep ? scale x : 0. Linear in x: its own adjoint, with the same key. Reads n, writes n.
template <class T>
struct Dropout {
  Index n = 0;
  PhiloxKey key;
  float keep = 1;  // probability
  T scale = 1;
  const T* x = nullptr;  // [n]
  T* y = nullptr;        // [n]
};
IMAGO_KERNEL(dropout, Dropout)

}  // namespace imago
