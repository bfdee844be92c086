// Initialisers of weights, with PyTorch's distributions. Values are drawn on the cpu and copied, so
// they are the same on every device.
#pragma once
#include "engine/core/tensor.h"
#include "engine/random/generator.h"

namespace imago::nn {

// Where new parameters live and what they are drawn from.
struct Init {
  Generator& generator;
  Device device = {};
  DType dtype = DType::f32;
};

Tensor uniform(const Shape& shape, double low, double high, const Init& init);
Tensor normal(const Shape& shape, double mean, double sigma, const Init& init);
// Fans of a weight [out, in, ...] as PyTorch counts them: sizes beyond the second multiply both.
struct Fans {
  double in, out;
};
Fans fans(const Shape& weight);
Tensor kaiming_uniform(const Shape& weight, const Init& init,
                       double negative_slope);  // He et al. 2015, leaky ReLU gain
Tensor kaiming_normal(const Shape& weight, const Init& init, double negative_slope);
Tensor xavier_uniform(const Shape& weight, const Init& init,
                      double gain = 1);  // Glorot & Bengio 2010
Tensor xavier_normal(const Shape& weight, const Init& init, double gain = 1);

}  // namespace imago::nn
