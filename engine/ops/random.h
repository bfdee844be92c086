// Draws. Each takes a Generator and advances it by what it used; the same seed gives the same bits
// on every device.
#pragma once
#include "engine/autograd/autograd.h"
#include "engine/random/generator.h"

namespace imago::ops {

Tensor randn(const Shape& shape, Generator& g, DType dtype = DType::f32, Device device = {});
Tensor rand(const Shape& shape, Generator& g, DType dtype = DType::f32,
            Device device = {});  // uniform in [0, 1), 24 bits
Tensor bernoulli(
    const Tensor& p,
    Generator& g);  // 1 with probability p: dynamic binarisation; derivative identically zero
Tensor dropout(
    const Tensor& x, double p,
    Generator& g);  // kept with probability 1 - p and scaled; the mask is drawn again in backward

}  // namespace imago::ops
