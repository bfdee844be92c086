// The parts of gradient penalties that are not the critic: points between two batches or around
// one, and the penalty of a gradient's norms. Rows are samples, of any number of dimensions. Not
// here: the penalty of a critic, which is engine/nn/gradient_penalty.h; ops::interpolate resamples
// images.
#pragma once
#include "engine/autograd/autograd.h"
#include "engine/random/generator.h"
#include "kernels/penalty.h"

namespace imago::ops {

// u a + (1 - u) b, u ~ U(0, 1) for each row, drawn in the kernel and again in backward. a, b
// [B, ...] alike.
Tensor interpolate_rows(const Tensor& a, const Tensor& b, Generator& g);

// x + u sigma e, u ~ U(0, 1) for each row; e ~ U(0, 1) or N(0, 1) for each element. x [B, ...],
// sigma one element.
enum class RowNoise { uniform, normal };
Tensor perturb_rows(const Tensor& x, const Tensor& sigma, Generator& g, RowNoise noise);

// The mean over rows of (n - 1)^2, relu(n - 1)^2 or n^2 / 2, n the Euclidean norm of a row:
// [B, ...] -> []. The derivative of a norm at 0 is 0; nothing is added to the norm for that. Error
// (usage) where there is no row.
using imago::NormPenalty;
Tensor norm_penalty(const Tensor& g, NormPenalty kind);

}  // namespace imago::ops

namespace imago::fused {

// For passes written out by hand, recording nothing: norm_penalty with the norms [B], and up (one
// element) times its gradient.
struct PenaltyOfNorms {
  Tensor value, norm;
};
PenaltyOfNorms norm_penalty(const Tensor& g, NormPenalty kind);
Tensor norm_penalty_gradient(const Tensor& g, const Tensor& norm, const Tensor& up,
                             NormPenalty kind);

}  // namespace imago::fused
