#include "models/densities.h"

#include "engine/data/densities.h"
#include "engine/data/density_formulas.h"
#include "engine/ops/ops.h"

namespace imago {
// Found by the formulas through their argument.
using ops::abs, ops::exp, ops::relu, ops::sigmoid, ops::sin, ops::softplus, ops::sqrt;
}  // namespace imago

namespace imago::models {

Tensor log_density(const std::string& name, const Tensor& x) {
  data::density(name);  // an Error where there is none
  if (x.rank() != 2 || x.size(1) != 2) op_error("log_density", "[N, 2]", concat(x.shape()));
  const auto column = [&](Index k) { return ops::squeeze(ops::slice(x, 1, k, k + 1), 1); };
  Tensor result;
  if (!data::formulas::with_formula<Tensor>(
          name, [&](auto formula) { result = formula(column(0), column(1)); }))
    throw Error(ErrorKind::internal, {"a density without a formula for tensors", name});
  return result;
}

}  // namespace imago::models
