#include <algorithm>
#include <chrono>
#include <map>

#include "bench.h"
#include "engine/ops/ops.h"
#include "kernels/runtime.h"

namespace imago::bench {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Seconds a call, the best of several blocks of at least 20 ms.
double best_time(Device d, const std::function<void()>& f) {
  const Stream s = runtime::compute_stream(d.backend, d.index);
  f(), f();
  runtime::synchronize(s);
  double best = 1e30;
  for (int block = 0; block < 7; block++) {
    int calls = 0;
    const double start = now();
    double passed = 0;
    while (passed < 0.02) {
      for (int k = 0; k < 8; k++) f();
      runtime::synchronize(s);
      calls += 8, passed = now() - start;
    }
    best = std::min(best, passed / calls);
  }
  return best;
}
template <class Measure>
double once(Device d, int key, Measure measure) {
  static std::map<std::pair<std::string, int>, double> known;
  const auto at = std::pair(name(d), key);
  if (!known.count(at)) known[at] = measure();
  return known[at];
}

}  // namespace

double copy_rate(Device d, double bytes) {
  // One measurement for each power of two of the working set: caches differ by a factor of three.
  int power = 16;
  while (power < 28 && double(Index(1) << power) < bytes) power++;
  return once(d, power, [&] {
    const NoGrad off;
    const Tensor a = Tensor::full({(Index(1) << power) / 8}, 1, DType::f32, d);
    return double(Index(1) << power) / best_time(d, [&] { ops::affine(a, 2, 1); });
  });
}
double gemm_rate(Device d) {
  return once(d, 100, [&] {
    const NoGrad off;
    const Index n = 1024;
    const Tensor a = Tensor::full({n, n}, .5, DType::f32, d);
    return 2. * n * n * n / best_time(d, [&] { ops::matmul(a, a, false, true); });
  });
}
double special_rate(Device d) {
  return once(d, 101, [&] {
    const NoGrad off;
    const Index n = 1 << 14;
    const Tensor a = Tensor::full({n}, .5, DType::f32, d);
    return double(n) / best_time(d, [&] { ops::exp(a); });
  });
}
double normal_rate(Device d) {
  return once(d, 102, [&] {
    Generator g{1};
    const Index n = 1 << 14;
    return double(n) / best_time(d, [&] { ops::randn({n}, g, DType::f32, d); });
  });
}
double Work::floor(Device d) const {
  double t = 0;
  if (bytes > 0) t = std::max(t, bytes / copy_rate(d, bytes));
  if (flops > 0) t = std::max(t, flops / gemm_rate(d));
  double arithmetic = 0;
  if (special > 0) arithmetic += special / special_rate(d);
  if (normals > 0) arithmetic += normals / normal_rate(d);
  t = std::max(t, arithmetic);
  return t;
}

double measure(benchmark::State& state, Device d, const Work& work,
               const std::function<void()>& step) {
  const double floor = work.floor(d);
  const Stream s = runtime::compute_stream(d.backend, d.index);
  step(), step();
  runtime::synchronize(s);
  const double start = now();
  for (auto _ : state) {
    step();
    runtime::synchronize(s);
  }
  const double each =
      (now() - start) / double(std::max<benchmark::IterationCount>(state.iterations(), 1));
  if (work.bytes > 0) state.counters["GB/s"] = work.bytes / each * 1e-9;
  if (work.flops > 0) state.counters["GFLOP/s"] = work.flops / each * 1e-9;
  if (floor > 0) state.counters["ceiling"] = floor / each;
  return each;
}

}  // namespace imago::bench
