// Log-likelihoods of independent features, summed over each row, in nats, and their gradients:
// Bernoulli from logits with its second derivatives, Gaussian, and discretised logistic. Not here:
// means over a batch.
#pragma once
#include "kernels/kernel.h"

namespace imago {

// Parameters [rows, cols]; x [rows / samples, cols] is never repeated: row r reads x's row r /
// samples. rows below 2^32.

// log p = sum x u - softplus(u) with u the logits. Forward reads u and x once (2 transcendentals an
// element); backward reads them again, writes du; second reads three, writes one.
template <class T>
struct Bernoulli {
  Index rows = 0, cols = 0, samples = 1;
  const T *x = nullptr, *logits = nullptr;
  T* log_prob = nullptr;     // [rows], out of the forward pass
  const T* g = nullptr;      // [rows], cotangent of log_prob
  const T* to_du = nullptr;  // cotangent of the backward pass's output
  T* du = nullptr;           // gradient of this pass by the logits
  T* dg = nullptr;           // [rows], gradient of g in the second pass
};
IMAGO_KERNEL(bernoulli_log_prob, Bernoulli)
IMAGO_KERNEL(bernoulli_log_prob_backward, Bernoulli)
IMAGO_KERNEL(bernoulli_log_prob_second, Bernoulli)

// How a scale is shared: one for each element [rows, cols], for each column [cols], or one for all.
enum class Spread : std::uint8_t { each, column, one };

// A density with a mean and a log scale: Gaussian (log_scale is the log variance) or discretised
// logistic (log_scale is the log of s): levels k / 255, half-width h = 1 / 510, open tails: with a
// = (x - mean + h) / s, b = (x - mean - h) / s
//   log P = log sigmoid(a) where x < h, log sigmoid(-b) where x > 1 - h, else log(sigmoid(a) -
//   sigmoid(b)).
// Forward reads mean and x (and log_scale when each); backward reads them again and writes dmean
// (and dlog_scale). Gaussian: 1 exponential an element; logistic: 4 and a logarithm forward, 4
// backward.
template <class T>
struct LocationScale {
  Index rows = 0, cols = 0, samples = 1;
  Spread spread = Spread::each;
  const T *x = nullptr, *mean = nullptr, *log_scale = nullptr;
  T* log_prob = nullptr;
  const T* g = nullptr;     // [rows], cotangent of log_prob
  T* dmean = nullptr;       // [rows, cols]; not wanted when null
  T* dlog_scale = nullptr;  // [rows, cols] when each, [cols] when column, [rows] (to be added up)
                            // when one; or null
};
IMAGO_KERNEL(gaussian_log_prob, LocationScale)
IMAGO_KERNEL(gaussian_log_prob_backward, LocationScale)
IMAGO_KERNEL(discretized_logistic_log_prob, LocationScale)
IMAGO_KERNEL(discretized_logistic_log_prob_backward, LocationScale)

}  // namespace imago
