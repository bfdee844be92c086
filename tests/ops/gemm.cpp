// kernels::gemm: every argument against plain loops, and the same bits whatever the number of
// threads.
#include "kernels/gemm.h"

#include <omp.h>

#include <cmath>
#include <limits>
#include <random>
#include <thread>

#include "tests/ops/devices.h"

namespace imago::test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct Problem {
  Index batch = 1, m = 1, n = 1, k = 1;
  bool transpose_a = false, transpose_b = false, shared_a = false, shared_b = false;
  Index gap = 0;  // elements between matrices of a batch
  double alpha = 1, beta = 0;
  bool bias = false;
  Epilogue activation = Epilogue::none;
};
std::ostream& operator<<(std::ostream& o, const Problem& p) {
  return o << p.batch << " x [" << p.m << ", " << p.k << "]" << (p.transpose_a ? "^T" : "")
           << (p.shared_a ? " shared" : "") << " [" << p.k << ", " << p.n << "]"
           << (p.transpose_b ? "^T" : "") << (p.shared_b ? " shared" : "") << " gap " << p.gap
           << " alpha " << p.alpha << " beta " << p.beta << (p.bias ? " bias" : "")
           << " activation " << int(p.activation);
}
double activated(double x, Epilogue a) {
  switch (a) {
    case Epilogue::none: return x;
    case Epilogue::relu: return x > 0 ? x : 0;
    case Epilogue::leaky_relu: return x > 0 ? x : .2 * x;
    case Epilogue::tanh: return std::tanh(x);
    case Epilogue::sigmoid: return 1 / (1 + std::exp(-x));
  }
  return x;
}

struct Data {
  std::vector<double> a, b, c, bias;
};
Data random_data(const Problem& p, unsigned seed) {
  std::mt19937 rng(seed);
  const double range = 1 / std::sqrt(double(p.k) + 1);  // sums near 1
  const auto fill = [&](Index count, double r) {
    std::uniform_real_distribution<double> u(-r, r);
    std::vector<double> v(std::size_t(count), 0.);
    for (double& x : v) x = float(u(rng));
    return v;
  };
  Data d;
  d.a = fill(p.batch * (p.m * p.k + p.gap), 2 * range);
  d.b = fill(p.batch * (p.k * p.n + p.gap), 2);
  d.c = fill(p.batch * (p.m * p.n + p.gap), 1);
  d.bias = fill(p.n, 1);
  if (p.beta == 0)
    for (double& x : d.c) x = nan;  // must not be read
  return d;
}
template <class T>
Gemm<T> arguments(const Problem& p, const T* a, const T* b, const T* bias, T* c) {
  Gemm<T> g;
  g.batch = p.batch, g.m = p.m, g.n = p.n, g.k = p.k;
  g.transpose_a = p.transpose_a, g.transpose_b = p.transpose_b;
  g.a = a, g.b = b, g.c = c;
  g.stride_a = p.shared_a ? 0 : p.m * p.k + p.gap;
  g.stride_b = p.shared_b ? 0 : p.k * p.n + p.gap;
  g.stride_c = p.m * p.n + p.gap;
  g.alpha = T(p.alpha), g.beta = T(p.beta);
  g.bias = p.bias ? bias : nullptr;
  g.activation = p.activation;
  return g;
}
std::vector<double> reference(const Problem& p, const Data& d) {
  std::vector<double> out = d.c;
  const Gemm<double> g = arguments(p, d.a.data(), d.b.data(), d.bias.data(), out.data());
  for (Index z = 0; z < p.batch; z++)
    for (Index i = 0; i < p.m; i++)
      for (Index j = 0; j < p.n; j++) {
        double s = 0;
        for (Index l = 0; l < p.k; l++)
          s += g.a[z * g.stride_a + (p.transpose_a ? l * p.m + i : i * p.k + l)] *
               g.b[z * g.stride_b + (p.transpose_b ? j * p.k + l : l * p.n + j)];
        double& c = g.c[z * g.stride_c + i * p.n + j];
        c = activated(
            p.alpha * s + (p.beta == 0 ? 0 : p.beta * c) + (p.bias ? d.bias[std::size_t(j)] : 0),
            p.activation);
      }
  return out;
}

