// Normalising layers against PyTorch's values (make_golden_norms.py): first gradients, those of a
// gradient penalty, and running statistics. The state goes in as a file holds it.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/io/safetensors.h"
#include "engine/nn/norm.h"
#include "engine/ops/ops.h"
#include "engine/optim/stored.h"

namespace imago {
namespace {

const io::SafeTensors& golden() {
  static const auto file = io::read_safetensors(IMAGO_GOLDEN "/norms.safetensors");
  return file;
}
Tensor tensor(const std::string& name) { return io::to_tensor(golden().tensors.at(name)); }
// As a file holds it, to our layout.
Tensor images(const std::string& name, Device device) {
  const Tensor t = tensor(name);
  return (t.rank() == 4 ? ops::permute(t, {0, 2, 3, 1}) : t).to(device);
}
void expect_equal(const std::string& name, const Tensor& got) {
  ASSERT_TRUE(golden().tensors.count(name)) << name;
  const Tensor want = tensor(name);
  ASSERT_EQ(stored_shape(got.shape()), want.shape()) << name;
  EXPECT_EQ(got.dtype(), want.dtype()) << name;
  const auto a = stored(got).values(), b = want.values();
  for (std::size_t i = 0; i < b.size(); i++)
    ASSERT_NEAR(a[i], b[i], 1e-10 * (1 + std::fabs(b[i]))) << name << " " << i;
}
// All that the file holds of NAME.KIND., and nothing else.
std::vector<Parameter> state(const std::string& prefix) {
  std::vector<Parameter> all;
  for (const auto& [name, value] : golden().tensors)
    if (name.rfind(prefix, 0) == 0) all.push_back({name.substr(prefix.size()), tensor(name)});
  return all;
}

void check(const std::string& name, Device device, nn::Layer& layer) {
  SCOPED_TRACE(name);
  layer.load_state_dict(state(name + ".state."));
  const Tensor x = images(name + ".x", device);
  x.requires_grad_();
  std::vector<Parameter> leaves = layer.parameters();
  leaves.insert(leaves.begin(), {"x", x});
  std::vector<Tensor> wanted;
  for (const Parameter& p : leaves) wanted.push_back(p.value);

  const Tensor y = layer(x);
  expect_equal(name + ".y", y);
  const Tensor loss = ops::sum(y * y * y);
  const auto first = grad({loss}, wanted);
  const Tensor by_x = grad({loss}, {x}, {.create_graph = true})[0];
  const auto second = grad({ops::sum(ops::square(by_x))}, wanted);
  for (std::size_t i = 0; i < leaves.size(); i++) {
    expect_equal(name + ".grad." + leaves[i].name, first[i]);
    expect_equal(name + ".second." + leaves[i].name, second[i]);
  }
}
void check_batch_norm(const std::string& name, Device device, nn::BatchNorm& layer) {
  check(name, device, layer);
  for (const char* step : {".step.0", ".step.1", ".step.2"}) layer(images(name + step, device));
  std::size_t held = 0;
  for (const Parameter& p : layer.state_dict())
    expect_equal(name + ".after." + p.name, p.value), held++;
  EXPECT_EQ(held, state(name + ".after.").size());
  layer.eval();
  const Tensor x = images(name + ".x", device);
  expect_equal(name + ".eval", layer(x));
  expect_equal(name + ".after.running_mean", layer.running_mean);  // evaluation moves nothing
}

void check_all(Device device) {
  Generator g{1};
  const nn::Init init{g, device, DType::f64};
  nn::BatchNorm batch_rows(5, init), batch_images(3, init, 1e-3, .3);
  check_batch_norm("batch_rows", device, batch_rows);
  check_batch_norm("batch_images", device, batch_images);
  nn::LayerNorm layer_rows(6, init), layer_images(4, init);
  check("layer_rows", device, layer_rows);
  check("layer_images", device, layer_images);
  nn::GroupNorm group(2, 6, init);
  check("group", device, group);
  nn::InstanceNorm instance(3, init);
  check("instance", device, instance);
  nn::PixelNorm pixel;
  check("pixel", device, pixel);
  nn::MinibatchStddev stddev_rows(3), stddev_images(2);
  check("stddev_rows", device, stddev_rows);
  check("stddev_images", device, stddev_images);
}

TEST(GoldenNorms, AllEqualPyTorchs) {
  for (Device d : devices())
    if (d.backend != Backend::cuda) {
      SCOPED_TRACE(name(d));
      check_all(d);
    }
}
TEST(GoldenNorms, CompositesEqualPyTorchs) {
  const bool before = reference_mode();
  set_reference_mode(true);
  check_all(cpu_device);
  set_reference_mode(before);
}
#if IMAGO_HAS_CUDA
TEST(GoldenNorms, All_cuda) {
  if (device_from("auto") == cpu_device) GTEST_SKIP() << "no CUDA device";
  check_all(device_from("cuda"));
}
#endif

}  // namespace
}  // namespace imago
