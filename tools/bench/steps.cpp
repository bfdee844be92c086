// Whole training steps: batch, forward, loss, gradient, optimiser, metrics on the device. Cases A,
// B and B'; and Adam's update alone, beside the same in plain ops.
#include <cmath>
#include <optional>

#include "bench.h"
#include "engine/io/safetensors.h"
#include "engine/ops/ops.h"
#include "engine/optim/optimizer.h"
#include "models/latent_variable.h"

namespace imago::bench {
namespace {

struct Case {
  const char* name;
  models::LatentVariableOptions options;
  Index batch;
};
std::vector<Case> cases() {
  using models::Bound;
  const auto iwae = [](std::vector<Index> hidden, Index samples) {
    models::LatentVariableOptions o;
    o.hidden = std::move(hidden), o.latent = 50, o.activation = "tanh", o.bound = Bound::iwae,
    o.samples = samples;
    return o;
  };
  return {{"A", {}, 128},
          {"B/k=1", iwae({200, 200}, 1), 20},
          {"B/k=5", iwae({200, 200}, 5), 20},
          {"B/k=50", iwae({200, 200}, 50), 20},
          {"B'/k=1", iwae({500, 500}, 1), 100},
          {"B'/k=50", iwae({500, 500}, 50), 100}};
}

// One linear layer in a step: forward, weight gradient and, unless it is the first, input gradient.
struct Product {
  Index rows, in, out;
  bool first;
};
std::vector<Product> products(const Case& c) {
  std::vector<Product> all;
  const auto& o = c.options;
  Index at = o.features;
  for (Index h : o.hidden) all.push_back({c.batch, at, h, at == o.features}), at = h;
  all.push_back({c.batch, at, 2 * o.latent, false});
  at = o.latent;
  const Index rows = c.batch * o.samples;
  for (auto h = o.hidden.rbegin(); h != o.hidden.rend(); ++h)
    all.push_back({rows, at, *h, false}), at = *h;
  all.push_back({rows, at, o.features, false});
  return all;
}
constexpr double adam_bytes = 28;  // of a weight: read w, g, m, v; write w, m, v
// Flops of the products; bytes of Adam, of the likelihood and of the batch, which no arrangement of
// the work avoids.
double step_floor(const Case& c, Device d) {
  double flops = 0, weights = 0;
  for (const Product& p : products(c)) {
    flops += 2. * double(p.rows * p.in * p.out) * (p.first ? 2 : 3);
    weights += double((p.in + 1) * p.out);
  }
  const double adam = adam_bytes * weights;
  const double pixels = double(c.batch * c.options.samples * c.options.features);
  const double likelihood = 4 * pixels * 4;  // logits read twice, gradient written; x read
  return flops / gemm_rate(d) + adam / copy_rate(d, adam) +
         Work{likelihood, 0, 2 * pixels}.floor(d);
}

// A case's model, data and optimiser. One call is one step: batch, forward, loss, gradient, update.
struct Training {
  Generator init{1}, noise{2};
  models::LatentVariableModel model;
  std::vector<Parameter> parameters;
  std::vector<Tensor> leaves, batches;
  std::optional<Optimizer> adam;
  Tensor data;
  std::size_t next = 0;

