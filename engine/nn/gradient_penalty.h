// Gradient penalties of a critic: WGAN-GP, its one-sided form, DRAGAN, R1, R2. Exact for any critic
// by double backward through the tape; for stacks of linear maps and piecewise-linear activations
// by four passes without a second graph. Not here: losses, weights of the penalty, trainers.
#pragma once
#include <functional>
#include <string>

#include "engine/nn/layers.h"
#include "engine/ops/penalty.h"

namespace imago::nn {

// The mean over the batch, n the norm of a sample's gradient of the critic's value:
enum class PenaltyKind {
  wgan_gp,  // (n - 1)^2 at u real + (1 - u) fake, u ~ U(0, 1) for each sample (Gulrajani et al.
            // 2017)
  lp,       // relu(n - 1)^2 there (Petzka et al. 2018)
  dragan,   // (n - 1)^2 at real + u delta (Kodali et al. 2017)
  r1,       // n^2 / 2 at real (Mescheder et al. 2018)
  r2,       // n^2 / 2 at fake
};
struct PenaltyOptions {
  PenaltyKind kind = PenaltyKind::wgan_gp;
  // DRAGAN's delta: uniform in [0, std(real) / 2), the authors' code, std over the whole batch; or
  // N(0, variance), the paper.
  ops::RowNoise noise = ops::RowNoise::uniform;
  double variance = 1;
  bool fused = true;  // false: by the tape whatever the critic
};

// One value a sample: x [B, ...] to B elements.
using Critic = std::function<Tensor(const Tensor&)>;

// The penalty, one element. real, fake [B, ...] alike; r1 and dragan want no fake, r2 no real. Its
// gradient reaches the critic's weights, and real and fake where they require one; std(real) is a
// constant. Biases behind piecewise-linear activations alone are unreachable: their gradient is
// zero. Error (usage) when the critic does not give one value a sample.
Tensor gradient_penalty(const Critic& critic, const Tensor& real, const Tensor& fake,
                        const PenaltyOptions& options, Generator& g);
Tensor gradient_penalty(Layer& critic, const Tensor& real, const Tensor& fake,
                        const PenaltyOptions& options, Generator& g);

// Which way the second of these goes in a critic's training: "fused", or "tape: " and why, such as
// "tape: Dropout at 2".
std::string penalty_path(Layer& critic);

}  // namespace imago::nn
