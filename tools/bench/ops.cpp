// Microbenchmarks from the rows of tests/op_cases, forward and gradient; in the fused ops' case
// also their composites.
#include <random>

#include "bench.h"
#include "tests/op_cases/op_case.h"

namespace imago::bench {
namespace {

using test::Input;
using test::OpCase;

Tensor filled(const Input& in, Device d) {
  std::mt19937 rng(1);
  std::uniform_real_distribution<double> u(in.low, in.high);
  std::vector<double> v(std::size_t(in.shape.numel()));
  for (double& x : v) x = in.whole ? std::floor(u(rng)) : u(rng);
  const DType t = in.fixed_dtype ? in.dtype : DType::f32;
  Tensor r;
  if (t == DType::i64)
    r = Tensor::from(std::vector<std::int64_t>(v.begin(), v.end()), in.shape, d);
  else if (t == DType::u8)
    r = Tensor::from(std::vector<std::uint8_t>(v.begin(), v.end()), in.shape, d);
  else if (t == DType::f64)
    r = Tensor::from(v, in.shape, d);
  else
    r = Tensor::from(std::vector<float>(v.begin(), v.end()), in.shape, d);
  if (in.differentiable && is_floating(t)) r.requires_grad_();
  return r;
}

class Mode {  // fused or composite while it lives
 public:
  explicit Mode(bool composite) : before_(reference_mode()) { set_reference_mode(composite); }
  ~Mode() { set_reference_mode(before_); }

 private:
  bool before_;
};

void forward(benchmark::State& state, const OpCase& c, Device d, bool composite) {
  const Mode mode(composite);
  const NoGrad off;
  test::Tensors in;
  for (const Input& i : c.bench) in.push_back(filled(i, d));
  measure(state, d, {c.bench_bytes, c.bench_flops, c.bench_special, c.bench_normals},
          [&] { c.forward(in); });
}
// Forward and gradient together: what a training step pays for the op.
void gradient(benchmark::State& state, const OpCase& c, Device d, bool composite) {
  const Mode mode(composite);
  test::Tensors in, leaves, seeds;
  for (const Input& i : c.bench) {
    in.push_back(filled(i, d));
    if (in.back().requires_grad()) leaves.push_back(in.back());
  }
  for (const Tensor& o : c.forward(in)) seeds.push_back(Tensor::full(o.shape(), 1, o.dtype(), d));
  measure(state, d, {}, [&] { grad(c.forward(in), leaves, {.grad_outputs = seeds}); });
}

// The fused ops: those whose composite is another path.
bool fused(const std::string& op) {
  for (const char* name :
       {"reparameterize", "reparameterize_log_prob", "gaussian_kl", "bernoulli_log_prob",
        "gaussian_log_prob", "discretized_logistic_log_prob", "log_mean_exp", "linear", "softmax",
        "log_softmax", "logsumexp"})
    if (op == name) return true;
  return false;
}

}  // namespace

void register_ops() {
  for (Device d : devices()) {
    if (d.backend == Backend::emulated) continue;  // its time says nothing
    for (const OpCase& c : test::op_cases()) {
      if (c.bench.empty()) continue;
      for (const bool composite : {false, true}) {
        if (composite && !fused(c.op)) continue;
        const std::string stem =
            "op/" + c.op + "/" + c.name + (composite ? "/composite" : "/fused");
        const std::string base = fused(c.op) ? stem : "op/" + c.op + "/" + c.name;
        benchmark::RegisterBenchmark((base + "/forward/" + name(d)).c_str(), forward, c, d,
                                     composite);
        if (c.gradient)
          benchmark::RegisterBenchmark((base + "/gradient/" + name(d)).c_str(), gradient, c, d,
                                       composite);
      }
    }
  }
}

}  // namespace imago::bench
