// KL divergence of diagonal Gaussians, summed over each row, in nats: to N(0, I) with its first and
// second derivatives, to another diagonal Gaussian with its first. Not here: densities
// (likelihood.h), draws (reparameterize.h).
#pragma once
#include "kernels/kernel.h"

namespace imago {

// All matrices [rows, cols]. Bytes an element: forward 2 reads; backward 2 reads, 2 writes; second
// 4 reads, 2 writes. About 20 flops an element, one exponential among them.
template <class T>
struct GaussianKl {
  Index rows = 0, cols = 0;
  const T *mu = nullptr, *logvar = nullptr;
  T* kl = nullptr;                                   // [rows], out of the forward pass
  const T* g = nullptr;                              // [rows], cotangent of kl
  const T *to_dmu = nullptr, *to_dlogvar = nullptr;  // cotangents of the backward pass's outputs
  T *dmu = nullptr, *dlogvar = nullptr;              // gradients of this pass
  T* dg = nullptr;                                   // [rows], gradient of g in the second pass
};
IMAGO_KERNEL(gaussian_kl, GaussianKl)
IMAGO_KERNEL(gaussian_kl_backward, GaussianKl)
IMAGO_KERNEL(gaussian_kl_second, GaussianKl)

// KL(N(mu1, e^logvar1) || N(mu2, e^logvar2)). Forward 4 reads; backward 4 reads, 4 writes an
// element.
template <class T>
struct GaussianKlPair {
  Index rows = 0, cols = 0;
  const T *mu1 = nullptr, *logvar1 = nullptr, *mu2 = nullptr, *logvar2 = nullptr;
  T* kl = nullptr;
  const T* g = nullptr;
  T *dmu1 = nullptr, *dlogvar1 = nullptr, *dmu2 = nullptr, *dlogvar2 = nullptr;
};
IMAGO_KERNEL(gaussian_kl_pair, GaussianKlPair)
IMAGO_KERNEL(gaussian_kl_pair_backward, GaussianKlPair)

}  // namespace imago
