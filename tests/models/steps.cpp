// Whole training steps: the same losses on every device, no node left alive, dropout and dynamic
// binarisation included.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/core/allocator.h"
#include "engine/ops/ops.h"
#include "models/preset_rows.h"
#include "tests/ops/devices.h"

namespace imago::models {
namespace {

data::DataSet pictures(Device device) {
  Generator g{31};
  data::DataSet set;
  set.name = "noise";
  set.sample_shape = {5, 7, 1};
  set.binarize = data::Binarize::dynamic;
  const Tensor x = ops::rand({50, 5, 7, 1}, g);
  set.train.x = x.to(device);
  set.test.x = ops::slice(x, 0, 0, 10).to(device);
  return set;
}

// The terms of 20 steps of a preset.
std::vector<double> losses(const std::string& name, Device device) {
  training::Config config(preset(name).options);
  for (const auto& [key, text] : training::Settings{{"likelihood", "bernoulli"},
                                                    {"latent", "4"},
                                                    {"hidden", "17,9"},
                                                    {"dropout", "0.1"},
                                                    {"batch", "16"},
                                                    {"ema", "0.9"}})
    config.set_text(key, text);
  const data::DataSet set = pictures(device);
  Generator initial{41}, noise{42};
  const auto task = preset(name).make(config, info_of(set), nn::Init{initial, device}, noise);
  training::Trainer trainer(*task, set, config, noise, device);
  std::vector<double> all;
  for (int step = 0; step < 20; step++) {
    trainer.advance();
    EXPECT_EQ(live_nodes(), 0) << "after step " << step;
    for (const auto& [term, mean] : trainer.drain()) all.push_back(mean);
  }
  for (const auto& [figure, value] : task->evaluate(set, set.test)) all.push_back(value);
  EXPECT_EQ(live_nodes(), 0);
  return all;
}

class Steps : public test::OnDevice {};

TEST_P(Steps, AgreeWithTheCpu) {
  for (const Preset& p : latent_variable_presets()) {
    const std::vector<double> here = losses(p.name, device()), cpu = losses(p.name, cpu_device);
    ASSERT_EQ(here.size(), cpu.size());
    for (std::size_t i = 0; i < cpu.size(); i++)
      EXPECT_NEAR(here[i], cpu[i], 1e-5 * std::fabs(cpu[i])) << p.name << " figure " << i;
    EXPECT_NE(cpu.front(), cpu.back());
  }
}
#ifndef __SANITIZE_ADDRESS__  // there every block goes back to the device, so that it sees the
                              // bounds
TEST_P(Steps, ReachASteadyStateWithoutAllocations) {
  for (const Preset& p : latent_variable_presets()) {
    training::Config config(preset(p.name).options);
    for (const auto& [key, text] : training::Settings{{"likelihood", "bernoulli"},
                                                      {"hidden", "17,9"},
                                                      {"dropout", "0.1"},
                                                      {"batch", "16"},
                                                      {"clip_norm", "1"},
                                                      {"ema", "0.9"}})
      config.set_text(key, text);
    empty_cache(device());
    const data::DataSet set = pictures(device());
    Generator initial{41}, noise{42};
    const auto task = p.make(config, info_of(set), nn::Init{initial, device()}, noise);
    training::Trainer trainer(*task, set, config, noise, device());
    const auto run = [&](int steps) {
      const std::uint64_t before = memory_stats(device()).device_allocations;
      for (int step = 0; step < steps; step++) {
        trainer.advance();
        trainer.drain();
      }
      return memory_stats(device()).device_allocations - before;
    };
    EXPECT_GT(run(20), 0u) << p.name;  // three epochs, each with a shorter last batch
    EXPECT_EQ(run(200), 0u) << p.name;
  }
}
#endif
INSTANTIATE_TEST_SUITE_P(Devices, Steps, testing::ValuesIn(test::built_backends()),
                         test::backend_name);

}  // namespace
}  // namespace imago::models
