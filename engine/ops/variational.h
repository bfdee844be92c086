// The fused ops of variational training. Each names its composite of plain ops (IMAGO_REFERENCE=1
// runs it), which is also its gradient beyond the orders that have a kernel. Rows are samples:
// [rows, features], summed over features, in nats.
#pragma once
#include "engine/autograd/autograd.h"
#include "engine/random/generator.h"

namespace imago::ops {

// z = mu + exp(logvar / 2) eps, eps ~ N(0, I) drawn in the kernel and drawn again in backward
// (Kingma & Welling 2014). mu, logvar [B, d]; z [B * samples, d], the samples of a row adjacent.
Tensor reparameterize(const Tensor& mu, const Tensor& logvar, Generator& g, Index samples = 1);
// The same with log q(z|x) and log p(z) of N(0, I) in the same pass: z [B*K, d], log_q [B*K], log_p
// [B*K].
struct PosteriorSample {
  Tensor z, log_q, log_p;
};
PosteriorSample reparameterize_log_prob(const Tensor& mu, const Tensor& logvar, Generator& g,
                                        Index samples = 1);

// KL(N(mu, e^logvar) || N(0, I)) of each row: [B, d] -> [B].
Tensor gaussian_kl(const Tensor& mu, const Tensor& logvar);
// KL(N(mu1, e^logvar1) || N(mu2, e^logvar2)) of each row.
Tensor gaussian_kl(const Tensor& mu1, const Tensor& logvar1, const Tensor& mu2,
                   const Tensor& logvar2);

// log p(x) of each row. x [B, D]; parameters [B * K, D]: x's row i serves rows i K .. i K + K - 1.
Tensor bernoulli_log_prob(const Tensor& x, const Tensor& logits);  // x in [0, 1]
Tensor gaussian_log_prob(const Tensor& x, const Tensor& mean,
                         const Tensor& logvar);  // logvar [B*K, D], [D] or one element
// Discretised logistic (Salimans et al. 2017; Kingma et al. 2016): levels k / 255, half-width 1 /
// 510, open tails.
Tensor discretized_logistic_log_prob(const Tensor& x, const Tensor& mean,
                                     const Tensor& log_scale);  // log_scale as logvar

// log (1/K sum_k exp(log_w[b, k])): [B, K] -> [B] (Burda et al. 2016). Its gradient is the
// normalised weights.
Tensor log_mean_exp(const Tensor& log_w);

}  // namespace imago::ops
