#include "engine/nn/minibatch.h"

#include <cmath>

#include "engine/ops/ops.h"

namespace imago::nn {

MinibatchDiscrimination::MinibatchDiscrimination(Index features, Index kernels, Index width,
                                                 const Init& init)
    : kernels_(kernels), width_(width) {
  if (features < 1 || kernels < 1 || width < 1)
    op_error("MinibatchDiscrimination", "positive numbers of features, kernels and their width",
             concat(features, ", ", kernels, " and ", width));
  // Distances of about width at the start, for inputs of about 1.
  parameter("weight", weight,
            normal({features, kernels, width}, 0, 1 / std::sqrt(double(features)), init));
}

Tensor MinibatchDiscrimination::forward(const Tensor& x) {
  if (x.rank() != 2 || x.size(1) != weight.size(0))
    op_error("MinibatchDiscrimination", concat("rows [n, ", weight.size(0), "]"),
             concat("shape ", x.shape()));
  const Index n = x.size(0);
  const Tensor m = ops::matmul(x, ops::reshape(weight, {weight.size(0), -1}));
  const Tensor apart = ops::abs(ops::unsqueeze(m, 1) - ops::unsqueeze(m, 0));  // [n, n, b c]
  const Tensor distance = ops::sum(ops::reshape(apart, Shape{n, n, kernels_, width_}), {3});
  return ops::concat({x, ops::sum(ops::exp(-distance), {1})}, 1);
}

std::string MinibatchDiscrimination::describe() const {
  return concat("MinibatchDiscrimination(", weight.size(0), ", ", kernels_, " kernels of ", width_,
                ")");
}

}  // namespace imago::nn
