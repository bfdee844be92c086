// Case D: one step of a WGAN-GP critic: batches, forward, losses, penalty, gradient, Adam. Each
// critic without its penalty and with it, by the four passes and by the tape.
#include <optional>

#include "bench.h"
#include "engine/io/safetensors.h"
#include "engine/nn/conv.h"
#include "engine/nn/gradient_penalty.h"
#include "engine/ops/ops.h"
#include "engine/optim/optimizer.h"

namespace imago::bench {
namespace {

enum class Penalty { none, tape, fused };
struct Case {
  const char* name;
  bool images;
  Index batch;
};
const Case kCases[] = {{"D/dense", false, 256}, {"D/conv", true, 64}};
// So slow that 20 losses can be compared: at 1e-4 those of the dense critic go through 0, and ours
// and PyTorch's differed by up to 2e-2 relative.
constexpr double learning_rate = 1e-5;
constexpr double weight_of_penalty = 10, beta1 = 0, beta2 = .9;
constexpr Index kHidden[] = {512, 512, 512};

void build(nn::Sequential& net, const Case& c, const nn::Init& init) {
  const auto conv = [&](Index in, Index out) {
    net.add<nn::Conv2d>(in, out, 4, ops::ConvOptions{.stride = 2, .padding = 1}, init);
    net.add<nn::Activation>("leaky_relu");
  };
  if (c.images) {
    conv(1, 64), conv(64, 128);
    net.add<nn::Flatten>();
    net.add<nn::Linear>(7 * 7 * 128, 1, init);
    return;
  }
  Index at = 784;
  for (const Index h : kHidden) {
    net.add<nn::Linear>(at, h, init);
    net.add<nn::Activation>("relu");
    at = h;
  }
  net.add<nn::Linear>(at, 1, init);
}
// Flops of a sample's forward, layer by layer.
std::vector<double> layer_flops(const Case& c) {
  if (c.images) return {2. * 14 * 14 * 64 * 16, 2. * 7 * 7 * 128 * 16 * 64, 2. * 7 * 7 * 128};
  return {2. * 784 * 512, 2. * 512 * 512, 2. * 512 * 512, 2. * 512};
}
// Forward, weight gradients and, but for the first layer, input gradients of both batches; of the
// penalty the four passes, each once through all layers but the last forwards, whose results
// nothing needs. Adam's bytes.
double step_floor(const Case& c, Penalty penalty, double weights, Device d) {
  double flops = 0;
  const std::vector<double> layers = layer_flops(c);
  for (std::size_t i = 0; i < layers.size(); i++) {
    flops += 2 * double(c.batch) * layers[i] * (i ? 3 : 2);
    if (penalty != Penalty::none)
      flops += double(c.batch) * layers[i] * (i + 1 == layers.size() ? 2 : 4);
  }
  const double adam = 28 * weights;  // reads w, g, m, v; writes w, m, v
  return flops / gemm_rate(d) + adam / copy_rate(d, adam);
}

struct Training {
  Generator init{1}, noise{2};
  Case c;
  Penalty penalty;
  nn::Sequential critic;
  std::vector<Tensor> leaves, batches;  // of each step's rows: generated ones, then real ones
  std::optional<Optimizer> adam;
  Tensor data;  // real ones first
  std::size_t next = 0;

  Training(const Case& which, Penalty how, Device d) : c(which), penalty(how) {
    build(critic, c, {init, d});
    for (const auto& p : critic.parameters()) leaves.push_back(p.value);
    adam.emplace(critic.parameters(), Adam{.beta1 = beta1, .beta2 = beta2},
                 OptimizerOptions{.lr = learning_rate});
    const Index rows = 4096;
    const Shape shape = c.images ? Shape{rows, 28, 28, 1} : Shape{rows, 784};
    const Tensor real = ops::bernoulli(Tensor::full(shape, .13, DType::f32, d), init);
    data = ops::concat({real, ops::rand(shape, init, DType::f32, d)}, 0);
    for (int k = 0; k < 16; k++) {
      std::vector<std::int64_t> at;
      for (Index i = 0; i < 2 * c.batch; i++)
        at.push_back((k * 7919 + i * 104729) % rows + (i < c.batch ? rows : 0));
      batches.push_back(Tensor::from(at, {2 * c.batch}, d));
    }
  }
  Tensor operator()() {
    const Index b = c.batch;
    const Tensor both = ops::gather_normalize(data, batches[next++ % batches.size()], 1, 0);
    const Tensor values = critic(both), fake = ops::slice(both, 0, 0, b),
                 real = ops::slice(both, 0, b, 2 * b);
    Tensor loss =
        ops::mean(ops::slice(values, 0, 0, b)) - ops::mean(ops::slice(values, 0, b, 2 * b));
    if (penalty != Penalty::none)
      loss = loss + weight_of_penalty * nn::gradient_penalty(critic, real, fake,
                                                             {.fused = penalty == Penalty::fused},
                                                             noise);
    adam->step(grad({loss}, leaves));
    return loss;
  }
};

void step(benchmark::State& state, const Case& c, Penalty penalty, Device d) {
  Training training(c, penalty, d);
  const double floor = step_floor(c, penalty, double(training.critic.parameter_count()), d);
  measure_training(state, d, floor, [&] { return training(); });
}

}  // namespace

std::vector<std::string> critic_cases() {
  std::vector<std::string> names;
  for (const Case& c : kCases) names.emplace_back(c.name);
  return names;
}

bool dump_critic_losses(const std::string& name, const std::string& file) {
  for (const Case& c : kCases) {
    if (c.name != name) continue;
    Training training(c, Penalty::fused, {});
    write_losses(file, training.data, training.batches, training.critic.state_dict(),
                 [&] { return training(); },
                 {{"seed", concat(training.noise.seed)},
                  {"critic", c.images ? "conv" : "dense"},
                  {"penalty", concat(weight_of_penalty)},
                  {"lr", concat(learning_rate)},
                  {"beta1", concat(beta1)},
                  {"beta2", concat(beta2)}});
    return true;
  }
  return false;
}

void register_critic_steps() {
  for (Device d : devices()) {
    if (d.backend == Backend::emulated) continue;
    for (const Case& c : kCases)
      for (const auto& [penalty, suffix] :
           {std::pair{Penalty::none, "/plain"}, {Penalty::tape, "/tape"}, {Penalty::fused, ""}})
        benchmark::RegisterBenchmark(concat("step/", c.name, suffix, "/", name(d)).c_str(), step, c,
                                     penalty, d)
            ->Unit(benchmark::kMillisecond);
  }
}

}  // namespace imago::bench
