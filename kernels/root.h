// The elementwise part of iterations for the square root of a matrix. Not here: their products
// (kernels/gemm.h) and which polynomials they take (engine/ops/newton_root.h).
#pragma once
#include "kernels/kernel.h"

namespace imago {

// p = a I + b w, to which a GEMM adds c w w, and away[r] = sum over columns of (w - I)^2, which
// says how far the iteration is. One read of w, one write of p.
template <class T>
struct RootPolynomial {
  Index n = 0;
  T a = 0, b = 0;
  const T* w = nullptr;  // [n, n]
  T* p = nullptr;        // [n, n]
  T* away = nullptr;     // [n]
};
IMAGO_KERNEL(root_polynomial, RootPolynomial)

}  // namespace imago