  Training(const Case& c, Device d) : model(c.options, {init, d}, noise) {
    for (const auto& [name, value] : model.parameters())
      parameters.push_back({name, value}), leaves.push_back(value);
    adam.emplace(parameters, Adam{});
    const Index rows = 8192;
    data = ops::bernoulli(Tensor::full({rows, c.options.features}, .13, DType::f32, d), init);
    for (int k = 0; k < 16; k++) {
      std::vector<std::int64_t> at;
      for (Index i = 0; i < c.batch; i++) at.push_back((k * 7919 + i * 104729) % rows);
      batches.push_back(Tensor::from(at, {c.batch}, d));
    }
  }
  Tensor operator()() {
    const Tensor x = ops::gather_normalize(data, batches[next++ % batches.size()], 1, 0);
    const Tensor loss = model.objective(x)[0].value;
    adam->step(grad({loss}, leaves));
    return loss;
  }
};

void step(benchmark::State& state, const Case& c, Device d) {
  Training training(c, d);
  measure_training(state, d, step_floor(c, d), [&] { return training(); });
}

// Adam on the weights of case A: one fused pass over all, or a dozen plain ops for each tensor.
void update(benchmark::State& state, Device d, bool composite) {
  Generator random{1};
  std::vector<Parameter> parameters;
  std::vector<Tensor> gradients, first, second;
  double weights = 0;
  for (const Product& p : products(cases().front()))
    for (const Shape& shape : {Shape{p.out, p.in}, Shape{p.out}}) {
      parameters.push_back({concat(parameters.size()), ops::randn(shape, random, DType::f32, d)});
      gradients.push_back(ops::randn(shape, random, DType::f32, d));
      first.push_back(Tensor::zeros(shape, DType::f32, d));
      second.push_back(Tensor::zeros(shape, DType::f32, d));
      weights += double(shape.numel());
    }
  const Adam rule;
  Optimizer adam(parameters, rule);
  const NoGrad off;
  int t = 0;
  measure(state, d, {adam_bytes * weights, 0, 0}, [&] {
    if (!composite) return adam.step(gradients);
    t++;
    const double c1 = 1 - std::pow(rule.beta1, t), c2 = 1 - std::pow(rule.beta2, t);
    for (std::size_t i = 0; i < parameters.size(); i++) {
      const Tensor &w = parameters[i].value, &g = gradients[i];
      first[i] = first[i] * rule.beta1 + g * (1 - rule.beta1);
      second[i] = second[i] * rule.beta2 + ops::square(g) * (1 - rule.beta2);
      const Tensor spread = ops::sqrt(second[i]) / std::sqrt(c2) + rule.eps;
      w.copy_(w - first[i] / spread * (adam.lr() / c1));
    }
  });
}

}  // namespace

void measure_training(benchmark::State& state, Device d, double floor,
                      const std::function<Tensor()>& step) {
  Tensor sum = Tensor::zeros({}, DType::f32, d);
  const double each = measure(state, d, {}, [&] {
    const Tensor loss = step();
    const NoGrad off;
    sum = ops::add(sum, loss);
  });
  state.counters["floor_ms"] = floor * 1e3;
  state.counters["over_floor"] = each / floor;
}

void write_losses(const std::string& file, const Tensor& data, const std::vector<Tensor>& batches,
                  const std::vector<Parameter>& weights, const std::function<Tensor()>& step,
                  const io::Metadata& metadata) {
  io::NamedArrays out;
  out["data"] = io::to_host(data);
  out["batches"] = io::to_host(ops::stack(batches, 0));
  for (const Parameter& p : weights) out["initial." + p.name] = io::to_host(p.value);
  std::vector<double> losses;
  for (int k = 0; k < 20; k++) losses.push_back(step().item());
  out["losses"] = io::host_array(losses, {Index(losses.size())});
  io::write_safetensors(file, out, metadata);
}

void dump_losses(const std::string& name, const std::string& file) {
  if (dump_critic_losses(name, file) || dump_dcgan_losses(name, file) || dump_measures(name, file))
    return;
  std::string names;
  for (const Case& c : cases()) {
    names += (names.empty() ? "" : ", ") + std::string(c.name);
    if (c.name != name) continue;
    Training training(c, {});
    const auto& o = c.options;
    write_losses(file, training.data, training.batches, training.parameters,
                 [&] { return training(); },
                 {{"seed", concat(training.noise.seed)},
                  {"latent", concat(o.latent)},
                  {"samples", concat(o.samples)},
                  {"activation", o.activation},
                  {"bound", o.bound == models::Bound::iwae ? "iwae" : "elbo"}});
    return;
  }
  for (const std::string& critic : critic_cases()) names += ", " + critic;
  names += ", C";
  for (const std::string& measure : measure_cases()) names += ", " + measure;
  throw Error(ErrorKind::usage, {"no such case", "--dump-losses", "one of " + names, name});
}

void register_steps() {
  for (Device d : devices()) {
    if (d.backend == Backend::emulated) continue;
    for (const bool composite : {false, true})
      benchmark::RegisterBenchmark(
          concat("adam/", composite ? "composite/" : "fused/", name(d)).c_str(), update, d,
          composite);
    for (const Case& c : cases())
      benchmark::RegisterBenchmark(("step/" + std::string(c.name) + "/" + name(d)).c_str(), step, c,
                                   d)
          ->Unit(benchmark::kMillisecond);
  }
}

}  // namespace imago::bench
