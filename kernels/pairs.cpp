#include "kernels/pairs.h"

#include "kernels/backend.h"

namespace imago::IMAGO_BACKEND {

// The kind is chosen outside the loops.
template <class T>
void pair_kernel_sums(Stream s, const PairKernelSums<T>& p) {
  const auto add = KERNEL(Index r, T sum) { p.sums[r] += p.weight * sum; };
  switch (p.kind) {
    case PairKernel::cubic:
      return row_reduce<T>(
          s, p.rows, p.cols,
          KERNEL(Index r, Index c) {
            const T k = p.scale * p.t[r * p.cols + c] + T(1), cube = k * k * k;
            return c == r + p.skip ? T(0) : cube;
          },
          add);
    case PairKernel::gaussian:
      return row_reduce<T>(
          s, p.rows, p.cols,
          KERNEL(Index r, Index c) {
            const T k = exp(-p.scale * p.t[r * p.cols + c]);
            return c == r + p.skip ? T(0) : k;
          },
          add);
    case PairKernel::inverse:
      return row_reduce<T>(
          s, p.rows, p.cols,
          KERNEL(Index r, Index c) {
            const T k = T(1) / (T(1) + p.scale * p.t[r * p.cols + c]);
            return c == r + p.skip ? T(0) : k;
          },
          add);
  }
}
IMAGO_INSTANTIATE(pair_kernel_sums, PairKernelSums)

// A row at a time, never in parts: the order of a sum must not depend on how many there are.
template <class T>
void pair_distances(Stream s, const PairDistances<T>& p) {
  for_each_row(
      s, p.pairs, p.cols, KERNEL(Row row, Index r) {
        const T *x = p.x + p.i[r] * p.cols, *y = p.y + p.j[r] * p.cols;
        const double sum = row.template sum<double>(p.cols, [=](Index c) {
          const double e = double(x[c]) - double(y[c]);
          return e * e;
        });
        if (row.serves(0)) p.out[r] = sum;
      });
}
IMAGO_INSTANTIATE(pair_distances, PairDistances)

template <class T>
void soft_min(Stream s, const SoftMin<T>& p) {
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const T *cost = p.cost + r * p.cols, *g = p.g, rate = T(1) / p.epsilon;
        const T most =
            row.template sum<Max<T>>(p.cols, [=](Index c) { return Max<T>{g[c] - cost[c]}; }).v;
        const T sum = row.template sum<T>(
            p.cols, [=](Index c) { return exp((g[c] - cost[c] - most) * rate); });
        if (row.serves(0)) p.out[r] = -most - p.epsilon * log(sum / T(p.cols));
      });
}
IMAGO_INSTANTIATE(soft_min, SoftMin)

template <class T>
void plan_cost(Stream s, const SoftMin<T>& p) {
  for_each_row(
      s, p.rows, p.cols, KERNEL(Row row, Index r) {
        const T *cost = p.cost + r * p.cols, *g = p.g, f = p.f[r], rate = T(1) / p.epsilon;
        const T sum = row.template sum<T>(
            p.cols, [=](Index c) { return cost[c] * exp((f + g[c] - cost[c]) * rate); });
        if (row.serves(0)) p.out[r] = sum / T(p.cols);
      });
}
IMAGO_INSTANTIATE(plan_cost, SoftMin)

}  // namespace imago::IMAGO_BACKEND
