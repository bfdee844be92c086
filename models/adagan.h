// The weights of data in a round of AdaGAN, in closed form (Tolstikhin et al. 2017, theorem 2).
// Not here: the model, models/adagan.cpp.
#pragma once
#include <cstdint>
#include <vector>

namespace imago::models {

// lambda, so that the weights (lambda - (1 - beta) d_i)+ / beta of data whose ratios
// d = p_mixture / p_data are these have mean 1. At least one ratio; beta in (0, 1].
double adagan_threshold(std::vector<double> ratios, double beta);
double adagan_weight(double ratio, double threshold, double beta);
// As many rows as there are weights, each as often as its weight over their mean, rounded up or
// down: systematic draws from u in [0, 1). The weights are not all 0.
std::vector<std::int64_t> adagan_rows(const std::vector<double>& weights, double u);

}  // namespace imago::models
