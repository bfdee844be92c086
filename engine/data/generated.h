// Data sets made of random numbers, equal on every machine for a seed. Not here: files.
#pragma once
#include <string>
#include <vector>

#include "engine/io/host_array.h"

namespace imago::data {

struct Rows {
  io::HostArray x, labels;
};
// name: ring8, grid25, two-moons, swiss-roll, checkerboard, pinwheel (float32 [n, 2]) or
// four-patterns (uint8 [n, 2, 2, 1], pattern i % 4); or, without labels, sampler:... of
// engine/data/chains.h and density:NAME, whose rows are draws from N(0, 3^2 I). part tells splits
// apart: row i of part p is a function of (name, seed, p, i). labels: component of each row.
bool is_generated(const std::string& name);
Rows generate(const std::string& name, Index n, std::uint64_t seed, std::uint64_t part);

// The components of ring8 and grid25, for counting modes. Empty for other names.
struct Mixture {
  std::vector<double> means;  // [K, 2]
  double sigma = 0;
};
Mixture mixture(const std::string& name);

}  // namespace imago::data
