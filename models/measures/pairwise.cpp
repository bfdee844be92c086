#include "models/measures/pairwise.h"

#include <numeric>
#include <vector>

#include "engine/ops/ops.h"

namespace imago::models {

Tensor row_norms(const Tensor& x) {
  const Tensor s = ops::sum(ops::square(ops::flatten(x)), {1});
  // 1 where the norm is 0: there sqrt has no derivative, and the square's is 0.
  const Tensor zero = ops::equal(s, Tensor::zeros(Shape{}, x.dtype(), x.device()));
  return ops::sqrt(s + zero) - zero;
}

Tensor squared_distances(const Tensor& x, const Tensor& y) {
  const Tensor xx = ops::sum(ops::square(x), {1}, true), yy = ops::sum(ops::square(y), {1});
  // |x|^2 + |y|^2 - 2 x y can round to less than nothing.
  return ops::relu(xx + yy - 2 * ops::matmul(x, y, false, true));
}

Tensor off_diagonal_mean(const Tensor& k) {
  const Index n = k.rank() == 2 ? k.size(0) : 0;
  if (n < 2 || k.size(1) != n)
    throw Error(ErrorKind::usage, {"no pairs to take the mean of",
                                   {},
                                   "a square matrix of at least two rows",
                                   concat("shape ", k.shape())});
  std::vector<std::int64_t> diagonal(static_cast<std::size_t>(n));
  std::iota(diagonal.begin(), diagonal.end(), 0);
  const Tensor own = ops::one_hot(Tensor::from(diagonal, Shape{n}, k.device()), n, k.dtype());
  return ops::sum(k * (1 - own)) / double(n * (n - 1));
}

Tensor mmd2(const KernelMatrix& kernel, const Tensor& x, const Tensor& y) {
  return off_diagonal_mean(kernel(x, x)) + off_diagonal_mean(kernel(y, y)) -
         2 * ops::mean(kernel(x, y));
}

Tensor pulling_away(const Tensor& x) {
  const Tensor norms = row_norms(x);
  const Tensor zero = ops::equal(norms, Tensor::zeros(Shape{}, x.dtype(), x.device()));
  const Tensor directions = x / ops::unsqueeze(norms + zero, 1);
  return off_diagonal_mean(ops::square(ops::matmul(directions, directions, false, true)));
}

}  // namespace imago::models
