// Steps of measures over the pairs of two sets of rows, a tile at a time, outside the graph. Not
// here: differentiable forms, which are plain ops (models/measures/pairwise.h).
#pragma once
#include "engine/core/tensor.h"
#include "kernels/pairs.h"

namespace imago::pairs {

// All arguments of a call are floating, of one dtype and device; Error (usage) for wrong shapes.

// sums[r] += weight * sum over c, c != r + skip, of k(t[r, c]). sums: [rows], changed in place; t:
// [rows, cols]; skip at least cols: all pairs count.
struct KernelSum {
  PairKernel kind;
  double scale, weight = 1;
  Index skip;
};
void add_kernel_sums(const Tensor& sums, const Tensor& t, const KernelSum& k);

// |x[i[p]] - y[j[p]]|^2, float64 [P]: coordinate by coordinate in float64, the same bits for the
// same rows. x: [n, d], y: [m, d]; i, j: int64 [P], within range.
Tensor squared_distances(const Tensor& x, const Tensor& y, const Tensor& i, const Tensor& j);

// Sinkhorn's algorithm for rows and columns of equal weights. cost: [n, m], f: [n], g: [m].
// -epsilon log mean over c of exp((g[c] - cost[r, c]) / epsilon): [n].
Tensor soft_min(const Tensor& cost, const Tensor& g, double epsilon);
// Mean over c of cost[r, c] exp((f[r] + g[c] - cost[r, c]) / epsilon): [n].
Tensor plan_cost(const Tensor& cost, const Tensor& f, const Tensor& g, double epsilon);

}  // namespace imago::pairs
