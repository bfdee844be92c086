// Layers under the spectral rule against torch.nn.utils.parametrizations.spectral_norm
// (make_golden_spectral.py): names and shapes of the state_dict, one training forward with its
// power iteration, first and second gradients, the vectors after it, and evaluation.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/io/safetensors.h"
#include "engine/nn/conv.h"
#include "engine/ops/ops.h"
#include "engine/optim/stored.h"

namespace imago {
namespace {

const io::SafeTensors& golden() {
  static const auto file = io::read_safetensors(IMAGO_GOLDEN "/spectral.safetensors");
  return file;
}
Tensor tensor(const std::string& name) { return io::to_tensor(golden().tensors.at(name)); }
std::vector<Parameter> below(const std::string& prefix) {
  std::vector<Parameter> all;
  for (const auto& [name, value] : golden().tensors)
    if (name.starts_with(prefix)) all.push_back({name.substr(prefix.size()), io::to_tensor(value)});
  return all;
}
void expect_stored(const std::string& name, const Tensor& got) {
  const Tensor want = tensor(name);
  ASSERT_EQ(got.shape(), want.shape()) << name;
  const auto a = got.values(), b = want.values();
  for (std::size_t i = 0; i < b.size(); i++)
    ASSERT_NEAR(a[i], b[i], 1e-10 * (1 + std::fabs(b[i]))) << name << " " << i;
}
void expect_equal(const std::string& name, const Tensor& got) { expect_stored(name, stored(got)); }

void check(const std::string& name, Device device, nn::Weighted& layer) {
  SCOPED_TRACE(name);
  const std::vector<Parameter> before = below("before." + name + ".");
  ASSERT_EQ(before.size(), 4u);
  layer.load_state_dict(before);  // refuses other names and shapes

  const Tensor file = tensor(name + ".x");
  const Tensor x =
      Tensor::empty(file.rank() == 4 ? Shape{file.size(0), file.size(2), file.size(3), file.size(1)}
                                     : file.shape(),
                    DType::f64, device);
  load_stored(x, file);
  x.requires_grad_();
  const Tensor y = layer.forward(x);
  expect_equal(name + ".y", y);
  const auto after = layer.state_dict();
  ASSERT_EQ(after.size(), 4u);
  for (const Parameter& p : after) expect_stored("after." + name + "." + p.name, p.value);

  const auto first =
      grad({ops::sum(y * y * y)}, {x, layer.weight, layer.bias}, {.create_graph = true});
  const auto second = grad({ops::sum(ops::square(first[0]))}, {x, layer.weight, layer.bias});
  const char* const names[] = {"x", "weight", "bias"};
  for (std::size_t i = 0; i < 3; i++) {
    expect_equal(name + ".grad." + names[i], first[i]);
    expect_equal(name + ".second." + names[i], second[i]);
  }
  layer.eval();
  expect_equal(name + ".eval", layer.forward(x));
  for (const Parameter& p : layer.state_dict())
    expect_stored("after." + name + "." + p.name, p.value);
}

void check_all(Device device) {
  Generator g{1};
  const nn::Init init{g, device, DType::f64};
  const nn::WeightOptions spectral{.rule = nn::WeightRule::spectral};
  nn::Linear linear(5, 4, init, true, spectral);
  check("linear", device, linear);
  nn::Conv2d conv(3, 4, {2, 3}, {.stride = 2, .padding = 1}, init, true, spectral);
  check("conv", device, conv);
  nn::Conv2d groups(4, 6, {3, 2}, {.groups = 2}, init, true, spectral);
  check("conv_groups", device, groups);
  nn::ConvTranspose2d transpose(3, 2, {4, 3}, {.stride = 2, .padding = 1}, init, true, spectral);
  check("transpose", device, transpose);
  nn::ConvTranspose2d both(4, 6, {2, 3}, {.groups = 2}, init, true, spectral);
  check("transpose_groups", device, both);
}

TEST(GoldenSpectral, AllEqualPyTorchs) {
  for (Device d : devices())
    if (d.backend != Backend::cuda) {
      SCOPED_TRACE(name(d));
      check_all(d);
    }
}
#if IMAGO_HAS_CUDA
TEST(GoldenSpectral, All_cuda) {
  if (device_from("auto") == cpu_device) GTEST_SKIP() << "no CUDA device";
  check_all(device_from("cuda"));
}
#endif

}  // namespace
}  // namespace imago
