// What a gradient penalty is made of beside the critic: the points where the gradient is taken, and
// the penalty of its norms with first and second derivatives. Not here: the critic's own passes
// (engine/nn/gradient_penalty), and how noise is chosen.
#pragma once
#include "kernels/kernel.h"

namespace imago {

// u[r] uniform in [0, 1), element r of the draw at key, drawn by whoever works on the row.
// interpolate_rows: out = u a + (1 - u) b; reads 2, writes 1 rows cols. scale_rows, the two halves
// of its adjoint: out = (complement ? 1 - u : u) a; reads 1, writes 1.
template <class T>
struct InterpolateRows {
  Index rows = 0, cols = 0;
  PhiloxKey key;
  const T *a = nullptr, *b = nullptr;  // [rows, cols]
  T* out = nullptr;                    // [rows, cols]
  bool complement = false;
};
IMAGO_KERNEL(interpolate_rows, InterpolateRows)
IMAGO_KERNEL(scale_rows, InterpolateRows)

// out = x + sigma u[r] e with e element r cols + c of the draw at key, normal or uniform in [0, 1).
// Reads 1, writes 1 rows cols.
template <class T>
struct PerturbRows {
  Index rows = 0, cols = 0;
  PhiloxKey key;
  bool normal = false;
  const T *x = nullptr, *u = nullptr, *sigma = nullptr;  // [rows, cols], [rows], one element
  T* out = nullptr;                                      // [rows, cols]
};
IMAGO_KERNEL(perturb_rows, PerturbRows)

// phi(n) of the Euclidean norm n of a row: (n - 1)^2, relu(n - 1)^2, n^2 / 2.
enum class NormPenalty : std::uint8_t { two_sided, one_sided, squared };

// P = mean over rows of phi(norm of g[r, :]). The derivative of a norm at 0 is 0, in every order.
// norm_penalty writes norm and value = phi / rows: one read of g. norm_penalty_backward writes
// dg = up dP/dg, one read and one write: the gradient is not made in the forward pass, since up,
// known only now, would take another pass over it. norm_penalty_second, for a cotangent a of that
// dg, writes the gradient of a . dg by g and by up (dup[r], to be added up): 2 reads, 1 write.
template <class T>
struct RowPenalty {
  Index rows = 0, cols = 0;
  NormPenalty kind = NormPenalty::two_sided;
  const T* g = nullptr;      // [rows, cols]
  T* norm = nullptr;         // [rows]: written by the forward pass, read by the others
  T* value = nullptr;        // [rows]
  const T* up = nullptr;     // one element
  const T* to_dg = nullptr;  // [rows, cols]
  T* dg = nullptr;           // [rows, cols]: gradient of this pass
  T* dup = nullptr;          // [rows]
};
IMAGO_KERNEL(norm_penalty, RowPenalty)
IMAGO_KERNEL(norm_penalty_backward, RowPenalty)
IMAGO_KERNEL(norm_penalty_second, RowPenalty)

}  // namespace imago
