// Factorisations of float64 matrices, outside the graph: on the cpu, two of them on any device. Not
// here: products, which are engine/ops/matmul.h, but for two that know their factors' structure;
// and what is differentiable (engine/ops/trace_root.h).
#pragma once
#include <complex>
#include <optional>
#include <vector>

#include "engine/core/tensor.h"

namespace imago::linalg {

// Every argument is float64, on the cpu but for cholesky, symmetric_eigenvalues and diagonal, which
// leave their result where it is, and of finite values; Error (usage) for another dtype, device or
// shape.

// L [n, n], lower, a = L L^T; nothing where a [n, n], symmetric, is not positive definite to
// rounding.
std::optional<Tensor> cholesky(const Tensor& a);
// a[order[i], order[j]] = (l l^T)[i, j] of a symmetric, positive semi-definite a [n, n], whose rank
// may be less, but for a remainder with a diagonal of at most n eps times that of a. l [n, rank] is
// lower and its pivots l[i, i] fall.
struct Pivoted {
  Tensor l;
  std::vector<Index> order;
  Index rank() const { return l.size(1); }
  std::vector<double> pivots() const;
};
Pivoted pivoted_cholesky(const Tensor& a);
// l^T P s P^T l [rank, rank] for a symmetric s [n, n], P its order; of the result the upper
// triangle alone is filled, as symmetric_eigenvalues reads it.
Tensor congruence(const Pivoted& l, const Tensor& s);
// f [rank, n] with a = f^T f.
Tensor factor(const Pivoted&);
Tensor diagonal(const Tensor& a);          // [n] of a [n, n]; of any dtype
Tensor inverse_of_lower(const Tensor& l);  // Error (device) where it is singular

// Of a symmetric a [n, n]: values [n], rising; row i of vectors [n, n] belongs to values[i].
struct Eigen {
  Tensor values, vectors;
};
Eigen symmetric_eigen(const Tensor& a);
// The values alone, of which the upper triangle is read, five times as fast. Where a's elements
// fall from the first row to the last (as a congruence's do), small values are better than the
// rounding of the large ones.
Tensor symmetric_eigenvalues(const Tensor& a);
Tensor singular_values(const Tensor& a);  // of a [m, n]: [min(m, n)], falling
// a [m, n] = u diag(s) vt with u [m, k], s [k] falling and vt [k, n], k = min(m, n).
struct Svd {
  Tensor u, s, vt;
};
Svd svd(const Tensor& a);

std::vector<std::complex<double>> eigenvalues(const Tensor& a);  // of any a [n, n], in no order
// a^T = z t z^H: t [n * n] upper triangular, column-major, complex where a has negative or complex
// eigenvalues, as SciPy's rsf2csf makes it of the real form; z likewise, unitary.
struct Schur {
  std::vector<std::complex<double>> t, z;
};
Schur complex_schur(const Tensor& a);

// x [n, d], row-major, loses its columns' means, which go to mean [d]; the lower triangle of
// scatter [d, d] += x^T x.
void add_centred_gram(Index n, Index d, double* x, double* mean, double* scatter);

}  // namespace imago::linalg
