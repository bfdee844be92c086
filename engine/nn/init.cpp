#include "engine/nn/init.h"

#include <cmath>

#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"

namespace imago::nn {

Tensor uniform(const Shape& shape, double low, double high, const Init& init) {
  const NoGrad no_grad;
  return ops::affine(ops::rand(shape, init.generator, init.dtype), high - low, low).to(init.device);
}
Tensor normal(const Shape& shape, double mean, double sigma, const Init& init) {
  const NoGrad no_grad;
  return ops::affine(ops::randn(shape, init.generator, init.dtype), sigma, mean).to(init.device);
}

Fans fans(const Shape& weight) {
  if (weight.rank() < 2)
    throw Error(
        ErrorKind::usage,
        {"a weight of fewer than two dimensions has no fans", {}, "[out, in, ...]", weight.str()});
  double field = 1;
  for (int i = 2; i < weight.rank(); i++) field *= double(weight[i]);
  return {double(weight[1]) * field, double(weight[0]) * field};
}

namespace {
double kaiming_sigma(const Shape& weight, double slope) {
  return std::sqrt(2 / (1 + slope * slope) / fans(weight).in);
}
double xavier_sigma(const Shape& weight, double gain) {
  return gain * std::sqrt(2 / (fans(weight).in + fans(weight).out));
}
Tensor uniform_of(const Shape& weight, double sigma, const Init& init) {
  return uniform(weight, -std::sqrt(3.) * sigma, std::sqrt(3.) * sigma, init);
}
}  // namespace

Tensor kaiming_uniform(const Shape& weight, const Init& init, double negative_slope) {
  return uniform_of(weight, kaiming_sigma(weight, negative_slope), init);
}
Tensor kaiming_normal(const Shape& weight, const Init& init, double negative_slope) {
  return normal(weight, 0, kaiming_sigma(weight, negative_slope), init);
}
Tensor xavier_uniform(const Shape& weight, const Init& init, double gain) {
  return uniform_of(weight, xavier_sigma(weight, gain), init);
}
Tensor xavier_normal(const Shape& weight, const Init& init, double gain) {
  return normal(weight, 0, xavier_sigma(weight, gain), init);
}

}  // namespace imago::nn
