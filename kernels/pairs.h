// What measures of two sets of rows do with a tile of their pairs: sums of a kernel, distances of
// chosen pairs, the row steps of optimal transport with entropy. Not here: the products that tiles
// are made of, which are kernels/gemm.h.
#pragma once
#include "kernels/kernel.h"

namespace imago {

// k(t) = (scale t + 1)^3 of inner products t; exp(-scale t) and 1 / (1 + scale t) of squared
// distances.
enum class PairKernel : std::uint8_t { cubic, gaussian, inverse };

// sums[r] += weight * sum over c, c != r + skip, of k(t[r, c]): the product, its kernel and its sum
// without a diagonal in one pass. Reads rows cols; 4 flops an element, or one exponential, or one
// division.
template <class T>
struct PairKernelSums {
  Index rows = 0, cols = 0;
  const T* t = nullptr;  // [rows, cols]
  PairKernel kind = PairKernel::cubic;
  T scale = 1, weight = 1;
  Index skip = 0;     // at least cols: all count
  T* sums = nullptr;  // [rows]
};
IMAGO_KERNEL(pair_kernel_sums, PairKernelSums)

// out[p] = sum over c of (x[i[p], c] - y[j[p], c])^2 in double: the same bits for the same two rows
// in whatever list, and with x and y exchanged. Reads 2 pairs cols; 3 flops an element.
template <class T>
struct PairDistances {
  Index pairs = 0, cols = 0;
  const T *x = nullptr, *y = nullptr;      // [n, cols], [m, cols]
  const Index *i = nullptr, *j = nullptr;  // [pairs]
  double* out = nullptr;                   // [pairs]
};
IMAGO_KERNEL(pair_distances, PairDistances)

// soft_min: out[r] = -epsilon log mean over c of exp((g[c] - cost[r, c]) / epsilon): half an
// iteration of Sinkhorn's algorithm in the log domain. plan_cost: out[r] = mean over c of
// cost[r, c] exp((f[r] + g[c] - cost[r, c]) / epsilon). Reads rows cols, twice for soft_min; one
// exponential an element.
template <class T>
struct SoftMin {
  Index rows = 0, cols = 0;
  const T* cost = nullptr;             // [rows, cols]
  const T *f = nullptr, *g = nullptr;  // [rows], of plan_cost; [cols]
  T epsilon = 1;
  T* out = nullptr;  // [rows]
};
IMAGO_KERNEL(soft_min, SoftMin)
IMAGO_KERNEL(plan_cost, SoftMin)

}  // namespace imago
