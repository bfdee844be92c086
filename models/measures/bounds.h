// What is measured of a latent-variable model on a split: rate, distortion, ELBO, log-likelihood by
// importance sampling and by annealing, what codes know of the data. Means over the samples, in
// nats, from sums in float64: the size of the chunks they are computed in does not show.
#pragma once
#include "models/generative_task.h"
#include "models/latent_variable.h"

namespace imago::models {

//   elbo        E_q log p(x|z) - rate: a lower bound on log p(x)
//   rate        KL(q(z|x) || p(z))            distortion  -E_q log p(x|z)
//   iwae        the importance-weighted bound with the model's own K
//   nll         -log p(x), estimated with `samples` draws; an upper bound in expectation
//   ais         the same by annealed importance sampling from the prior, o.chains of
//   o.temperatures:
//               models/measures/annealing.h
//   mi_lower, mi_upper   bounds of the information of z on x in the whole split: information.h
//   active_units         units of z that depend on x: information.h
//   mse         mean squared error, per dimension, of the reconstruction from the posterior mean
std::vector<std::string> metric_names(const LatentVariableModel& model);
std::vector<std::string> default_metrics(const LatentVariableModel& model);
training::Figures measure(LatentVariableModel& model, const data::DataSet& data,
                          const data::Split& split, const MeasureOptions& options);

}  // namespace imago::models
