// The spectral norm of a weight: Miyato et al. 2018. Not here: the iteration's vectors over a
// training, which a layer keeps (engine/nn/weighted.h).
#pragma once
#include "engine/autograd/autograd.h"

namespace imago::ops {

// Which dimension of a weight are the rows of its matrix; the others are the columns.
enum class Rows { first, last };

// sigma = u^T W v, a scalar. weight [..., ...] of two dimensions or more, u [rows], v [columns].
// For unit u and v it is at most the largest singular value, and that at its singular vectors.
Tensor spectral_norm(const Tensor& weight, const Tensor& u, const Tensor& v,
                     Rows rows = Rows::first);
// weight / spectral_norm(weight, u, v), in weight's shape.
Tensor spectral_normalize(const Tensor& weight, const Tensor& u, const Tensor& v,
                          Rows rows = Rows::first);

// One step of the power iteration: u = W v / |W v|, then v = W^T u / |W^T u|, a norm of at least
// 1e-12. Outside the graph.
struct SingularVectors {
  Tensor u, v;
};
SingularVectors power_iteration(const Tensor& weight, const Tensor& v, Rows rows = Rows::first);

}  // namespace imago::ops
