// 20 training steps of VAE and IWAE against PyTorch's, from the same weights and the same noise
// (make_golden.py).
#include <gtest/gtest.h>

#include <cmath>

#include "engine/io/safetensors.h"
#include "engine/ops/ops.h"
#include "engine/optim/optimizer.h"
#include "models/latent_variable.h"

namespace imago {
namespace {

using models::Bound;
using models::LatentVariableModel;

std::vector<double> values(const io::SafeTensors& file, const std::string& name) {
  const auto it = file.tensors.find(name);
  if (it == file.tensors.end()) {
    ADD_FAILURE() << "no tensor " << name;
    return {};
  }
  const auto v = it->second.values<double>();
  return {v.begin(), v.end()};
}
// |a - b| / |b|, over whole tensors.
double distance(const std::vector<double>& a, const std::vector<double>& b) {
  EXPECT_EQ(a.size(), b.size());
  double d = 0, n = 0;
  for (std::size_t i = 0; i < b.size() && i < a.size(); i++)
    d += (a[i] - b[i]) * (a[i] - b[i]), n += b[i] * b[i];
  return std::sqrt(d / n);
}

void replay(const std::string& which, Bound bound, const char* activation, Index samples,
            DType dtype, Device device) {
  const io::SafeTensors golden =
      io::read_safetensors(std::string(IMAGO_GOLDEN "/") + which + ".safetensors");
  const std::string tag = name(dtype);
  const double loss_tolerance = dtype == DType::f64 ? 1e-9 : 1e-6,
               tolerance = dtype == DType::f64 ? 1e-9 : 1e-5;
  Generator noise{7}, unused{1};
  models::LatentVariableOptions options;
  options.features = 11, options.latent = 3, options.hidden = {13}, options.activation = activation;
  options.bound = bound, options.samples = samples;
  LatentVariableModel model(options, {unused, device, dtype}, noise);
  std::vector<Parameter> parameters;
  for (const auto& [name, value] : model.parameters()) {
    const auto v = values(golden, "initial." + name);
    Tensor t = Tensor::from(v, value.shape());
    if (dtype == DType::f32) t = ops::cast(t, DType::f32);
    value.copy_(t.to(device));
    parameters.push_back({name, value});
  }
  Optimizer adam(parameters, Adam{}, {.lr = 1e-2});
  const std::vector<double> x = values(golden, "x"), losses = values(golden, tag + ".loss");
  const std::size_t batch = 6 * 11;
  ASSERT_EQ(x.size(), 20 * batch);
  for (std::size_t step = 0; step < 20; step++) {
    Tensor xs = Tensor::from(std::vector<double>(x.begin() + std::ptrdiff_t(step * batch),
                                                 x.begin() + std::ptrdiff_t((step + 1) * batch)),
                             {6, 11});
    if (dtype == DType::f32) xs = ops::cast(xs, DType::f32);
    const Tensor loss = model.objective(xs.to(device))[0].value;
    EXPECT_NEAR(loss.item() / losses[step], 1, loss_tolerance) << "loss of step " << step;
    std::vector<Tensor> inputs;
    for (const Parameter& p : parameters) inputs.push_back(p.value);
    const std::vector<Tensor> grads = grad({loss}, inputs);
    if (step == 0 || step == 9 || step == 19) {
      for (std::size_t i = 0; i < grads.size(); i++)
        EXPECT_LE(distance(grads[i].values(),
                           values(golden, concat(tag, ".grad.", step, ".", parameters[i].name))),
                  tolerance)
            << "gradient of " << parameters[i].name << " at step " << step;
    }
    adam.step(grads);
  }
  for (const Parameter& p : parameters)
    EXPECT_LE(distance(p.value.values(), values(golden, tag + ".final." + p.name)), tolerance)
        << "final " << p.name;
}

void replay_everywhere(const std::string& which, Bound bound, const char* activation, Index samples,
                       DType dtype) {
  for (Device d : devices()) {
    if (d.backend == Backend::cuda) continue;  // a test of its own
    SCOPED_TRACE(name(d));
    replay(which, bound, activation, samples, dtype, d);
  }
}

TEST(Golden, NoiseIsTheSameBits) {
  for (const char* file : {"vae", "iwae"}) {
    const auto want = values(
        io::read_safetensors(std::string(IMAGO_GOLDEN "/") + file + ".safetensors"), "noise");
    for (Device d : devices()) {
      Generator g{7};
      EXPECT_EQ(ops::randn({Index(want.size())}, g, DType::f32, d).values(), want) << d;
    }
  }
}
TEST(Golden, Vae64) { replay_everywhere("vae", Bound::elbo, "relu", 1, DType::f64); }
TEST(Golden, Vae32) { replay_everywhere("vae", Bound::elbo, "relu", 1, DType::f32); }
TEST(Golden, Iwae64) { replay_everywhere("iwae", Bound::iwae, "tanh", 5, DType::f64); }
TEST(Golden, Iwae32) { replay_everywhere("iwae", Bound::iwae, "tanh", 5, DType::f32); }
#if IMAGO_HAS_CUDA
TEST(Golden, All_cuda) {
  if (device_from("auto") == cpu_device) GTEST_SKIP() << "no CUDA device";
  for (DType t : {DType::f64, DType::f32}) {
    replay("vae", Bound::elbo, "relu", 1, t, device_from("cuda"));
    replay("iwae", Bound::iwae, "tanh", 5, t, device_from("cuda"));
  }
}
#endif

}  // namespace
}  // namespace imago
