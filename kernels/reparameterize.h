// z = mu + exp(logvar / 2) eps with eps ~ N(0, I) drawn in the kernel: element i of z uses normal i
// of the draw at key, and every other pass draws it again. Not here: which key (engine/random).
#pragma once
#include "kernels/kernel.h"

namespace imago {

// mu, logvar, v [groups, cols]; z, h [groups * samples, cols], the samples of a group adjacent.
// About 60 flops a normal. With S = exp(logvar / 2) eps / 2, the derivative of z by logvar,
// scaled_noise and noise_sum are the two halves of the linear map by S; each is the other's
// gradient, so that any order is one of these kernels.
template <class T>
struct Reparameterize {
  Index groups = 0, samples = 1, cols = 0;
  PhiloxKey key;
  const T *mu = nullptr, *logvar = nullptr;
  T* z = nullptr;  // reparameterize: reads 2 groups cols, writes samples groups cols
  T *log_q = nullptr,
    *log_p = nullptr;  // [groups * samples]: log N(z; mu, e^logvar) and log N(z; 0, I)
  const T* v = nullptr;
  T* scaled =
      nullptr;  // scaled_noise: [groups * samples, cols] = v S; reads and writes as reparameterize
  const T* h = nullptr;
  T* summed = nullptr;  // noise_sum: [groups, cols] = sum over samples of h S; reads samples + 1,
                        // writes 1 groups cols
};
IMAGO_KERNEL(reparameterize, Reparameterize)
IMAGO_KERNEL(reparameterize_log_prob, Reparameterize)
IMAGO_KERNEL(scaled_noise, Reparameterize)
IMAGO_KERNEL(noise_sum, Reparameterize)

}  // namespace imago
