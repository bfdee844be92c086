// The square root of a symmetric, positive semi-definite matrix by products alone, on any device:
// a coupled iteration of minimax polynomials, ended by steps of Newton and Schulz, with the
// quantities that say how good the root is. Not here: factorisations (engine/ops/linalg.h).
#pragma once
#include "engine/core/tensor.h"

namespace imago::linalg {

// With X = m / scale: Y near X^(1/2) and Z near X^(-1/2), of which eigenvalues below resolved^2 are
// not found: there Y is too small and Z about 1 / resolved.
struct NewtonRoot {
  double scale = 0, resolved = 0;
  double trace = 0;  // of Y
  // Of T = (Z Y) Y - Z X, which is Y - X^(1/2) doubled where Z Y is near I, to first order: its
  // trace and its Frobenius norm.
  double drift = 0, drift_norm = 0;
  double away = 0;          // |I - Z Y|^2 (Frobenius): 1 for each eigenvalue that is not found
  double inverse_norm = 0;  // |Z| (Frobenius)
  Tensor root;              // Y
  int steps = 0, products = 0;
};
// m [n, n], float32 or float64, on any device. Outside the graph. About 50 products in float64 and
// 25 in float32, 6 n^2 of memory; the host waits at the end only. Whatever m holds, it returns: an
// m that has no root yields figures that are large or NaN.
NewtonRoot newton_root(const Tensor& m);

}  // namespace imago::linalg
