// Dense linear algebra in double, row-major. On the host: factorisations of LAPACK, the same bits
// with any number of threads, and the products whose structure a GEMM would not use. On any device:
// two of the factorisations. Not here: other products, which are kernels/gemm.h.
#pragma once
#include "kernels/kernel.h"

namespace imago::host {

// All factorisations overwrite a, whose values must be finite, and take 0 for a size. DeviceError
// where LAPACK fails or a size is beyond it.

// a [n, n], symmetric, of which the lower triangle is read, becomes L, a = L L^T, with zeros above
// the diagonal. False where a is not positive definite to rounding; then a holds rubbish.
// n^3 / 3 flops.
bool cholesky(Index n, double* a);
// The same with pivots, for a that may be singular: a[order[i], order[j]] = (L L^T)[i, j] but for
// a remainder whose diagonal is at most tolerance. Returns the rank r, the columns of L that are
// not 0; the pivots L[i, i] fall. r n^2 flops.
Index pivoted_cholesky(Index n, double* a, double tolerance, Index* order);
// a [n, n], symmetric, of which the lower triangle is read: eigenvalues, rising, into w [n]; row i
// of a becomes the eigenvector of w[i]. Memory 2 n^2; about 9 n^3 flops.
void symmetric_eigen(Index n, double* a, double* w);
// The eigenvalues alone, rising, of a symmetric a [n, n], of which the upper triangle is read.
// It is reduced from its first row on: where its elements fall from there to the last, small
// eigenvalues are better than the rounding of the large ones. 4 / 3 n^3 flops.
void symmetric_eigenvalues(Index n, double* a, double* w);
// a [m, n]: singular values, falling, into s [min(m, n)]. About 8 / 3 n^3 flops where m = n; four
// to five times the time of symmetric_eigenvalues.
void singular_values(Index m, Index n, double* a, double* s);
// a [m, n] = sum over i of s[i] u[:, i] vt[i, :], with u [m, k] and vt [k, n], k = min(m, n).
void svd(Index m, Index n, double* a, double* s, double* u, double* vt);
// Of any a [n, n]: real and imaginary parts of its eigenvalues, into re and im [n]. 10 n^3 flops.
void eigenvalues(Index n, double* a, double* re, double* im);
// a [n, n] = z^T t^T z: a becomes t^T, lower but for 2 x 2 blocks, and z [n, n] is orthogonal; re
// and im as above. 25 n^3 flops.
void schur(Index n, double* a, double* z, double* re, double* im);
// l [n, n], lower, not singular, becomes its inverse. n^3 / 3 flops.
void invert_lower(Index n, double* l);

// Products, in parallel tiles. x [n, d] loses its columns' means, which go to mean [d]; the lower
// triangle of c [d, d] += x^T x. n d^2 flops, one read of x and one read and write of c.
void add_centred_gram(Index n, Index d, double* x, double* mean, double* c);
// The upper triangle of m [r, r] = l^T s l with l [n, r], l[i, j] = 0 for i < j, and a full
// symmetric s [n, n]; t [n, r] is scratch. About 4 / 3 n^3 flops where r = n.
void congruence(Index n, Index r, const double* l, const double* s, double* t, double* m);

}  // namespace imago::host

// The same where a and w are in a device's memory. Library calls, one implementation a back-end:
// kernels/cpu/linalg.cpp (LAPACK), kernels/cuda/linalg.cpp (cuSOLVER), kernels/emulation/linalg.cpp
// (plain loops). They wait for the stream: what a factorisation says is wanted on the host.
namespace imago {
#define IMAGO_DECLARE_LINALG(B)                                      \
  namespace B {                                                      \
  void cholesky(Stream, Index n, double* a, bool* definite);         \
  void symmetric_eigenvalues(Stream, Index n, double* a, double* w); \
  }
IMAGO_DECLARE_LINALG(cuda)
IMAGO_DECLARE_LINALG(emu)
#undef IMAGO_DECLARE_LINALG
namespace kernels {
inline void cholesky(Stream s, Index n, double* a, bool* definite) {
  switch (s.backend) {
    case Backend::cpu: *definite = host::cholesky(n, a); return;
    case Backend::cuda: return IMAGO_CUDA_CALL(cholesky(s, n, a, definite));
    case Backend::emulated: return IMAGO_EMULATED_CALL(cholesky(s, n, a, definite));
  }
}
inline void symmetric_eigenvalues(Stream s, Index n, double* a, double* w) {
  switch (s.backend) {
    case Backend::cpu: return host::symmetric_eigenvalues(n, a, w);
    case Backend::cuda: return IMAGO_CUDA_CALL(symmetric_eigenvalues(s, n, a, w));
    case Backend::emulated: return IMAGO_EMULATED_CALL(symmetric_eigenvalues(s, n, a, w));
  }
}
}  // namespace kernels
}  // namespace imago
