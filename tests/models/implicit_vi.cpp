// Variational inference without a likelihood of the sampler: its losses by hand, and the moments of
// a density it has learned against quadrature.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/data/densities.h"
#include "engine/ops/ops.h"
#include "models/adversarial_presets.h"
#include "models/densities.h"
#include "tests/errors.h"

namespace imago::models {
namespace {

const DataInfo ring{{2}, data::Kind::vector, 0, 0, "density:ring"};

training::Config config_of(const training::Settings& settings) {
  training::Config c = defaults(preset("implicit-vi"), data::Kind::vector);
  for (const auto& [key, text] : settings) c.set_text(key, text);
  preset("implicit-vi").settle(c, ring);
  return c;
}

// With a critic that says 1 everywhere, losses are those of constants; only log r - log p is left.
TEST(ImplicitVi, LossesByHand) {
  Generator init{1}, draws{2}, g{3};
  const training::Config c = config_of({{"width", "4"}, {"lr_decay", "0"}});
  const auto task = preset("implicit-vi").make(c, ring, nn::Init{init}, draws);
  for (const Parameter& p : task->model().parameters())
    if (p.name.starts_with("critic.")) p.value.fill_(p.name == "critic.net.6.bias" ? 1 : 0);
  const Tensor base = ops::randn({7, 2}, g);
  const auto phases = task->phases();
  EXPECT_NEAR(phases[0].objective({base}).at(0).value.item(),
              std::log1p(std::exp(-1.)) + std::log1p(std::exp(1.)), 1e-6);

  Generator again = draws;  // of the codes that the generator's step will draw
  auto& model = static_cast<AdversarialTask&>(*task).adversary();
  const auto x = model.generate(ops::randn({7, model.latent()}, again), {}).values();
  double want = 1;
  for (int i = 0; i < 7; i++) {
    const double u = x[std::size_t(2 * i)], v = x[std::size_t(2 * i + 1)];
    const double log_r = -(u * u + v * v) / 18 - std::log(2 * M_PI * 9);
    want += (log_r - data::density("ring").log_density(u, v).value) / 7;
  }
  EXPECT_NEAR(phases[1].objective({base}).at(0).value.item(), want, 1e-4);
}

TEST(ImplicitVi, LearnsTheMomentsOfADensity) {
  double mass = 0, second = 0;
  for (double u = -6; u <= 6; u += .02)
    for (double v = -6; v <= 6; v += .02) {
      const double p = std::exp(data::density("ring").log_density(u, v).value);
      mass += p;
      second += p * (u * u + v * v);
    }
  second /= mass;

  Generator init{1}, draws{2}, g{3};
  const training::Config c = config_of({{"width", "32"},
                                        {"layers", "2"},
                                        {"batch", "128"},
                                        {"lr_decay", "2000"},
                                        {"steps", "2000"},
                                        {"lr", "0.002"}});
  const auto task = preset("implicit-vi").make(c, ring, nn::Init{init}, draws);
  data::DataSet set;
  set.name = ring.name, set.kind = ring.kind, set.sample_shape = ring.sample_shape;
  set.train.x = set.test.x = data::density_base_sigma * ops::randn({2000, 2}, g);
  training::Trainer trainer(*task, set, c, draws, cpu_device);
  for (int i = 0; i < 2000; i++) trainer.advance();
  trainer.drain();
  const training::Trainer::Evaluating evaluating(trainer);
  const auto x = task->sample({.n = 4000}).x.values();
  double found = 0, mean[2] = {0, 0};
  for (std::size_t i = 0; i < x.size(); i++)
    found += x[i] * x[i] / 4000, mean[i % 2] += x[i] / 4000;
  EXPECT_NEAR(found, second, .05 * second);
  EXPECT_NEAR(mean[0], 0, .3);
  EXPECT_NEAR(mean[1], 0, .3);
}

TEST(ImplicitVi, WantsADensity) {
  training::Config c = defaults(preset("implicit-vi"), data::Kind::vector);
  test::expect_error(
      [&] {
        preset("implicit-vi").settle(c, {{2}, data::Kind::vector, 0, 8, "ring8"});
      },
      {"density:NAME", "ring8"});
}

}  // namespace
}  // namespace imago::models
