// What ops with a fused kernel share: argument checks, and gradients through their composite of
// plain ops for the orders that have no kernel. Not here: the ops themselves.
#pragma once
#include <functional>
#include <vector>

#include "engine/autograd/autograd.h"

namespace imago::fused {

using Function = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

// (primals..., cotangents...) -> the gradients of the wanted primals, by differentiating the
// composite f.
Function gradient_of(Function f, std::vector<bool> wanted);
// The vjp of an op recorded with save_inputs(inputs), by differentiating its composite f.
VjpFunction vjp_of(Function f, int inputs, int outputs);
constexpr Save save_inputs(int n) { return (Save(1) << n) - 1; }

// Error (usage) unless t is a floating [rows, features] matrix.
void check_matrix(const char* op, const char* what, const Tensor& t);
// Error (usage) unless t has this shape, and the dtype and device of like.
void check_like(const char* op, const char* what, const Tensor& t, const Shape& shape,
                const Tensor& like);
// How many of rows' rows each row of x serves: rows of parameters / rows of x. Error (usage) unless
// that is whole and the widths agree.
Index samples_of(const char* op, const Tensor& x, const Tensor& rows);

// [B * samples, d] or [B * samples]: the sum over each group of samples adjacent rows. The tensor
// itself for one sample.
Tensor group_sum(const Tensor& t, Index samples);
// [B, ...]: each row samples times over. The tensor itself for one sample.
Tensor repeat_rows(const Tensor& t, Index samples);

}  // namespace imago::fused
