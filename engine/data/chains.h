// Markov chains on the densities of engine/data/densities.h, equal on every machine for a seed.
// Not here: their use as a data set, sampler:..., which is engine/data/generated.h.
#pragma once
#include <string>

#include "engine/data/densities.h"
#include "engine/io/host_array.h"

namespace imago::data {

// metropolis  normal proposals (Metropolis et al. 1953)
// langevin    proposals along the gradient, corrected: MALA (Roberts and Tweedie 1996)
// hmc         ten leapfrog steps, then accepted or not (Duane et al. 1987)
struct Sampler {
  enum class Chain { metropolis, langevin, hmc } chain = Chain::metropolis;
  const DensityInfo* density = nullptr;
};
// sampler:DENSITY (metropolis) or sampler:CHAIN:DENSITY; Error (data) naming the nearest.
Sampler sampler_from(const std::string& name);

struct Drawn {
  io::HostArray x;        // float32 [n, 2]
  double acceptance = 0;  // share of proposals taken, of those after the start
};
// Chains of 100 rows each, started at N(0, I), warmed up with Metropolis steps first, thinned; row
// i of part p is a function of (sampler, seed, p, i).
Drawn run_chains(const Sampler& sampler, Index n, std::uint64_t seed, std::uint64_t part);

}  // namespace imago::data
