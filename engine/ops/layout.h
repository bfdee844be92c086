// Ops that move elements and compute nothing: views, copies, joins. Each one's gradient is another
// of them.
#pragma once
#include "engine/autograd/autograd.h"

namespace imago::ops {

Tensor reshape(const Tensor& x, std::vector<Index> dims);  // a view; one size may be -1
Tensor reshape(const Tensor& x, const Shape& shape);
inline Tensor reshape(const Tensor& x, std::initializer_list<Index> dims) {
  return reshape(x, std::vector<Index>(dims));
}
Tensor unsqueeze(const Tensor& x, int dim);
Tensor squeeze(const Tensor& x, int dim);
Tensor flatten(const Tensor& x, int from = 1);                   // [B, ...] to [B, n]
Tensor broadcast_to(const Tensor& x, const Shape& shape);        // a copy
Tensor permute(const Tensor& x, const std::vector<int>& order);  // a copy
Tensor transpose(const Tensor& x, int a = -2, int b = -1);       // a copy
Tensor slice(const Tensor& x, int dim, Index begin,
             Index end);  // [begin, end); a view along dim 0, a copy elsewhere
Tensor pad(const Tensor& x, int dim, Index before, Index after, double value = 0);
Tensor concat(const std::vector<Tensor>& parts, int dim);
Tensor stack(const std::vector<Tensor>& parts, int dim);
std::vector<Tensor> split(const Tensor& x, int dim, const std::vector<Index>& sizes);
Tensor repeat_interleave(
    const Tensor& x, Index times);  // each row of dim 0 times over: [B, ...] to [B * times, ...]

}  // namespace imago::ops
