#include <cmath>

#include "engine/nn/layers.h"
#include "engine/ops/ops.h"
#include "engine/optim/optimizer.h"
#include "models/demos/demos.h"

namespace imago::models {

namespace {

constexpr Index batch = 128;
constexpr int steps = 800;

// Net becomes the logit of "x came from p = N(-d/2, 1), not from q = N(d/2, 1)", learned from draws
// of both.
void learn_to_classify(nn::Sequential& net, double distance, std::uint64_t seed) {
  Generator initial{seed, std::uint64_t(1) << 60}, draws{seed};
  const nn::Init init{initial};
  net.add<nn::Linear>(1, 32, init);
  net.add<nn::Activation>("tanh");
  net.add<nn::Linear>(32, 32, init);
  net.add<nn::Activation>("tanh");
  net.add<nn::Linear>(32, 1, init);
  Optimizer adam(net.parameters(), Adam{});
  for (int i = 0; i < steps; i++) {
    adam.set_lr(5e-3 * (1 + std::cos(M_PI * double(i) / steps)));
    const Tensor p = ops::randn({batch, 1}, draws) - distance / 2,
                 q = ops::randn({batch, 1}, draws) + distance / 2;
    adam.zero_grad();
    backward(ops::mean(ops::softplus(-net(p))) + ops::mean(ops::softplus(net(q))));
    adam.step();
  }
}

}  // namespace

Findings density_ratio(std::uint64_t seed) {
  Findings f;
  for (const double d : {1., 10.}) {
    nn::Sequential net;
    learn_to_classify(net, d, seed);
    const NoGrad no_grad;
    const std::string name = d == 1 ? "near" : "distant";
    // Quadrature over what the mixture can yield.
    constexpr Index points = 2001;
    const double reach = d / 2 + 5, cell = 2 * reach / double(points - 1);
    std::vector<float> x(points);
    for (Index i = 0; i < points; i++) x[std::size_t(i)] = float(double(i) * cell - reach);
    const std::vector<double> logit = net(Tensor::from(x, {points, 1})).values();
    Curve exact{"exact", {}, {}}, learned{"classifier", {}, {}};
    double square = 0, kl = 0;
    for (std::size_t i = 0; i < x.size(); i++) {
      const double at = x[i], truth = -d * at;
      const auto density = [&](double mean) {
        return std::exp(-.5 * (at - mean) * (at - mean)) / std::sqrt(2 * M_PI);
      };
      const double p = density(-d / 2), q = density(d / 2);
      square += cell * .5 * (p + q) * (logit[i] - truth) * (logit[i] - truth);
      kl += cell * p * logit[i];
      exact.x.push_back(at);
      exact.y.push_back(truth);
      learned.x.push_back(at);
      learned.y.push_back(logit[i]);
    }
    f.rows.push_back(
        {name,
         {{"distance", d}, {"rmse", std::sqrt(square)}, {"kl", kl}, {"exact_kl", d * d / 2}}});
    f.panels.push_back({name + " supports: the logit", {std::move(exact), std::move(learned)}});
  }
  return f;
}

}  // namespace imago::models
