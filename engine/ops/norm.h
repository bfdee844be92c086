// Normalisation to mean 0 and variance 1, channels last: [n, c] or [n, h, w, c]. Every op but the
// composites has fused kernels up to the second order, in which the statistics are differentiated
// as well. Not here: running statistics (engine/nn/norm.h).
#pragma once
#include "engine/autograd/autograd.h"

namespace imago::ops {

// y = (x - mean) / sqrt(var + eps) * weight + bias. weight and bias, each of shape [c], may be
// undefined: 1 and 0. x of rank 2 or more, float32 or float64.

// Statistics of each channel over all other axes (Ioffe & Szegedy 2015). Error (usage) without a
// row. mean and var (biased, as in y), both [c], are values for running statistics: no gradient.
struct BatchStatistics {
  Tensor y, mean, var;
};
BatchStatistics batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias,
                           double eps = 1e-5);
// The same by given statistics [c]; a composite, differentiable in all of its arguments.
Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& mean,
                  const Tensor& var, double eps = 1e-5);
// Statistics of each sample and group of c / groups adjacent channels, over all positions (Wu & He
// 2018). groups = c is the instance norm, groups = 1 the layer norm of images.
Tensor group_norm(const Tensor& x, Index groups, const Tensor& weight, const Tensor& bias,
                  double eps = 1e-5);
// Statistics of each row of the last axis (Ba et al. 2016). Of an image that is each pixel by
// itself; over whole images it is group_norm with one group.
Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps = 1e-5);
// x / sqrt(mean of x^2 over the last axis + eps) (Karras et al. 2018).
Tensor pixel_norm(const Tensor& x, double eps = 1e-8);

// x with one more channel: the standard deviation over the samples of a group, averaged over all
// features and the same for all of the group (Karras et al. 2018). Groups are min(group, n)
// adjacent samples; those left over belong to the last group, which is the larger for it. A
// composite; sqrt(var + 1e-8), so that equal samples have a gradient.
Tensor minibatch_stddev(const Tensor& x, Index group = 4);

}  // namespace imago::ops