// The whole buffer of c, gaps included.
template <class T>
std::vector<T> run(const Problem& p, const Data& d, Device device) {
  const auto upload = [&](const std::vector<double>& v) {
    return Tensor::from(std::vector<T>(v.begin(), v.end()), {Index(v.size())}, device);
  };
  const Tensor a = upload(d.a), b = upload(d.b), c = upload(d.c), bias = upload(d.bias);
  kernels::gemm(c.stream(), arguments<T>(p, a.data<T>(), b.data<T>(), bias.data<T>(), c.data<T>()));
  return c.to_vector<T>();
}
template <class T>
void expect_reference(const Problem& p, Device device, double tolerance) {
  const Data d = random_data(p, 1);
  const std::vector<double> want = reference(p, d);
  const std::vector<T> got = run<T>(p, d, device);
  for (std::size_t i = 0; i < want.size(); i++) {
    if (std::isnan(want[i]) && std::isnan(double(got[i]))) continue;  // a gap
    ASSERT_NEAR(double(got[i]), want[i], tolerance * (1 + std::fabs(want[i])))
        << p << " element " << i;
  }
}

class GemmOn : public OnDevice {};

TEST_P(GemmOn, EveryArgumentAgainstPlainLoops) {
  std::mt19937 rng(7);
  const auto below = [&](Index n) { return Index(rng() % std::uint64_t(n)); };
  const Index sizes[] = {1, 2, 3, 7, 16, 17, 31, 33, 64, 67};
  for (int trial = 0; trial < 400; trial++) {
    Problem p;
    p.m = sizes[below(10)], p.n = sizes[below(10)], p.k = sizes[below(10)];
    p.transpose_a = below(2), p.transpose_b = below(2);
    if (below(3) == 0) {
      p.batch = 1 + below(4);
      p.shared_a = below(3) == 0, p.shared_b = below(3) == 0;
      p.gap = 3 * below(2);
    }
    if (below(3) == 0) p.alpha = -.5;
    if (below(3) == 0) p.beta = below(2) ? 1 : .25;
    p.bias = below(2);
    p.activation = Epilogue(below(5));
    expect_reference<float>(p, device(), 1e-5);
    expect_reference<double>(p, device(), 1e-13);
    if (HasFatalFailure()) return;
  }
}

TEST_P(GemmOn, NoTerms) {
  for (const double beta : {0., .5}) {
    const Problem p{2, 3, 4, 0, false, false, false, false, 1, 1, beta, true, Epilogue::sigmoid};
    expect_reference<float>(p, device(), 1e-6);
    expect_reference<double>(p, device(), 1e-14);
  }
}

TEST_P(GemmOn, NothingIsTouchedWithoutElements) {
  for (const Problem& p : {Problem{0, 3, 4, 2}, Problem{1, 0, 4, 2}, Problem{1, 3, 0, 2}})
    kernels::gemm(Tensor::empty({1}, DType::f32, device()).stream(),
                  arguments<float>(p, nullptr, nullptr, nullptr, nullptr));
}

TEST_P(GemmOn, LongSums) {
  for (const bool ta : {false, true}) {
    Problem p{1, 5, 9, 3001, ta, !ta};
    p.bias = true, p.beta = .5, p.activation = Epilogue::tanh;
    expect_reference<float>(p, device(), 1e-5);
    p.alpha = .3;
    expect_reference<float>(p, device(), 1e-5);
    expect_reference<double>(p, device(), 1e-13);
  }
}
INSTANTIATE_TEST_SUITE_P(, GemmOn, testing::ValuesIn(built_backends()), backend_name);

// y and the two gradients of bias_activation.
TEST_P(GemmOn, BiasActivationAndItsBackward) {
  std::mt19937 rng(3);
  std::uniform_real_distribution<double> u(-2, 2);
  for (const auto& [rows, cols] :
       {std::pair<Index, Index>{1, 1}, {7, 5}, {131, 33}, {3, 300}, {0, 4}, {700, 1}})
    for (int activation = 0; activation < 5; activation++) {
      const Epilogue e = Epilogue(activation);
      std::vector<double> x(std::size_t(rows * cols)), g(x.size()),
          b(static_cast<std::size_t>(cols));
      for (auto* v : {&x, &g, &b})
        for (double& value : *v) value = u(rng);
      const Tensor y = Tensor::from(x, {rows, cols}, device()),
                   bias = Tensor::from(b, {cols}, device());
      const Tensor grad = Tensor::from(g, {rows, cols}, device());
      const Tensor pre = Tensor::empty({rows, cols}, DType::f64, device()),
                   sums = Tensor::empty({cols}, DType::f64, device());
      kernels::bias_activation(
          y.stream(), BiasActivation<double>{rows, cols, y.data<double>(), bias.data<double>(), e});
      kernels::bias_activation_backward(
          y.stream(),
          BiasActivationBackward<double>{rows, cols, grad.data<double>(), y.data<double>(),
                                         pre.data<double>(), sums.data<double>(), e});
      const auto got_y = y.values(), got_pre = pre.values(), got_sums = sums.values();
      for (Index c = 0; c < cols; c++) {
        double sum = 0;
        for (Index r = 0; r < rows; r++) {
          const std::size_t i = std::size_t(r * cols + c);
          const double at = x[i] + b[std::size_t(c)], h = 1e-6;
          const double slope = (activated(at + h, e) - activated(at - h, e)) / (2 * h);
          ASSERT_NEAR(got_y[i], activated(at, e), 1e-13);
          ASSERT_NEAR(got_pre[i], g[i] * slope, 1e-8);
          sum += got_pre[i];
        }
        ASSERT_NEAR(got_sums[std::size_t(c)], sum, 1e-12 * double(rows + 1));
      }
    }
}

