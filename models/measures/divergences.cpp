#include "models/measures/divergences.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/core/error.h"

namespace imago::models {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Logarithms of probabilities of the cells.
std::vector<double> normalised(const Tensor& log_density, const char* where) {
  std::vector<double> v = log_density.values();
  for (std::size_t i = 0; i < v.size(); i++)
    if (std::isnan(v[i]) || v[i] == infinity)
      throw Error(ErrorKind::data, {concat("no density in cell ", i), where,
                                    "a logarithm below infinity", concat(v[i])});
  const double most = *std::max_element(v.begin(), v.end());
  if (most == -infinity)
    throw Error(ErrorKind::data, {"no density anywhere", where, "a cell above 0", "none"});
  double sum = 0;
  for (const double l : v) sum += std::exp(l - most);
  for (double& l : v) l -= most + std::log(sum);
  return v;
}
// KL(p || q) from logarithms; 0 log 0 is 0.
double kl(const std::vector<double>& p, const std::vector<double>& q) {
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); i++)
    if (const double w = std::exp(p[i]); w > 0) sum += w * (p[i] - q[i]);
  return sum;
}

}  // namespace

Divergences divergences(const Tensor& log_p, const Tensor& log_q) {
  if (log_p.shape() != log_q.shape() || log_p.numel() == 0)
    throw Error(ErrorKind::usage, {"wrong densities", "divergences", "two of one shape, with cells",
                                   concat(log_p.shape(), " and ", log_q.shape())});
  const std::vector<double> p = normalised(log_p, "the first density"),
                            q = normalised(log_q, "the second density");
  std::vector<double> mixture(p.size());
  for (std::size_t i = 0; i < p.size(); i++) {
    const double most = std::max(p[i], q[i]);
    mixture[i] = most == -infinity
                     ? most
                     : most + std::log((std::exp(p[i] - most) + std::exp(q[i] - most)) / 2);
  }
  return {kl(p, q), kl(q, p), (kl(p, mixture) + kl(q, mixture)) / 2};
}

}  // namespace imago::models
