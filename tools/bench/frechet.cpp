// Case E: moments of features, and the trace of the square root of a product of covariances, each
// way it can be taken; the loss beside. Shares are of the float64 GEMM, measured on the spot.
#include "models/measures/frechet.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "bench.h"
#include "engine/ops/linalg.h"
#include "engine/ops/ops.h"
#include "models/measures/frechet_loss.h"

namespace imago::bench {
namespace {

using models::FrechetOptions;
using models::Moments;
using models::MomentSum;
using models::TraceRoot;

Tensor normals(Index n, Index d, std::uint64_t seed, DType dtype = DType::f64) {
  Generator g{seed};
  return ops::randn({n, d}, g, dtype);
}
Moments moments(const Tensor& x) {
  MomentSum s(x.size(1));
  s.add(x);
  return s.moments();
}

// x [n, d] added in parts of a thousand rows, and the moments taken. `of_gemm`: the time of x^T x
// by a GEMM over that of all this, which makes half of it.
void covariance(benchmark::State& state, DType dtype) {
  const Index n = state.range(0), d = state.range(1);
  const Tensor x = normals(n, d, 1, dtype), wide = ops::cast(x, DType::f64);
  const NoGrad no_grad;
  std::vector<Tensor> parts;
  for (Index at = 0; at < n; at += 1000)
    parts.push_back(ops::slice(x, 0, at, std::min(at + 1000, n)));
  double gemm = 0;
  {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 3; i++) benchmark::DoNotOptimize(ops::matmul(wide, wide, true).raw());
    gemm = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / 3;
  }
  const double each = measure(state, cpu_device, {}, [&] {
    MomentSum s(d);
    for (const Tensor& p : parts) s.add(p);
    benchmark::DoNotOptimize(s.moments().covariance.raw());
  });
  state.counters["of_gemm"] = gemm / each;
}

// Of 10,000 rows: normals, or, ill, of a decaying spectrum (condition 1e10 or so).
void trace(benchmark::State& state, Device device, TraceRoot how, bool ill, DType dtype) {
  const Index d = state.range(0), n = d * 5;
  const auto set = [&](std::uint64_t seed) {
    Tensor x = normals(n, d, seed);
    if (ill) {
      std::vector<double> scale;
      for (Index i = 0; i < d; i++) scale.push_back(std::pow(10., -4 * double(i) / double(d)));
      x = ops::matmul(x * Tensor::from(scale, {1, d}), normals(d, d, 3));
    }
    return moments(x);
  };
  const Moments a = set(1), b = set(2);
  FrechetOptions o;
  o.trace = how;
  o.dtype = dtype;
  o.device = device;
  o.tolerance = 1e-3;
  models::Frechet f;
  measure(state, device, {}, [&] { f = models::frechet_distance(a, b, o); });
  state.SetLabel(f.method);
}
// What exact falls back to.
void singular_values(benchmark::State& state) {
  const Index d = state.range(0);
  const Moments a = moments(normals(5 * d, d, 1)), b = moments(normals(5 * d, d, 2));
  measure(state, cpu_device, {}, [&] {
    const Tensor f = linalg::factor(linalg::pivoted_cholesky(a.covariance)),
                 g = linalg::factor(linalg::pivoted_cholesky(b.covariance));
    benchmark::DoNotOptimize(linalg::singular_values(ops::matmul(f, g, false, true)).raw());
  });
}
void loss(benchmark::State& state) {
  const Index n = state.range(0), d = state.range(1);
  const models::FrechetLoss distance(moments(normals(4 * d, d, 1)));
  const Tensor x = normals(n, d, 2, DType::f32);
  x.requires_grad_();
  measure(state, cpu_device, {}, [&] { grad({distance(x)}, {x}); });
}

}  // namespace

void register_frechet() {
  const auto add = [](const std::string& name, auto f, auto... more) {
    return benchmark::RegisterBenchmark(("frechet/" + name).c_str(), f, more...)
        ->Unit(benchmark::kMillisecond);
  };
  add("covariance", covariance, DType::f64)->Args({10000, 2048})->Args({10000, 128});
  add("covariance_f32", covariance, DType::f32)->Args({10000, 2048});
  for (const Index d : {512, 2048}) {
    for (const Device device : devices()) {
      if (device.backend == Backend::emulated) continue;
      const std::string on = device == cpu_device ? "" : concat("/", device);
      const auto by = [&](const char* what, TraceRoot how, bool ill, DType dtype) {
        add(concat("trace/", what, on), trace, device, how, ill, dtype)->Arg(d);
      };
      by("exact", TraceRoot::exact, false, DType::f64);
      by("exact_ill", TraceRoot::exact, true, DType::f64);
      by("products", TraceRoot::products, false, DType::f64);
      by("products_f32", TraceRoot::products, false, DType::f32);
      if (device != cpu_device) continue;
      by("eigvals", TraceRoot::eigvals, false, DType::f64);
      by("sqrtm", TraceRoot::sqrtm, false, DType::f64);
    }
    add("trace/singular_values", singular_values)->Arg(d);
  }
  add("loss", loss)->Args({256, 128})->Args({64, 512});
}

}  // namespace imago::bench
