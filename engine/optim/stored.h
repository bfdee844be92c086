// How a state_dict, and so a file, holds a tensor. Here channels come last; there the four
// dimensions of images and of the weights of convolutions are as PyTorch has them: [a, h, w, b] is
// stored as [a, b, h, w]. Other ranks are stored as they are. Not here: names and files.
#pragma once
#include "engine/core/tensor.h"

namespace imago {

Shape stored_shape(const Shape& shape);
// The tensor itself, or a transposed copy; outside the graph.
Tensor stored(const Tensor& own);
// Copies what is stored into own, in place and between devices if need be.
void load_stored(const Tensor& own, const Tensor& value);

}  // namespace imago
