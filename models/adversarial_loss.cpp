#include "models/adversarial_loss.h"

#include <cmath>

#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "engine/train/options.h"

namespace imago::models {

namespace {

using T = const Tensor&;
using namespace ops;

Tensor same(T l) { return l; }
Tensor negative(T l) { return -l; }

// Goodfellow et al. 2014. The generator's -log D(G) does not saturate where D is sure.
Tensor gan_real(T l) { return softplus(-l); }
Tensor gan_fake(T l) { return softplus(l); }

// Mao et al. 2017, targets 1 and 0.
Tensor ls_real(T l) { return 0.5 * square(l - 1); }
Tensor ls_fake(T l) { return 0.5 * square(l); }

// Lim & Ye 2017; Miyato et al. 2018.
Tensor hinge_real(T l) { return relu(1 - l); }
Tensor hinge_fake(T l) { return relu(1 + l); }

// f-GAN (Nowozin et al. 2016): E_p T - E_q f*(T) with T = g(v), v the critic's value.
// Non-saturating as in the paper's section 3.2: the generator maximises E_q T.
//   forward KL: T = v, f*(t) = exp(t - 1)
Tensor kl_fake(T v) { return exp(v - 1); }
//   reverse KL: T = -exp(-v), f*(t) = -1 - log(-t) = v - 1
Tensor reverse_kl_real(T v) { return exp(-v); }
Tensor reverse_kl_fake(T v) { return v - 1; }
//   Pearson: T = v, f*(t) = t^2 / 4 + t
Tensor pearson_fake(T v) { return 0.25 * square(v) + v; }
//   squared Hellinger: T = 1 - exp(-v), f*(t) = t / (1 - t) = exp(v) - 1
Tensor hellinger_real(T v) { return exp(-v) - 1; }
Tensor hellinger_fake(T v) { return exp(v) - 1; }
//   Jensen-Shannon: T = log 2 - log(1 + exp(-v)), f*(t) = -log(2 - exp t) = softplus(v) - log 2
Tensor js_real(T v) { return softplus(-v) - std::log(2.); }
Tensor js_fake(T v) { return softplus(v) - std::log(2.); }
//   total variation: T = tanh(v) / 2, f*(t) = t
Tensor tv_real(T v) { return -0.5 * tanh(v); }
Tensor tv_fake(T v) { return 0.5 * tanh(v); }

// Density ratio r = p / q under a Bregman divergence of a convex f (Sugiyama et al. 2012; Mohamed &
// Lakshminarayanan 2016): E_q [f'(r) r - f(r)] - E_p f'(r). The generator minimises KL(q to p) as
// the ratio tells it, -E_q log r.
//   f = u log u - (u + 1) log(u + 1), r = exp(l): f'(r) = -softplus(-l), the logistic loss
//   f = (u - 1)^2 / 2, r = softplus(l): least-squares importance fitting
Tensor lsif_real(T l) { return 1 - softplus(l); }
Tensor lsif_fake(T l) { return 0.5 * (square(softplus(l)) - 1); }
Tensor lsif_generator(T l) { return -log(softplus(l)); }
//   f = u log u - u, r = exp(l): KLIEP
Tensor kliep_fake(T l) { return exp(l); }

}  // namespace

const std::vector<AdversarialLoss>& adversarial_losses() {
  static const std::vector<AdversarialLoss> all = {
      {"gan", "logistic", gan_real, gan_fake, gan_real, "Goodfellow et al. 2014"},
      {"lsgan", "least squares", ls_real, ls_fake, ls_real, "Mao et al. 2017"},
      {"hinge", "margins", hinge_real, hinge_fake, negative, "Lim & Ye 2017"},
      {"wasserstein", "difference of means", negative, same, negative, "Arjovsky et al. 2017"},
      {"kl", "f-GAN, forward KL", negative, kl_fake, negative, "Nowozin et al. 2016"},
      {"reverse-kl", "f-GAN, reverse KL", reverse_kl_real, reverse_kl_fake, reverse_kl_real,
       "Nowozin et al. 2016"},
      {"pearson", "f-GAN, Pearson chi^2", negative, pearson_fake, negative, "Nowozin et al. 2016"},
      {"hellinger", "f-GAN, squared Hellinger", hellinger_real, hellinger_fake, hellinger_real,
       "Nowozin et al. 2016"},
      {"js", "f-GAN, Jensen-Shannon", js_real, js_fake, js_real, "Nowozin et al. 2016"},
      {"tv", "f-GAN, total variation", tv_real, tv_fake, tv_real, "Nowozin et al. 2016"},
      {"bregman-logistic", "density ratio, logistic", gan_real, gan_fake, negative,
       "Mohamed & Lakshminarayanan 2016"},
      {"bregman-lsif", "density ratio, least squares", lsif_real, lsif_fake, lsif_generator,
       "Kanamori et al. 2009"},
      {"bregman-kliep", "density ratio, KL importance", negative, kliep_fake, negative,
       "Sugiyama et al. 2008"},
  };
  return all;
}

std::vector<std::string> adversarial_loss_names() {
  std::vector<std::string> names;
  for (const auto& l : adversarial_losses()) names.emplace_back(l.name);
  return names;
}

const AdversarialLoss& adversarial_loss(const std::string& name) {
  std::string list;
  for (const AdversarialLoss& l : adversarial_losses()) {
    if (name == l.name) return l;
    list += (list.empty() ? "" : ", ") + std::string(l.name);
  }
  const std::string near = training::nearest(name, adversarial_loss_names());
  throw Error(ErrorKind::usage, {"unknown adversarial loss",
                                 {},
                                 "one of " + list,
                                 "'" + name + "'",
                                 near.empty() ? "" : "perhaps '" + near + "'"});
}

Tensor real_loss(const AdversarialLoss& loss, const Tensor& l, double label) {
  const Tensor as_real = mean(loss.real(l));
  return label == 1 ? as_real : label * as_real + (1 - label) * mean(loss.fake(l));
}

}  // namespace imago::models
