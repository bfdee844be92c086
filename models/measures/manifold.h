// Samples inside the balls that reach to each sample's k-th neighbour in its own set: precision and
// recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020). Not here: the
// networks that features come from.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "engine/core/tensor.h"
#include "models/measures/watch.h"

namespace imago::models {

struct Manifold {
  double precision = 0;  // share of fake samples inside some real ball
  double recall = 0;     // share of real samples inside some fake ball
  double density = 0;    // real balls a fake sample is in, mean, over k; may exceed 1
  double coverage = 0;   // share of real balls that hold a fake sample
  double f_score = 0;    // 2 precision recall / max(1e-5, precision + recall)
  // Pairs whose distance is within 1e-9 (relative) of a radius they are compared with: there other
  // programs, which round otherwise, may decide otherwise.
  Index near_ties = 0;
};
struct ManifoldOptions {
  Index k = 5;          // neighbours, without the sample itself
  bool closed = false;  // a ball holds its surface: distance <= radius, else <
  Watch watch = {};
  Index tile = 2048;  // rows and columns of pairs at once: 40 bytes a pair, 32 a value of the rows
  std::string real = "real features", fake = "fake features";  // for errors
};
// Those of clovaai's prdc and StudioGAN, and those of torch-fidelity.
inline ManifoldOptions clovaai_manifold(Watch watch = {}) {
  return {.k = 5, .closed = false, .watch = std::move(watch)};
}
inline ManifoldOptions fidelity_manifold(Watch watch = {}) {
  return {.k = 3, .closed = true, .watch = std::move(watch)};
}

// real: [n, d], fake: [m, d], any floating dtype, on one device. Every comparison is of distances
// computed directly, coordinate by coordinate in float64, or is decided by a product of matrices
// and a bound of its error. (n^2 + m^2 + 2 n m) d flops; memory beside
// the sets: k + 1 numbers a row and a few tiles. Nothing where stopped. Error
// (usage) for other shapes, k or tile < 1; Error (data) naming the first row that is not finite,
// and for sets of k rows or less.
std::optional<Manifold> manifold(const Tensor& real, const Tensor& fake,
                                 const ManifoldOptions& options = {});
// Distance from each row of x to its k-th nearest of the others, [n]; the rest as above.
std::optional<std::vector<double>> neighbour_distances(const Tensor& x, Index k,
                                                       const Watch& watch = {}, Index tile = 2048);

}  // namespace imago::models
