// Wasserstein distances of sets too large for an exact assignment: with entropy (Cuturi 2013), and
// along random directions (Rabin et al. 2011). Not here: the exact one, which is
// models/measures/assignment.h.
#pragma once
#include <cstdint>
#include <optional>

#include "engine/core/tensor.h"
#include "models/measures/watch.h"

namespace imago::models {

struct SinkhornOptions {
  int power = 1;  // of the Euclidean distance that is the cost: 1 or 2
  double epsilon =
      .01;  // of the entropy, in parts of the mean cost: the smaller the nearer to exact
  double tolerance = 1e-5;   // of the plan's marginals
  Index iterations = 10000;  // at most, at the last epsilon
  Index kept = 1 << 25;  // costs kept, 16 bytes a pair; of more pairs they are made again and again
  Watch watch = {};
};
struct Sinkhorn {
  double distance = 0;  // (sum of plan times cost)^(1 / power)
  double error = 0;     // of the plan's marginals: sum of the absolute errors
  double epsilon = 0;   // in units of the cost
  Index iterations = 0;
  bool converged = false;
};
// x: [n, d], y: [m, d], rows of equal weight within a set; any floating dtype, on one device;
// float64, in the log domain, from a large epsilon down. An iteration is 2 n m exponentials and,
// where costs are not kept, 4 n m d flops. Nothing where stopped. Error (usage)
// for other shapes and options out of range; Error (data) naming the first row that is not finite.
std::optional<Sinkhorn> sinkhorn(const Tensor& x, const Tensor& y,
                                 const SinkhornOptions& options = {});

struct SlicedOptions {
  int power = 1;  // 1 or 2
  Index directions = 1000;
  std::uint64_t seed = 0;
  Watch watch = {};
};
struct Sliced {
  double distance = 0;  // (mean over directions of W_power^power)^(1 / power)
  double error = 0;     // standard error of that mean, carried over to the distance
};
// The same sets; sizes may differ. Along each direction the distance is exact. directions (n + m)
// 2 d flops.
std::optional<Sliced> sliced_wasserstein(const Tensor& x, const Tensor& y,
                                         const SlicedOptions& options = {});

}  // namespace imago::models
