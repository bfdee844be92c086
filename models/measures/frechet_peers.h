// The trace of (S1 S2)^(1/2) as well-known tools take it, for figures that are to be theirs. Not
// here: the exact one (models/measures/frechet.h).
#pragma once
#include <string>

#include "engine/core/tensor.h"

namespace imago::models {

// a, b: covariances [d, d], float64 on the cpu. method becomes what was done.
//
// Of SciPy's square root of a b by its Schur form, real parts. As pytorch-fid: where the triangular
// recurrence divides by exactly 0, 1e-6 I is added to both, and Error (data) where an imaginary
// part of the root's diagonal exceeds 1e-3. Not as pytorch-fid: Error (data) for that division
// alone.
double trace_of_sqrtm(const Tensor& a, const Tensor& b, std::string& method,
                      bool as_pytorch_fid = true);
double trace_of_eigvals(const Tensor& a, const Tensor& b, std::string& method);

}  // namespace imago::models
