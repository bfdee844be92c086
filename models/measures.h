// What is measured of a latent-variable model on a split: rate, distortion, ELBO, log-likelihood by
// importance sampling. Means over the samples, in nats, from sums in float64: the size of the
// chunks they are computed in does not show.
#pragma once
#include <functional>

#include "engine/data/data_set.h"
#include "engine/train/metrics.h"
#include "models/latent_variable.h"

namespace imago::models {

// Where each kind of draw begins in the stream of a seed, in blocks, so that none meets another.
constexpr std::uint64_t initial_draws = std::uint64_t(1) << 60,
                        binarizing_draws = std::uint64_t(2) << 60,
                        evaluation_draws = std::uint64_t(3) << 60,
                        importance_draws = std::uint64_t(4) << 60,
                        sampling_draws = std::uint64_t(5) << 60;

struct MeasureOptions {
  std::vector<std::string> metrics = {};  // of metric_names(); empty: what training reports
  std::uint64_t seed = 0;
  Index samples = 1000;                       // K of nll
  Index limit = 0;                            // first so many samples; 0: all
  std::function<void(double)> progress = {};  // share done, 0 to 1
  std::function<bool()> stop = {};            // true: give up, no figures
};
//   elbo        E_q log p(x|z) - rate: a lower bound on log p(x)
//   rate        KL(q(z|x) || p(z))            distortion  -E_q log p(x|z)
//   iwae        the importance-weighted bound with the model's own K
//   nll         -log p(x), estimated with `samples` draws; an upper bound in expectation
//   mse         mean squared error, per dimension, of the reconstruction from the posterior mean
std::vector<std::string> metric_names(const LatentVariableModel& model);
std::vector<std::string> default_metrics(const LatentVariableModel& model);
training::Figures measure(LatentVariableModel& model, const data::DataSet& data,
                          const data::Split& split, const MeasureOptions& options);

// Rows [first, last) of a split as the network sees them, [n, D]; dynamic binarisation draws from
// the seed, and alike for every first that is a multiple of 4.
Tensor rows(const data::DataSet& data, const data::Split& split, Index first, Index last,
            std::uint64_t seed);

}  // namespace imago::models
