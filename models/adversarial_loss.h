// The losses of the two-player game, each from logits l or values f of the critic alone: what the
// critic minimises on data and on generated samples, and what the generator minimises. Not here:
// penalties, stabilisers, networks; models/adversarial.h composes them.
#pragma once
#include <string>
#include <vector>

#include "engine/core/tensor.h"

namespace imago::models {

// Values for each sample; all elementwise. The critic minimises E real(l(x)) + E fake(l(G)); the
// generator E generator(l(G)), or -E fake(l(G)) when the game is played as minimax.
struct AdversarialLoss {
  const char* name;
  const char* about;  // the formula, in a word or two
  Tensor (*real)(const Tensor& l);
  Tensor (*fake)(const Tensor& l);
  Tensor (*generator)(const Tensor& l);
  const char* source;
};
const std::vector<AdversarialLoss>& adversarial_losses();
const AdversarialLoss& adversarial_loss(const std::string& name);  // Error (usage)
std::vector<std::string> adversarial_loss_names();

// How the generator's loss comes from it.
enum class GeneratorLoss { non_saturating, minimax };

// E real(l_real) with one-sided label smoothing: share s of the label real, 1 - s of fake (Salimans
// et al. 2016).
Tensor real_loss(const AdversarialLoss&, const Tensor& l, double label);

}  // namespace imago::models
