// Gather, scatter and one-hot along rows. Indices are int64; out of range is an Error (usage) on
// cpu and in debug mode.
#pragma once
#include "engine/autograd/autograd.h"

namespace imago::ops {

Tensor gather_rows(const Tensor& x,
                   const Tensor& index);  // [N, ...], [M] -> [M, ...]; the embedding look-up
Tensor scatter_add_rows(const Tensor& x, const Tensor& index,
                        Index rows);                  // [M, ...], [M] -> [rows, ...]; deterministic
Tensor gather(const Tensor& x, const Tensor& index);  // last axis: [R, C], [R, K] -> [R, K]
Tensor scatter_add(const Tensor& x, const Tensor& index,
                   Index cols);  // [R, K], [R, K] -> [R, cols]
Tensor one_hot(const Tensor& labels, Index classes,
               DType dtype = DType::f32);  // [...] -> [..., classes]
// Rows of a resident data set as network input: scale * x[index] + shift. x: uint8, float32 or
// float64 [N, ...].
Tensor gather_normalize(const Tensor& x, const Tensor& index, double scale, double shift,
                        DType dtype = DType::f32);

}  // namespace imago::ops
