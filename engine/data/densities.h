// Named unnormalised densities in the plane, on the host: values and gradients, equal on every
// machine. Not here: the same for tensors, which is models/densities.h; the chains that draw from
// them, which are engine/data/chains.h.
#pragma once
#include <array>
#include <string>
#include <vector>

namespace imago::data {

// The rows of density:NAME are drawn from N(0, sigma^2 I): a base to compare the density with.
inline constexpr double density_base_sigma = 3;
inline const std::string sampler_prefix = "sampler:", density_prefix = "density:";

struct LogDensity {
  double value;
  std::array<double, 2> gradient;
};
struct DensityInfo {
  std::string name, about;
  double scale;  // length over which it changes: the steps of chains are in units of it
  LogDensity (*log_density)(double x, double y);
};
const std::vector<DensityInfo>& densities();
// Error (data) that names the nearest; `where` is what the user wrote.
const DensityInfo& density(const std::string& name, const std::string& where = {});

}  // namespace imago::data
