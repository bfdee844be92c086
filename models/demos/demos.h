// Small experiments that make a point: figures and curves. Not here: files and printing.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "models/plot.h"

namespace imago::models {

struct Finding {
  std::string name;
  std::vector<std::pair<std::string, double>> figures;  // the same names in each of a demo
};
struct Findings {
  std::vector<Finding> rows;
  std::vector<Panel> panels;
};
struct Demo {
  std::string name, title, about;  // about: sentences, what is shown
  Findings (*run)(std::uint64_t seed);
};
const std::vector<Demo>& demos();
const Demo& demo(const std::string& name);  // Error (usage) naming the nearest

// min over x, max over y of xy from a point of the unit circle, 400 steps of 0.1, four ways.
// radius: distance from the equilibrium (0, 0) at the end; least and most: on the way.
Findings bilinear(std::uint64_t seed);
// One Gaussian fitted to two modes, 0.65 N(-2, 0.6^2) + 0.35 N(2, 0.6^2), by four divergences,
// the best of eight starts each; of every fit all four in nats (w1: units of x), and its mass
// nearer to the lesser mode.
Findings divergences(std::uint64_t seed);
// log p/q of N(-d/2, 1) and N(d/2, 1), which is -d x, as the logit of a classifier, for d = 1 and
// d = 10. rmse: under the equal mixture; kl: the mean logit under p, beside the exact d^2 / 2.
Findings density_ratio(std::uint64_t seed);
// 300 steps of Adam down the Frechet distance from a target: 64 free points and a generator
// (batches of 64, figures of 4000) in the plane, and 8 free points in 16 dimensions. start, end:
// the distance; least: what it can be.
Findings frechet(std::uint64_t seed);

}  // namespace imago::models
