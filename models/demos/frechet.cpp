#include "models/measures/frechet.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "engine/nn/layers.h"
#include "engine/ops/linalg.h"
#include "engine/ops/ops.h"
#include "engine/optim/optimizer.h"
#include "models/demos/demos.h"
#include "models/measures/frechet_loss.h"

namespace imago::models {

namespace {

constexpr int steps = 300;
constexpr Index batch = 64, modes = 8;

Moments moments(const Tensor& x) {
  MomentSum s(x.size(1));
  s.add(x);
  return s.moments();
}
// Rows of eight Gaussians on an ellipse.
Tensor ring(Index n, Generator& g) {
  std::vector<double> means;
  for (Index i = 0; i < n; i++) {
    const double angle = 2 * M_PI * double(i % modes) / double(modes);
    means.push_back(2 * std::cos(angle));
    means.push_back(std::sin(angle) + .5 * std::cos(angle));
  }
  return Tensor::from(means, {n, 2}) + ops::randn({n, 2}, g, DType::f64) * .1;
}
// Where one standard deviation is in every direction.
Curve ellipse(const char* name, const Moments& m) {
  const std::vector<double> l = linalg::cholesky(m.covariance)->values(), mean = m.mean.values();
  Curve c{name, {}, {}};
  for (int i = 0; i <= 60; i++) {
    const double angle = 2 * M_PI * i / 60, x = std::cos(angle), y = std::sin(angle);
    c.x.push_back(mean[0] + l[0] * x);
    c.y.push_back(mean[1] + l[2] * x + l[3] * y);
  }
  return c;
}
// Down the distance of what draw() yields, by its parameters; the distance at each step.
Curve descent(const char* name, const std::vector<Parameter>& parameters, const Moments& target,
              const std::function<Tensor()>& draw) {
  const FrechetLoss loss(target);
  std::vector<Tensor> leaves;
  for (const Parameter& p : parameters) leaves.push_back(p.value);
  Optimizer adam(parameters, Adam{}, {.lr = .1});
  Curve c{name, {}, {}};
  for (int i = 0; i < steps; i++) {
    adam.set_lr(.05 * (1 + std::cos(M_PI * double(i) / steps)) + 1e-4);
    const Tensor value = loss(draw());
    c.x.push_back(i);
    c.y.push_back(std::log10(std::max(value.item(), 1e-12)));
    adam.step(grad({value}, leaves));
  }
  return c;
}
Finding finding(const char* name, const Moments& start, const Moments& end, const Moments& target,
                double least) {
  return {name,
          {{"start", frechet_distance(start, target).distance},
           {"end", frechet_distance(end, target).distance},
           {"least", least}}};
}

}  // namespace

Findings frechet(std::uint64_t seed) {
  Generator draws{seed};
  const Moments target = moments(ring(4000, draws));
  Findings f;
  Panel paths{"log10 of the distance, by steps", {}};
  Panel plane{"one standard deviation in the plane", {ellipse("target", target)}};

  {
    const Tensor x = ops::randn({batch, 2}, draws, DType::f64) * .2 + 3;
    const Moments start = moments(x);
    x.requires_grad_();
    paths.curves.push_back(descent("points", {{"x", x}}, target, [&] { return x; }));
    const Moments end = moments(x.detach());
    f.rows.push_back(finding("points", start, end, target, 0));
    plane.curves.push_back(ellipse("start", start));
    plane.curves.push_back(ellipse("points", end));
  }
  {
    Generator initial{seed, std::uint64_t(1) << 60};
    const nn::Init init{initial, {}, DType::f64};
    nn::Sequential net;
    net.add<nn::Linear>(2, 16, init);
    net.add<nn::Activation>("tanh");
    net.add<nn::Linear>(16, 2, init);
    const auto sample = [&](Index n) { return net(ops::randn({n, 2}, draws, DType::f64)); };
    const Moments start = moments(sample(4000));
    paths.curves.push_back(
        descent("generator", net.parameters(), target, [&] { return sample(batch); }));
    const NoGrad no_grad;
    const Moments end = moments(sample(4000));
    f.rows.push_back(finding("generator", start, end, target, 0));
    plane.curves.push_back(ellipse("generator", end));
  }
  {
    // Eight points span seven directions: what is left of sixteen is the least distance (a low rank
    // approximation's, Eckart and Young 1936).
    const Index d = 16, n = 8;
    std::vector<double> scales;
    double least = 0;
    for (Index i = 0; i < d; i++) scales.push_back(std::pow(.8, double(i)));
    const Moments wide =
        moments(ops::randn({2000, d}, draws, DType::f64) * Tensor::from(scales, {1, d}));
    const std::vector<double> w = linalg::symmetric_eigen(wide.covariance).values.values();
    for (Index i = 0; i < d - n + 1; i++) least += w[std::size_t(i)];
    const Tensor x = ops::randn({n, d}, draws, DType::f64) * .2 + 1;
    const Moments start = moments(x);
    x.requires_grad_();
    paths.curves.push_back(descent("few points", {{"x", x}}, wide, [&] { return x; }));
    f.rows.push_back(finding("few points", start, moments(x.detach()), wide, least));
  }
  f.panels = {std::move(paths), std::move(plane)};
  return f;
}

}  // namespace imago::models
