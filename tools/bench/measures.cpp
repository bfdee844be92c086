// Case E, the measures of pairs: KID with 100 subsets of 1000, and precision, recall, density and
// coverage, each of 10,000 rows of 2048 features.
#include "bench.h"
#include "engine/io/safetensors.h"
#include "engine/ops/ops.h"
#include "models/measures/kid.h"
#include "models/measures/manifold.h"

namespace imago::bench {
namespace {

constexpr Index rows = 10000, features = 2048;

// Like features of images: none below 0, and correlated, so that neighbours are not all alike.
struct Sets {
  explicit Sets(Device d) {
    Generator g{1};
    const Tensor mix = ops::randn({64, features}, g, DType::f32, d) / 8;
    const auto set = [&](double shift) {
      return ops::relu(ops::matmul(ops::randn({rows, 64}, g, DType::f32, d), mix) +
                       .3 * ops::randn({rows, features}, g, DType::f32, d) + shift);
    };
    x = set(0);
    y = set(.05);
  }
  Tensor x, y;
};

// imago-bench's ceiling is float32's; float64 has half of it on the cpu.
void report(benchmark::State& state, double seconds, double flops, bool doubles, Device d) {
  const double floor = flops * (doubles ? 2 : 1) / gemm_rate(d);
  state.counters["floor_ms"] = floor * 1e3;
  state.counters["over_floor"] = seconds / floor;
}
void kid_benchmark(benchmark::State& state, Device d) {
  const NoGrad no_grad;
  const Sets s(d);
  const double seconds = measure(state, d, {}, [&] { models::kid(s.x, s.y); });
  report(state, seconds, 1.5 * 100 * 1e6 * 2 * double(features), true, d);
}
void manifold_benchmark(benchmark::State& state, Device d) {
  const NoGrad no_grad;
  const Sets s(d);
  const double seconds = measure(state, d, {}, [&] { models::manifold(s.x, s.y); });
  report(state, seconds, 4 * double(rows) * double(rows) * double(features), d != cpu_device, d);
}

}  // namespace

std::vector<std::string> measure_cases() { return {"E/kid", "E/prdc"}; }

bool dump_measures(const std::string& name, const std::string& file) {
  if (name != "E/kid" && name != "E/prdc") return false;
  const NoGrad no_grad;
  const Sets s({});
  std::vector<double> figures;
  if (name == "E/kid") {
    const auto k = models::kid(s.x, s.y);
    figures = {k->mean, k->std, k->mean_kernel};
  } else {
    const auto m = models::manifold(s.x, s.y);
    figures = {m->precision, m->recall, m->density, m->coverage, double(m->near_ties)};
  }
  io::NamedArrays out;
  out["x"] = io::to_host(s.x);
  out["y"] = io::to_host(s.y);
  out["figures"] = io::host_array(figures, {Index(figures.size())});
  io::write_safetensors(file, out, {{"case", name}});
  return true;
}

void register_measures() {
  for (Device d : devices()) {
    if (d.backend == Backend::emulated) continue;
    const std::pair<const char*, void (*)(benchmark::State&, Device)> all[] = {
        {"E/kid", kid_benchmark}, {"E/prdc", manifold_benchmark}};
    for (const auto& [name, run] : all)
      benchmark::RegisterBenchmark(concat("step/", name, "/", imago::name(d)).c_str(), run, d)
          ->Unit(benchmark::kMillisecond);
  }
}

}  // namespace imago::bench