// --- threads

class Threads {
 public:
  explicit Threads(int n) : before_(omp_get_max_threads()) { omp_set_num_threads(n); }
  ~Threads() { omp_set_num_threads(before_); }

 private:
  int before_;
};

TEST(Gemm, SameBitsWithAnyNumberOfThreads) {
  // The products of a dense VAE at batch 128, a long weight gradient of an importance-weighted one,
  // and a batch.
  const std::vector<Problem> problems = {{1, 128, 400, 784, false, true},
                                         {1, 128, 20, 400, false, true},
                                         {1, 128, 400, 20, false, true},
                                         {1, 128, 784, 400, false, true},
                                         {1, 128, 400, 784},
                                         {1, 128, 20, 400},
                                         {1, 784, 400, 128, true, false},
                                         {1, 400, 784, 128, true, false},
                                         {1, 20, 400, 128, true, false},
                                         {1, 500, 50, 5000, true, false},
                                         {1, 200, 200, 2500, true, false},
                                         {1, 24, 158, 3810, true, false},
                                         {1, 27, 15, 2564, true, true},
                                         {3, 40, 50, 1500, true, false},
                                         {3, 65, 130, 100, false, true},
                                         {1, 256, 1, 512, false, true},
                                         {1, 1, 512, 256, true, false}};
  for (const Problem& p : problems) {
    const Data d = random_data(p, 2);
    std::vector<float> one;
    std::vector<double> one_double;
    for (const int threads : {1, 2, 3, 4, 8, 16}) {
      const Threads scope(threads);
      const auto got = run<float>(p, d, cpu_device);
      const auto got_double = run<double>(p, d, cpu_device);
      if (threads == 1) one = got, one_double = got_double;
      EXPECT_EQ(got, one) << p << " with " << threads << " threads";
      EXPECT_EQ(got_double, one_double) << p << " in double with " << threads << " threads";
    }
  }
}

TEST(Gemm, SameBitsInsideAParallelRegionAndFromOtherThreads) {
  const Problem p{1, 128, 400, 784, false, true};
  const Data d = random_data(p, 3);
  const Threads scope(2);
  const auto want = run<float>(p, d, cpu_device);
  std::vector<float> inside[2];
#pragma omp parallel for
  for (int i = 0; i < 2; i++) inside[i] = run<float>(p, d, cpu_device);
  EXPECT_EQ(inside[0], want);
  EXPECT_EQ(inside[1], want);
  std::vector<float> outside[2];
  std::thread first([&] { outside[0] = run<float>(p, d, cpu_device); });
  std::thread second([&] { outside[1] = run<float>(p, d, cpu_device); });
  first.join();
  second.join();
  EXPECT_EQ(outside[0], want);
  EXPECT_EQ(outside[1], want);
}

// More shapes than are kept prepared.
TEST(Gemm, ManyShapes) {
  for (Index m = 1; m <= 40; m++)
    for (Index n = 1; n <= 15; n++) {
      Problem p{1, m, n, 3};
      p.bias = true;
      expect_reference<float>(p, cpu_device, 1e-5);
      if (HasFatalFailure()) return;
    }
}

TEST(Gemm, SizesBeyondBlasAreRefused) {
  Gemm<double> g;
  g.m = Index(1) << 32, g.n = 1, g.k = 1;
  EXPECT_THROW(kernels::gemm(Stream{}, g), DeviceError);
}

}  // namespace
}  // namespace imago::test
