// Dense linear algebra on the host, in double: factorisations of LAPACK, row-major, the same bits
// with any number of threads. Not here: products, which are kernels/gemm.h.
#pragma once
#include "kernels/kernel.h"

namespace imago::host {

// All overwrite a, whose values must be finite, and take 0 for a size. DeviceError where LAPACK
// fails or a size is beyond it.

// a [n, n], symmetric, of which the lower triangle is read, becomes L, a = L L^T, with zeros above
// the diagonal. False where a is not positive definite to rounding; then a holds rubbish.
// n^3 / 3 flops.
bool cholesky(Index n, double* a);
// a [n, n], symmetric, of which the lower triangle is read: eigenvalues, rising, into w [n]; row i
// of a becomes the eigenvector of w[i]. Memory 2 n^2; about 9 n^3 flops.
void symmetric_eigen(Index n, double* a, double* w);
// a [m, n]: singular values, falling, into s [min(m, n)]. About 8 / 3 n^3 flops where m = n.
void singular_values(Index m, Index n, double* a, double* s);

}  // namespace imago::host
