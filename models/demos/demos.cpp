#include "models/demos/demos.h"

#include "engine/core/error.h"
#include "engine/train/named.h"

namespace imago::models {

const std::vector<Demo>& demos() {
  static const std::vector<Demo> all = {
      {"bilinear", "min over x, max over y of x y",
       "Simultaneous gradient steps diverge from the equilibrium of x y, alternating ones cycle "
       "round it, extragradient and optimistic ones reach it.",
       bilinear},
      {"divergences", "one Gaussian for two modes",
       "Forward KL and Wasserstein-1 cover both modes, reverse KL and Jensen-Shannon seek the "
       "greater one.",
       divergences},
      {"density-ratio", "log p/q from a classifier",
       "A classifier's logit is log p/q where the two overlap; between distant supports it is far "
       "from it.",
       density_ratio},
      {"frechet", "down the Frechet distance",
       "The Frechet distance is differentiable: its gradient moves free points and a generator "
       "onto "
       "the target's mean and covariance, which are all that it sees, and fewer points than "
       "dimensions as near as their rank lets them.",
       frechet},
  };
  return all;
}

const Demo& demo(const std::string& name) {
  return training::named(demos(), name, ErrorKind::usage, "no such demo", {}, {});
}

}  // namespace imago::models
