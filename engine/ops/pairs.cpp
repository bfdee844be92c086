#include "engine/ops/pairs.h"

#include "engine/ops/dispatch.h"

namespace imago::pairs {
namespace {

using ops::with_floating;

void check(const char* op, bool fits, const char* expected, const Tensor& a, const Tensor& b) {
  if (!fits) op_error(op, expected, concat(a.shape(), " and ", b.shape()));
}

template <class T>
SoftMin<T> soft_min_arguments(const Tensor& cost, const Tensor& g, double epsilon,
                              const Tensor& out) {
  return {.rows = cost.size(0),
          .cols = cost.size(1),
          .cost = cost.data<T>(),
          .g = g.data<T>(),
          .epsilon = T(epsilon),
          .out = out.data<T>()};
}
Tensor empty_rows(const char* op, const Tensor& cost, const Tensor& g) {
  check(op, cost.rank() == 2 && cost.numel() > 0 && g.shape() == Shape{cost.size(1)},
        "costs [n, m] and [m]", cost, g);
  return Tensor::empty({cost.size(0)}, cost.dtype(), cost.device());
}

}  // namespace

void add_kernel_sums(const Tensor& sums, const Tensor& t, const KernelSum& k) {
  check("add_kernel_sums", t.rank() == 2 && sums.shape() == Shape{t.size(0)},
        "sums [rows] and [rows, cols]", sums, t);
  with_floating("add_kernel_sums", t.dtype(), [&](auto zero) {
    using T = decltype(zero);
    kernels::pair_kernel_sums(t.stream(), PairKernelSums<T>{.rows = t.size(0),
                                                            .cols = t.size(1),
                                                            .t = t.data<T>(),
                                                            .kind = k.kind,
                                                            .scale = T(k.scale),
                                                            .weight = T(k.weight),
                                                            .skip = k.skip,
                                                            .sums = sums.data<T>()});
  });
  sums.bump_version();
}

Tensor squared_distances(const Tensor& x, const Tensor& y, const Tensor& i, const Tensor& j) {
  check("squared_distances", x.rank() == 2 && y.rank() == 2 && x.size(1) == y.size(1),
        "[n, d] and [m, d]", x, y);
  check("squared_distances", i.rank() == 1 && i.shape() == j.shape(), "as many rows as rows", i, j);
  const Tensor out = Tensor::empty(i.shape(), DType::f64, x.device());
  with_floating("squared_distances", x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    kernels::pair_distances(x.stream(), PairDistances<T>{.pairs = i.numel(),
                                                         .cols = x.size(1),
                                                         .x = x.data<T>(),
                                                         .y = y.data<T>(),
                                                         .i = i.data<Index>(),
                                                         .j = j.data<Index>(),
                                                         .out = out.data<double>()});
  });
  return out;
}

Tensor soft_min(const Tensor& cost, const Tensor& g, double epsilon) {
  const Tensor out = empty_rows("soft_min", cost, g);
  with_floating("soft_min", cost.dtype(), [&](auto zero) {
    using T = decltype(zero);
    kernels::soft_min(cost.stream(), soft_min_arguments<T>(cost, g, epsilon, out));
  });
  return out;
}

Tensor plan_cost(const Tensor& cost, const Tensor& f, const Tensor& g, double epsilon) {
  const Tensor out = empty_rows("plan_cost", cost, g);
  check("plan_cost", f.shape() == out.shape(), "costs [n, m] and [n]", cost, f);
  with_floating("plan_cost", cost.dtype(), [&](auto zero) {
    using T = decltype(zero);
    SoftMin<T> p = soft_min_arguments<T>(cost, g, epsilon, out);
    p.f = f.data<T>();
    kernels::plan_cost(cost.stream(), p);
  });
  return out;
}

}  // namespace imago::pairs
