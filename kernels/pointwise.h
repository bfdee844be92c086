// Elementwise kernels: the rows of pointwise.def, where, and casts. Memory-bound but for the
// transcendental rows; the bytes below assume nothing is in cache. Not here: gradients as such; the
// engine composes them from the orders below.
#pragma once
#include "kernels/strides.h"

namespace imago {

#define IMAGO_UNARY_0(name, saves, f, f1, f2) name,
#define IMAGO_UNARY_1(name, a, saves, f, f1, f2) name,
#define IMAGO_UNARY_2(name, a, b, saves, f, f1, f2) name,
enum class UnaryOp : int {
#include "kernels/pointwise.def"
};
#define IMAGO_BINARY(name, f) name,
enum class BinaryOp : int {
#include "kernels/pointwise.def"
};

// order 0: out = f(v), v the input; order 1: out = g f1(v); order 2: out = g h f2(v); v what the
// row saves. out may be any of the operands. Bytes: (2 + order) n sizeof(T).
template <class T>
struct Unary {
  UnaryOp op;
  int order;
  Index n;
  T a, b;      // the row's parameters
  const T* v;  // [n]
  const T* g;  // [n], orders 1 and 2
  const T* h;  // [n], order 2
  T* out;      // [n]
};
IMAGO_KERNEL(unary, Unary)

// out = f(a, b), out contiguous over the nest, strides of a and b; the innermost ones are 0 or 1.
// Bytes: the three tensors once, a broadcast operand being small.
template <class T>
struct Binary {
  BinaryOp op;
  Strides<2> nest;
  const T *a, *b;
  T* out;
};
IMAGO_KERNEL(binary, Binary)

// out = condition != 0 ? a : b, as Binary; strides of condition, a, b.
template <class T>
struct Where {
  Strides<3> nest;
  const T *condition, *a, *b;
  T* out;
};
IMAGO_KERNEL(where, Where)

// out[i] = U(in[i]); to an integer: towards zero, saturated, NaN to 0. Bytes: n (sizeof(T) +
// sizeof(U)).
template <class T, class U>
struct Cast {
  Index n;
  const T* in;
  U* out;
};
IMAGO_KERNEL2(cast, Cast)

}  // namespace imago
