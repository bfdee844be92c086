// The cheapest one-to-one assignment, and with it the exact Wasserstein distance of two sets of
// points. Not here: approximations of it.
#pragma once
#include <span>
#include <vector>

#include "engine/core/tensor.h"

namespace imago::models {

struct Assignment {
  std::vector<Index> columns;  // of each row
  double cost = 0;
};
inline constexpr Index assignment_limit = 4096;  // cost matrix: 128 MiB
// cost: [n, n], finite, n at most the limit; else an Error (usage), or (data) naming the row.
// Jonker and Volgenant 1987: n^3 at worst, O(n) memory.
Assignment assign(std::span<const double> cost, Index n);

// (min over permutations p of 1/N sum_i |x_i - y_p(i)|^power)^(1 / power): W1 or W2 between the
// empirical distributions of x and y, both [N, D]. power: 1 or 2. Error (usage) for other shapes,
// no rows, or more than the limit; Error (data) naming the first row that is not finite.
double wasserstein(const Tensor& x, const Tensor& y, int power = 1);

}  // namespace imago::models
