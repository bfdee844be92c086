// The maximum mean discrepancy of two sets of any size (Gretton et al. 2012). Not here: the
// differentiable form for batches of training (models/measures/pairwise.h), and KID
// (models/measures/kid.h).
#pragma once
#include <optional>
#include <vector>

#include "engine/core/tensor.h"
#include "models/measures/watch.h"

namespace imago::models {

struct MmdOptions {
  // gaussian: sum over widths w of exp(-|x - y|^2 / (2 w^2)) (Li et al. 2015, section 2); inverse:
  // the inverse multiquadric, sum over w of w^2 / (w^2 + |x - y|^2) (Tolstikhin et al. 2018).
  enum class Kernel { gaussian, inverse } kernel = Kernel::gaussian;
  // Empty: median_distance(x, y) times 1/4, 1/2, 1, 2, 4.
  std::vector<double> widths = {};
  Watch watch = {};
};
struct Mmd {
  double squared = 0;  // the unbiased estimate of MMD^2, equation 3: may be negative
  double biased = 0;   // the square of equation 5: at least 0 but for rounding
  std::vector<double> widths;
};
// x: [n, d], y: [m, d], any floating dtype, on one device; computed in float64 there, in tiles.
// (n^2 + m^2 + 2 n m) d flops. Nothing where stopped. Error (usage) for other shapes, fewer than
// two rows, and widths that are not positive; Error (data) naming the first row that is not finite,
// and where no width was given and most rows are the same.
std::optional<Mmd> mmd(const Tensor& x, const Tensor& y, const MmdOptions& options = {});

// The median of the distances between the rows of both sets together, at most 1000 evenly spread
// ones of them.
double median_distance(const Tensor& x, const Tensor& y);

}  // namespace imago::models
