// First and second gradients of layers against central differences in float64.
// Not here: ops, whose rows in tests/op_cases say the same of them.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "engine/ops/ops.h"

namespace imago::test {

// d f / d leaves against differences of f, and d (w . d f / d leaves) / d leaves, with fixed random
// w, against differences of w . d f / d leaves: along every coordinate, or along so many random
// directions through all leaves. Tolerances of PyTorch's gradcheck. f is a scalar and a pure
// function of the leaves, which are float64 on the cpu.
inline void expect_gradients(const std::function<Tensor()>& f, const std::vector<Tensor>& leaves,
                             int directions = 0) {
  constexpr double eps = 1e-6;
  Generator g{77};
  const auto random = [&] {
    std::vector<Tensor> r;
    for (const Tensor& leaf : leaves) r.push_back(ops::randn(leaf.shape(), g, DType::f64));
    return r;
  };
  const auto move = [&](const std::vector<Tensor>& by, double factor) {
    for (std::size_t k = 0; k < leaves.size(); k++)
      for (Index i = 0; i < leaves[k].numel(); i++)
        leaves[k].data<double>()[i] += factor * by[k].data<double>()[i];
  };
  const auto check = [&](const char* what, const std::function<Tensor()>& value) {
    auto got = grad({value()}, leaves, {.allow_unused = true});
    for (std::size_t k = 0; k < leaves.size(); k++)
      if (!got[k].defined()) got[k] = Tensor::zeros(leaves[k].shape(), DType::f64);
    double largest = 0;
    const auto compare = [&](const std::vector<Tensor>& along) {
      double analytic = 0;
      for (std::size_t k = 0; k < leaves.size(); k++)
        for (Index i = 0; i < leaves[k].numel(); i++)
          analytic += got[k].data<double>()[i] * along[k].data<double>()[i];
      std::vector<std::vector<double>> keep;
      for (const Tensor& leaf : leaves) keep.push_back(leaf.values());
      move(along, eps);
      const double above = value().item();
      move(along, -2 * eps);
      const double below = value().item();
      for (std::size_t k = 0; k < leaves.size(); k++)
        std::copy(keep[k].begin(), keep[k].end(), leaves[k].data<double>());
      const double numeric = (above - below) / (2 * eps);
      EXPECT_NEAR(analytic, numeric, 1e-5 + 1e-3 * std::fabs(numeric)) << what << " gradient";
      largest = std::max(largest, std::fabs(numeric));
    };
    for (int n = 0; n < directions; n++) compare(random());
    if (directions == 0) {
      std::vector<Tensor> one;
      for (const Tensor& leaf : leaves) one.push_back(Tensor::zeros(leaf.shape(), DType::f64));
      for (std::size_t k = 0; k < leaves.size(); k++)
        for (Index i = 0; i < leaves[k].numel(); i++) {
          SCOPED_TRACE(concat("leaf ", k, ", element ", i));
          one[k].data<double>()[i] = 1;
          compare(one);
          one[k].data<double>()[i] = 0;
        }
    }
    EXPECT_GT(largest, 1e-3) << what << " gradient: nothing to see";
  };
  const std::vector<Tensor> w = random();
  check("first", f);
  check("second", [&] {
    const auto first = grad({f()}, leaves, {.create_graph = true});
    Tensor s = Tensor::scalar(0, DType::f64);
    for (std::size_t i = 0; i < leaves.size(); i++) s = s + ops::sum(first[i] * w[i]);
    return s;
  });
}

}  // namespace imago::test
