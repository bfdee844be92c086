// Reductions over axes, softmax and its relatives, argmax. axes empty: all of them. keepdim keeps
// size-1 dimensions.
#pragma once
#include "engine/autograd/autograd.h"

namespace imago::ops {

using Axes = std::vector<int>;  // negative counts from the end
Tensor sum(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
Tensor mean(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
Tensor max(const Tensor& x, const Axes& axes = {},
           bool keepdim = false);  // ties share the gradient evenly
Tensor min(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
Tensor var(const Tensor& x, const Axes& axes = {}, int ddof = 0, bool keepdim = false);
Tensor logsumexp(const Tensor& x, int axis = -1, bool keepdim = false);  // -inf rows give -inf
Tensor softmax(const Tensor& x, int axis = -1);
Tensor log_softmax(const Tensor& x, int axis = -1);
Tensor argmax(const Tensor& x, int axis = -1);  // int64; the first of equals
// x summed down to shape: the adjoint of broadcast_to.
Tensor sum_to(const Tensor& x, const Shape& shape);

}  // namespace imago::ops
