// What codes know of the data: bounds of the mutual information of x and z under the encoder, and
// the units that carry any. Not here: the rate, another upper bound (models/measures/bounds.h).
#pragma once
#include <optional>

#include "engine/core/tensor.h"
#include "models/measures/watch.h"

namespace imago::models {

// Of n samples x_i with posteriors q_i = N(mu_i, e^logvar_i) and a draw z_i of each:
struct MutualInformation {
  double lower = 0;  // mean_i log q_i(z_i) / mean_j q_j(z_i): at most log n
  double upper = 0;  // the same without j = i in the denominator
};
// Poole et al. 2019, section 2, equations 3 and 12; nats. z, mu, logvar: [n, d]; float64 in tiles,
// 4 n^2 d flops and n^2 exponentials. Nothing where stopped. Error (usage) for other shapes and n <
// 2; Error (data) naming the first row that is not finite.
std::optional<MutualInformation> mutual_information(const Tensor& z, const Tensor& mu,
                                                    const Tensor& logvar, const Watch& watch = {});
// How many units have a variance over x of their posterior mean above 0.01 (Burda et al. 2016,
// section 5.3). mu: [n, d], n >= 2.
Index active_units(const Tensor& mu);

}  // namespace imago::models
