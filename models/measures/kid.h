// The kernel Inception distance of Bińkowski et al. 2018, for any features. Not here: the networks
// that features come from.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "engine/core/tensor.h"
#include "models/measures/watch.h"

namespace imago::models {

struct Kid {
  double mean = 0, std = 0;  // over the subsets; std divides by their number
  // Mean over the subsets of the kernel's means, over pairs i != j within either set and over all
  // between them: what rounding of the mean is relative to.
  double mean_kernel = 0;
};
struct KidOptions {
  Index subsets = 100, subset_size = 1000;
  std::uint32_t seed = 2020;
  Watch watch = {};
  std::string first = "KID, first set", second = "KID, second set";  // for errors
};
// The unbiased estimate of MMD^2 (Gretton et al. 2012, equation 3) under k(x, y) = (x.y / d + 1)^3,
// of subsets drawn without replacement by numpy.random.RandomState(seed), of x and of y in turn. x:
// [n, d], y: [m, d], any floating dtype, on one device; computed in float64 there, in tiles: memory
// is that of a few subsets. May be negative. Nothing where stopped. 3/2 subsets subset_size^2 2 d
// flops. Error (usage) for other shapes, for sizes of less than 2, and for subsets larger than a
// set; Error (data) naming the first row that is not finite, and where squares of the distance are
// not.
std::optional<Kid> kid(const Tensor& x, const Tensor& y, const KidOptions& options = {});

}  // namespace imago::models
