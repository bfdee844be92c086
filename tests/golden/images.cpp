// Ops on images against PyTorch's values, first and second gradients (make_golden_images.py): the
// weights go through the layers' state_dict as a file holds them.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/io/safetensors.h"
#include "engine/nn/conv.h"
#include "engine/ops/ops.h"
#include "engine/optim/stored.h"

namespace imago {
namespace {

using ops::ConvOptions;

const io::SafeTensors& golden() {
  static const auto file = io::read_safetensors(IMAGO_GOLDEN "/images.safetensors");
  return file;
}
bool has(const std::string& name) { return golden().tensors.count(name) > 0; }
Tensor tensor(const std::string& name) { return io::to_tensor(golden().tensors.at(name)); }

void expect_equal(const std::string& name, const Tensor& got) {
  ASSERT_TRUE(has(name)) << name;
  const Tensor want = tensor(name);
  ASSERT_EQ(stored_shape(got.shape()), want.shape()) << name;
  const auto a = stored(got).values(), b = want.values();
  for (std::size_t i = 0; i < b.size(); i++)
    ASSERT_NEAR(a[i], b[i], 1e-10 * (1 + std::fabs(b[i]))) << name << " " << i;
}

using Function = std::function<Tensor(const Tensor&)>;
void check(const std::string& name, Device device, const Function& f, nn::Module* layer = nullptr) {
  SCOPED_TRACE(name);
  std::vector<Parameter> leaves;
  if (layer) {
    std::vector<Parameter> file;
    for (const char* key : {"weight", "bias"})
      if (has(name + "." + key)) file.push_back({key, tensor(name + "." + key)});
    layer->load_state_dict(file);
    leaves = layer->parameters();
  }
  const Tensor x =
      Tensor::empty(ops::permute(tensor(name + ".x"), {0, 2, 3, 1}).shape(), DType::f64, device);
  load_stored(x, tensor(name + ".x"));
  x.requires_grad_();
  leaves.insert(leaves.begin(), {"x", x});
  std::vector<Tensor> wanted;
  for (const Parameter& p : leaves) wanted.push_back(p.value);

  const Tensor y = f(x);
  expect_equal(name + ".y", y);
  const Tensor cubes = ops::sum(ops::mul(y, ops::mul(y, y)));
  const auto first = grad({cubes}, wanted, {.create_graph = true});
  const auto second = grad({ops::sum(ops::mul(first[0], first[0]))}, wanted);
  for (std::size_t i = 0; i < leaves.size(); i++) {
    expect_equal(name + ".grad." + leaves[i].name, first[i]);
    expect_equal(name + ".second." + leaves[i].name, second[i]);
  }
}

void check_all(Device device) {
  Generator g{1};
  const nn::Init init{g, device, DType::f64};
  const auto conv = [&](const char* name, Index in, Index out, ops::Size2 kernel, ConvOptions o,
                        bool bias = true) {
    nn::Conv2d layer(in, out, kernel, o, init, bias);
    check(
        name, device, [&](const Tensor& x) { return layer(x); }, &layer);
  };
  conv("conv", 2, 3, 3, {.padding = 1});
  conv("conv_strided", 3, 4, {4, 3}, {.stride = {2, 3}, .padding = {1, 0}});
  conv("conv_dilated_groups", 4, 6, {2, 3}, {.padding = 2, .dilation = {2, 1}, .groups = 2}, false);
  conv("conv_depthwise", 3, 6, 3, {.stride = 2, .groups = 3});
  const auto transpose = [&](const char* name, Index in, Index out, ops::Size2 kernel,
                             ConvOptions o, bool bias = true) {
    nn::ConvTranspose2d layer(in, out, kernel, o, init, bias);
    check(
        name, device, [&](const Tensor& x) { return layer(x); }, &layer);
  };
  transpose("transpose", 3, 2, 4, {.stride = 2, .padding = 1});
  transpose("transpose_output_padding", 4, 6, 3,
            {.stride = {3, 2}, .padding = 1, .groups = 2, .output_padding = {2, 1}});
  transpose("transpose_dilated", 2, 3, {2, 3}, {.dilation = {3, 2}, .output_padding = 1}, false);

  using ops::Interpolation;
  check("max_pool", device,
        [](const Tensor& x) { return ops::max_pool2d(x, 3, {.stride = 2, .padding = 1}); });
  check("avg_pool", device, [](const Tensor& x) {
    return ops::avg_pool2d(x, {3, 2}, {.stride = {2, 1}, .padding = 1});
  });
  check("nearest", device, [](const Tensor& x) {
    return ops::interpolate(x, {6, 8}, Interpolation::nearest);
  });
  check("bilinear_up", device, [](const Tensor& x) {
    return ops::interpolate(x, {7, 8}, Interpolation::bilinear);
  });
  check("bilinear_down", device, [](const Tensor& x) {
    return ops::interpolate(x, {3, 4}, Interpolation::bilinear);
  });
  check("pixel_shuffle", device, [](const Tensor& x) { return ops::pixel_shuffle(x, 2); });
  check("pixel_unshuffle", device, [](const Tensor& x) { return ops::pixel_unshuffle(x, 2); });
}

TEST(GoldenImages, AllEqualPyTorchs) {
  for (Device d : devices())
    if (d.backend != Backend::cuda) {
      SCOPED_TRACE(name(d));
      check_all(d);
    }
}
#if IMAGO_HAS_CUDA
TEST(GoldenImages, All_cuda) {
  if (device_from("auto") == cpu_device) GTEST_SKIP() << "no CUDA device";
  check_all(device_from("cuda"));
}
#endif

}  // namespace
}  // namespace imago
