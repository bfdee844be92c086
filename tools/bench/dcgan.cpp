// Case C: a step of a DCGAN's critic and one of its generator: batch, forwards, logistic losses,
// gradients, Adam.
#include <optional>

#include "bench.h"
#include "engine/io/safetensors.h"
#include "engine/nn/conv.h"
#include "engine/nn/norm.h"
#include "engine/ops/ops.h"
#include "engine/optim/optimizer.h"

namespace imago::bench {
namespace {

constexpr Index batch = 64, latent = 64;
// So slow that 20 losses can be compared: at 2e-4 those in float32, ours and PyTorch's alike, are
// up to 3e-4 from those in float64.
constexpr double learning_rate = 5e-6, beta1 = .5, beta2 = .999;
const ops::ConvOptions halving{.stride = 2, .padding = 1};

struct Networks : nn::Module {
  explicit Networks(const nn::Init& init) {
    generator.add<nn::Linear>(latent, 7 * 7 * 128, init);
    generator.add<nn::Unflatten>(128, 7);
    generator.add<nn::ConvTranspose2d>(128, 64, 4, halving, init, false);
    generator.add<nn::BatchNorm>(64, init);
    generator.add<nn::Activation>("relu");
    generator.add<nn::ConvTranspose2d>(64, 1, 4, halving, init);
    generator.add<nn::Activation>("tanh");
    critic.add<nn::Conv2d>(1, 64, 4, halving, init);
    critic.add<nn::Activation>("leaky_relu");
    critic.add<nn::Conv2d>(64, 128, 4, halving, init, false);
    critic.add<nn::BatchNorm>(128, init);
    critic.add<nn::Activation>("leaky_relu");
    critic.add<nn::Flatten>();
    critic.add<nn::Linear>(7 * 7 * 128, 1, init);
    child("generator", generator);
    child("critic", critic);
  }
  nn::Sequential generator, critic;
};
// A sample's flops in each layer's forward.
constexpr double generator_flops[] = {2. * 64 * 6272, 2. * 49 * 128 * 64 * 16, 2. * 196 * 64 * 16},
                 critic_flops[] = {2. * 196 * 64 * 16, 2. * 49 * 128 * 64 * 16, 2. * 6272};

// The critic's step: generator forward, critic forward and gradients of both batches; the
// generator's: both forwards, input gradients of the critic, gradients of the generator.
double step_floor(double weights, Device d) {
  double flops = 0;
  for (std::size_t i = 0; i < 3; i++) {
    flops += generator_flops[i] * (1 + (i ? 3 : 2));
    flops += critic_flops[i] * (2 * (i ? 3 : 2) + 2);
  }
  const double adam = 28 * weights;
  return double(batch) * flops / gemm_rate(d) + adam / copy_rate(d, adam);
}

struct Training {
  Generator init{1}, noise{2};
  Networks networks;
  std::vector<Tensor> generator_leaves, critic_leaves, batches;
  std::optional<Optimizer> generator_adam, critic_adam;
  Tensor data;
  std::size_t next = 0;

  explicit Training(Device d) : networks({init, d}) {
    const auto prepare = [](nn::Sequential& net, std::vector<Tensor>& leaves,
                            std::optional<Optimizer>& adam) {
      for (const auto& p : net.parameters()) leaves.push_back(p.value);
      adam.emplace(net.parameters(), Adam{.beta1 = beta1, .beta2 = beta2},
                   OptimizerOptions{.lr = learning_rate});
    };
    prepare(networks.generator, generator_leaves, generator_adam);
    prepare(networks.critic, critic_leaves, critic_adam);
    const Index rows = 4096;
    data = ops::bernoulli(Tensor::full({rows, 28, 28, 1}, .13, DType::f32, d), init);
    for (int k = 0; k < 16; k++) {
      std::vector<std::int64_t> at;
      for (Index i = 0; i < batch; i++) at.push_back((k * 7919 + i * 104729) % rows);
      batches.push_back(Tensor::from(at, {batch}, d));
    }
  }
  Tensor code() { return ops::randn({batch, latent}, noise, DType::f32, data.device()); }
  // The sum of both losses.
  Tensor operator()() {
    const Tensor real = ops::gather_normalize(data, batches[next++ % batches.size()], 2, -1);
    Tensor fake;
    {
      const NoGrad off;
      fake = networks.generator(code());
    }
    const Tensor critic_loss = ops::mean(ops::softplus(-networks.critic(real))) +
                               ops::mean(ops::softplus(networks.critic(fake)));
    critic_adam->step(grad({critic_loss}, critic_leaves));
    const Tensor generator_loss =
        ops::mean(ops::softplus(-networks.critic(networks.generator(code()))));
    generator_adam->step(grad({generator_loss}, generator_leaves));
    const NoGrad off;
    return critic_loss + generator_loss;
  }
};

void step(benchmark::State& state, Device d) {
  Training training(d);
  const double floor = step_floor(double(training.networks.parameter_count()), d);
  measure_training(state, d, floor, [&] { return training(); });
}

}  // namespace

bool dump_dcgan_losses(const std::string& name, const std::string& file) {
  if (name != "C") return false;
  Training training({});
  write_losses(file, training.data, training.batches, training.networks.state_dict(),
               [&] { return training(); },
               {{"seed", concat(training.noise.seed)},
                {"dcgan", "28x28"},
                {"latent", concat(latent)},
                {"lr", concat(learning_rate)},
                {"beta1", concat(beta1)},
                {"beta2", concat(beta2)}});
  return true;
}

void register_dcgan_steps() {
  for (Device d : devices())
    if (d.backend != Backend::emulated)
      benchmark::RegisterBenchmark(concat("step/C/", name(d)).c_str(), step, d)
          ->Unit(benchmark::kMillisecond);
}

}  // namespace imago::bench
