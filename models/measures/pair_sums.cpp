#include "models/measures/pair_sums.h"

#include <algorithm>

#include "engine/ops/ops.h"

namespace imago::models {

std::optional<double> pair_sum(const PairTiles& p, const std::vector<PairTerm>& terms,
                               const std::function<bool(double pairs)>& go_on) {
  const NoGrad no_grad;
  // On the cpu a tile stays in cache; a device has to be filled by it.
  const Index rows = p.device == cpu_device ? 512 : 2048, columns = 2048;
  const Tensor sums = Tensor::zeros({std::min(rows, p.n)}, DType::f64, p.device);
  for (Index i0 = 0; i0 < p.n; i0 += rows) {
    const Index i1 = std::min(i0 + rows, p.n);
    const Tensor own = ops::slice(sums, 0, 0, i1 - i0);
    const auto add = [&](Index j0, Index j1, double weight, Index skip) {
      const Tensor t = p.tile(i0, i1, j0, j1);
      for (const PairTerm& term : terms)
        pairs::add_kernel_sums(own, t, {term.kind, term.scale, weight, skip});
      return go_on(weight * double(i1 - i0) * double(j1 - j0));
    };
    // Within one set: the square on the diagonal, and what is right of it for both its halves.
    if (p.within && !add(i0, i1, 1, 0)) return {};
    for (Index j0 = p.within ? i1 : 0; j0 < p.m; j0 += columns)
      if (!add(j0, std::min(j0 + columns, p.m), p.within ? 2 : 1, p.m)) return {};
  }
  return ops::sum(sums).item();
}

}  // namespace imago::models
