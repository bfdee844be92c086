// First and second gradients of layers against central differences in float64.
// Not here: ops, whose rows in tests/op_cases say the same of them.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "engine/ops/ops.h"

namespace imago::test {

// Every coordinate of every leaf: d f / d leaf against differences of f, and d (w . d f / d leaves)
// / d leaf, with fixed random w, against differences of w . d f / d leaves. Tolerances of PyTorch's
// gradcheck. f is a scalar and a pure function of the leaves, which are float64 on the cpu.
inline void expect_gradients(const std::function<Tensor()>& f, const std::vector<Tensor>& leaves) {
  Generator g{77};
  std::vector<Tensor> w;
  for (const Tensor& leaf : leaves) w.push_back(ops::randn(leaf.shape(), g, DType::f64));
  const auto slope = [&] {
    const auto first = grad({f()}, leaves, {.create_graph = true});
    Tensor s = Tensor::scalar(0, DType::f64);
    for (std::size_t i = 0; i < leaves.size(); i++) s = s + ops::sum(first[i] * w[i]);
    return s;
  };
  const auto check = [&](const char* what, const std::function<Tensor()>& value) {
    const auto got = grad({value()}, leaves, {.allow_unused = true});
    double largest = 0;
    for (std::size_t k = 0; k < leaves.size(); k++) {
      const auto analytic =
          got[k].defined() ? got[k].values() : std::vector<double>(std::size_t(leaves[k].numel()));
      for (std::size_t i = 0; i < analytic.size(); i++) {
        double* const x = leaves[k].data<double>() + i;
        const double keep = *x, eps = 1e-6;
        *x = keep + eps;
        const double above = value().item();
        *x = keep - eps;
        const double below = value().item();
        *x = keep;
        const double numeric = (above - below) / (2 * eps);
        ASSERT_NEAR(analytic[i], numeric, 1e-5 + 1e-3 * std::fabs(numeric))
            << what << " gradient, leaf " << k << ", element " << i;
        largest = std::max(largest, std::fabs(numeric));
      }
    }
    EXPECT_GT(largest, 1e-3) << what << " gradient: nothing to see";
  };
  check("first", f);
  check("second", slope);
}

}  // namespace imago::test
