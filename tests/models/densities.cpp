// Densities of tensors: equal to those on the host, with gradients of both orders.
#include "models/densities.h"

#include <cmath>

#include "engine/data/densities.h"
#include "engine/ops/ops.h"
#include "tests/io/files.h"

namespace imago::models {
namespace {

Tensor points(Index n) {
  Generator g{1};
  return ops::randn({n, 2}, g, DType::f64) * 2.5;
}
TEST(DensitiesOfTensors, AreThoseOfTheHost) {
  const Tensor x = points(300).requires_grad_();
  const std::vector<double> at = x.values();
  for (const data::DensityInfo& d : data::densities()) {
    const Tensor p = log_density(d.name, x);
    ASSERT_EQ(p.shape(), Shape{300});
    const std::vector<double> v = p.values(), g = grad({ops::sum(p)}, {x})[0].values();
    for (std::size_t i = 0; i < v.size(); i++) {
      const data::LogDensity host = d.log_density(at[2 * i], at[2 * i + 1]);
      EXPECT_NEAR(v[i], host.value, 1e-5 * (1 + std::fabs(host.value))) << d.name;
      for (const std::size_t k : {0u, 1u})
        EXPECT_NEAR(g[2 * i + k], host.gradient[k], 1e-4 * (1 + std::fabs(host.gradient[k])))
            << d.name;
    }
  }
}
// Of a weighted sum, and of its gradient once more.
TEST(DensitiesOfTensors, GradientsAreDifferences) {
  const Tensor x = points(40).requires_grad_(), w = points(20);
  const auto weighted = [&](const std::string& name, const Tensor& at) {
    return ops::sum(log_density(name, at) * ops::reshape(w, {40}));
  };
  for (const data::DensityInfo& d : data::densities()) {
    const std::vector<Tensor> first = grad({weighted(d.name, x)}, {x}, {.create_graph = true});
    Generator g{2};
    const Tensor u = ops::randn({40, 2}, g, DType::f64);
    const Tensor slope = ops::sum(first[0] * u), second = grad({slope}, {x})[0];
    const double h = 1e-6;
    const auto moved = [&](double by) { return (x.detach() + u * by).requires_grad_(); };
    const Tensor ahead = moved(h), behind = moved(-h);
    const double difference =
        (weighted(d.name, ahead).item() - weighted(d.name, behind).item()) / (2 * h);
    EXPECT_NEAR(slope.item(), difference, 1e-5 * (1 + std::fabs(difference))) << d.name;
    const auto slope_at = [&](const Tensor& at) {
      return ops::sum(grad({weighted(d.name, at)}, {at})[0] * u).item();
    };
    const double bend = (slope_at(ahead) - slope_at(behind)) / (2 * h);
    EXPECT_NEAR(ops::sum(second * u).item(), bend, 1e-4 * (1 + std::fabs(bend))) << d.name;
  }
}
TEST(DensitiesOfTensors, Refusals) {
  test::expect_error(ErrorKind::data, {"no such density", "rng", "perhaps ring"},
                     [] { log_density("rng", points(3)); });
  test::expect_error(ErrorKind::usage, {"[N, 2]", "[3]"},
                     [] { log_density("ring", Tensor::zeros({3})); });
}

}  // namespace
}  // namespace imago::models
