// Log-likelihoods of latent-variable models by annealed importance sampling (Neal 2001) with
// Hamiltonian transitions, as Wu et al. 2017 measure decoders. Not here: importance sampling with
// the encoder alone (models/measures/bounds.h).
#pragma once
#include <optional>
#include <vector>

#include "models/latent_variable.h"
#include "models/measures/watch.h"

namespace imago::models {

struct AnnealingOptions {
  Index chains = 16;          // of each x
  Index temperatures = 1000;  // steps from the start to p(z|x); sigmoidal, Wu et al. section 4
  Index leapfrog = 10;        // steps of a transition
  double step = .1;           // the first size of them; adapted for each x
  double acceptance = .65;    // towards this share of transitions accepted
  // p(z), or the encoder's q(z|x): nearer, but blind to what the encoder does not see.
  enum class Start { prior, posterior } start = Start::prior;
  Watch watch = {};
};
struct Annealed {
  std::vector<double> log_p;  // of each row of x, nats
  double accepted = 0;        // share of transitions
};
// Means over chains of the weights of a path from the start to p(z|x), geometric: their logarithms
// are, in expectation, lower bounds of log p(x); but for the step size, which follows the chains'
// own acceptance: a bias that many chains share and few feel (of one chain up to .1 nats). x: [B,
// D]. B chains temperatures leapfrog passes through the decoder and back, of B chains rows at once.
// Nothing where stopped. Error (usage) for options out of range, and for an autoencoder, which has
// no prior.
std::optional<Annealed> annealed_log_p(LatentVariableModel& model, const Tensor& x,
                                       const AnnealingOptions& options, Generator& g);
// The paths backwards from z [B, d], for x drawn from p(x|z) row by row: there z is an exact draw
// of p(z|x), and these are upper bounds in expectation (Grosse et al. 2015). The gap between both
// bounds on such data says how far either may be off.
std::optional<Annealed> annealed_log_p_above(LatentVariableModel& model, const Tensor& x,
                                             const Tensor& z, const AnnealingOptions& options,
                                             Generator& g);

}  // namespace imago::models
