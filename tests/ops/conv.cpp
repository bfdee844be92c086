// kernels::conv_*: the float paths of every device against the float64 plain loops over the awkward
// geometries and larger ones, the same bits whatever the number of threads, and what is refused.
#include "kernels/conv.h"

#include <omp.h>

#include <cmath>
#include <limits>
#include <random>

#include "tests/errors.h"
#include "tests/op_cases/conv_geometries.h"
#include "tests/ops/devices.h"

namespace imago::test {
namespace {

using ops::ConvOptions;
using ops::Size2;

ConvShape shape_of(const ConvGeometry& g) {
  const ConvOptions& o = g.options;
  const auto places = [](Index n, Index k, Index stride, Index pad, Index dilation) {
    return (n + 2 * pad - dilation * (k - 1) - 1) / stride + 1;
  };
  ConvShape s;
  s.batch = g.batch, s.height = g.height, s.width = g.width, s.channels = g.in;
  s.out_height = places(g.height, g.kernel_h, o.stride.h, o.padding.h, o.dilation.h);
  s.out_width = places(g.width, g.kernel_w, o.stride.w, o.padding.w, o.dilation.w);
  s.out_channels = g.out, s.groups = o.groups;
  s.kernel_h = g.kernel_h, s.kernel_w = g.kernel_w;
  s.stride_h = o.stride.h, s.stride_w = o.stride.w;
  s.pad_h = o.padding.h, s.pad_w = o.padding.w;
  s.dilation_h = o.dilation.h, s.dilation_w = o.dilation.w;
  return s;
}
// Sizes at which a library takes the paths that training takes.
std::vector<ConvGeometry> larger() {
  return {{"generator", 5, 14, 14, 1, 64, 4, 4, conv_options(2, 1)},
          {"colours", 5, 12, 12, 3, 32, 4, 4, conv_options(2, 1)},
          {"critic", 9, 14, 14, 32, 64, 4, 4, conv_options(2, 1)},
          {"residual", 7, 9, 9, 64, 48, 3, 3, conv_options(1, 1)},
          {"depthwise", 5, 9, 8, 32, 32, 3, 3, conv_options(1, 1, 1, 32)},
          {"grouped", 5, 9, 8, 32, 64, 3, 3, conv_options(1, 1, 1, 2)},
          {"bottleneck", 5, 7, 7, 64, 96, 1, 1},
          {"odd_channels", 5, 9, 9, 17, 23, 3, 3, conv_options(2, 1)}};
}
std::vector<ConvGeometry> all(Device device) {
  auto list = conv_geometries();
  if (device.backend == Backend::emulated) return list;  // no library there
  for (auto& g : larger()) list.push_back(g), list.back().name = "larger_" + g.name;
  return list;
}

struct Data {
  std::vector<double> x, y, w, x_bias, y_bias;
};
Data random_data(const ConvShape& s) {
  std::mt19937 rng(1);
  const auto fill = [&](Index n, double range) {
    std::uniform_real_distribution<double> u(-range, range);
    std::vector<double> v(std::size_t(n), 0.);
    for (double& a : v) a = float(u(rng));
    return v;
  };
  return {fill(s.x_size(), 1), fill(s.y_size(), 1), fill(s.w_size(), 1), fill(s.channels, 1),
          fill(s.out_channels, 1)};
}
// {y, x, w} computed from the others; the images with bias and tanh.
struct Results {
  std::vector<double> y, x, w;
};
Results reference(const ConvGeometry& g, const ConvShape& s, const Data& d) {
  Results r{std::vector<double>(d.y.size()), std::vector<double>(d.x.size()),
            std::vector<double>(d.w.size())};
  for_each_meeting({s.batch, s.height, s.width, s.channels},
                   {s.batch, s.out_height, s.out_width, s.out_channels}, g.weight(), g.options,
                   [&](Index i, Index j, Index k) {
                     const auto a = std::size_t(i), b = std::size_t(j), c = std::size_t(k);
                     r.y[b] += d.x[a] * d.w[c];
                     r.x[a] += d.y[b] * d.w[c];
                     r.w[c] += d.x[a] * d.y[b];
                   });
  for (std::size_t i = 0; i < r.y.size(); i++)
    r.y[i] = std::tanh(r.y[i] / 8 + d.y_bias[i % d.y_bias.size()]);
  for (std::size_t i = 0; i < r.x.size(); i++)
    r.x[i] = std::tanh(r.x[i] / 8 + d.x_bias[i % d.x_bias.size()]);
  return r;
}
template <class T>
Results run(const ConvShape& s, const Data& d, Device device) {
  const auto upload = [&](const std::vector<double>& v, double scale = 1) {
    std::vector<T> values(v.size());
    for (std::size_t i = 0; i < v.size(); i++) values[i] = T(v[i] * scale);
    return Tensor::from(values, {Index(v.size())}, device);
  };
  const Tensor x = upload(d.x), y = upload(d.y), w = upload(d.w), eighth = upload(d.w, .125),
               x_bias = upload(d.x_bias), y_bias = upload(d.y_bias);
  const auto out = [&](Index n) {  // what is there before must not matter
    return Tensor::full({n}, std::numeric_limits<double>::quiet_NaN(), dtype_of<T>(), device);
  };
  const Tensor to_y = out(s.y_size()), to_x = out(s.x_size()), to_w = out(s.w_size());
  const Stream stream = to_y.stream();
  kernels::conv_forward(stream, Conv<T>{s, x.data<T>(), eighth.data<T>(), to_y.data<T>(),
                                        y_bias.data<T>(), Epilogue::tanh});
  kernels::conv_input(stream, Conv<T>{s, y.data<T>(), eighth.data<T>(), to_x.data<T>(),
                                      x_bias.data<T>(), Epilogue::tanh});
  kernels::conv_weight(stream, Conv<T>{s, x.data<T>(), y.data<T>(), to_w.data<T>()});
  return {to_y.values(), to_x.values(), to_w.values()};
}
void expect_close(const std::string& what, const std::vector<double>& got,
                  const std::vector<double>& want, double tolerance) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (std::size_t i = 0; i < want.size(); i++)
    ASSERT_NEAR(got[i], want[i], tolerance * (1 + std::fabs(want[i]))) << what << " " << i;
}

class ConvOn : public OnDevice {};

TEST_P(ConvOn, EveryGeometryAgainstPlainLoops) {
  for (const ConvGeometry& g : all(device())) {
    const ConvShape s = shape_of(g);
    const Data d = random_data(s);
    const Results want = reference(g, s, d);
    const double many = std::sqrt(double(s.batch * s.out_height * s.out_width) + 1);
    const Results got = run<float>(s, d, device()), precise = run<double>(s, d, device());
    expect_close(g.name + " y", got.y, want.y, 3e-6);
    expect_close(g.name + " x", got.x, want.x, 3e-6);
    expect_close(g.name + " w", got.w, want.w, 1e-6 * many);
    expect_close(g.name + " float64 y", precise.y, want.y, 1e-13);
    expect_close(g.name + " float64 x", precise.x, want.x, 1e-13);
    expect_close(g.name + " float64 w", precise.w, want.w, 1e-14 * many);
    if (HasFatalFailure()) return;
  }
}
INSTANTIATE_TEST_SUITE_P(, ConvOn, testing::ValuesIn(built_backends()), backend_name);

#ifdef __SANITIZE_ADDRESS__  // twenty times slower; the library's kernels are not sanitized anyway
constexpr int thread_counts[] = {1, 3};
#else
constexpr int thread_counts[] = {1, 2, 3, 8};
#endif
TEST(Conv, SameBitsWithAnyNumberOfThreads) {
  std::vector<ConvGeometry> list = larger();
  for (ConvGeometry& g : list) g.batch = 13;  // in pieces of two sizes
  list.push_back({"many_pieces", 21, 14, 14, 32, 64, 4, 4, conv_options(2, 1)});
  list.push_back({"few_channels", 43, 28, 28, 1, 64, 4, 4, conv_options(2, 1)});
  for (const ConvGeometry& g : list) {
    const ConvShape s = shape_of(g);
    const Data d = random_data(s);
    Results one;
    const int before = omp_get_max_threads();
    for (const int threads : thread_counts) {
      omp_set_num_threads(threads);
      const Results got = run<float>(s, d, cpu_device);
      if (threads == 1) one = got;
      EXPECT_TRUE(got.y == one.y) << g.name << " y with " << threads << " threads";
      EXPECT_TRUE(got.x == one.x) << g.name << " x with " << threads << " threads";
      EXPECT_TRUE(got.w == one.w) << g.name << " w with " << threads << " threads";
    }
    omp_set_num_threads(before);
    // And the pieces make up the whole.
    const Results precise = run<double>(s, d, cpu_device);
    const double many = std::sqrt(double(s.batch * s.out_height * s.out_width));
    expect_close(g.name + " y", one.y, precise.y, 3e-6);
    expect_close(g.name + " x", one.x, precise.x, 3e-6);
    expect_close(g.name + " w", one.w, precise.w, 1e-6 * many);
  }
}

TEST(Conv, NoImagesGiveNoWeightGradient) {
  for (const Backend b : built_backends()) {
    const Device device{b, 0};
    if (runtime::device_count(b) == 0) continue;
    const Tensor x = Tensor::zeros({0, 4, 4, 2}, DType::f32, device);
    const Tensor w = Tensor::full({3, 3, 3, 2}, 1, DType::f32, device);
    w.requires_grad_();
    const Tensor y = ops::conv2d(x, w);
    EXPECT_EQ(y.shape(), (Shape{0, 2, 2, 3}));
    const Tensor g =
        grad({y}, {w}, {.grad_outputs = {Tensor::zeros(y.shape(), DType::f32, device)}})[0];
    EXPECT_EQ(g.values(), std::vector<double>(54, 0.)) << device;
  }
}

TEST(Conv, WhatDoesNotFitIsNamed) {
  const Tensor x = Tensor::zeros({1, 5, 5, 4}), w = Tensor::zeros({6, 3, 3, 4});
  expect_error([&] { ops::conv2d(Tensor::zeros({5, 5, 4}), w); }, {"conv2d", "[5, 5, 4]"});
  expect_error([&] { ops::conv2d(x, Tensor::zeros({6, 3, 3, 3})); }, {"groups", "[6, 3, 3, 3]"});
  expect_error([&] { ops::conv2d(x, w, {}, {.groups = 2}); }, {"2 groups"});
  expect_error([&] { ops::conv2d(x, w, Tensor::zeros({4})); }, {"bias of shape [6]", "[4]"});
  expect_error(
      [&] {
        ops::conv2d(x, Tensor::zeros({6, 3, 3, 4}, DType::f64));
      },
      {"float32", "float64"});
  expect_error([&] { ops::conv2d(x, w, {}, {.dilation = 3}); },
               {"smaller than the kernel", "dilation 3"});
  expect_error([&] { ops::conv2d(x, w, {}, {.stride = {1, 0}}); }, {"stride", "1 by 0"});
  expect_error([&] { ops::conv2d(x, w, {}, {.padding = -1}); }, {"padding", "-1"});
  expect_error([&] { ops::conv2d(x, w, {}, {.output_padding = 1}); }, {"conv_transpose2d alone"});
  constexpr Index huge = Index(1) << 62;  // twice that is no Index
  expect_error([&] { ops::conv2d(x, w, {}, {.padding = huge}); },
               {"no option above 2^31", "padding"});
  expect_error(
      [&] {
        ops::conv2d(x, w, {}, {.dilation = {1, huge}});
      },
      {"above 2^31", "dilation 1 by 4611"});
  expect_error([&] { ops::conv2d(x, w, {}, {.groups = 0}); }, {"0 groups"});
  expect_error([&] { ops::conv2d(Tensor::zeros({1, 0, 5, 4}), w); }, {"no size of 0"});
  const Tensor t = Tensor::zeros({4, 3, 3, 6});
  EXPECT_EQ(ops::conv_transpose2d(x, t).shape(), (Shape{1, 7, 7, 6}));
  expect_error([&] { ops::conv_transpose2d(x, w); },
               {"conv_transpose2d", "[in, kh, kw, out / groups]"});
  expect_error([&] { ops::conv_transpose2d(x, t, {}, {.stride = 2, .output_padding = 2}); },
               {"below the stride", "2 by 2"});
  expect_error([&] { ops::conv_transpose2d(x, t, {}, {.stride = huge}); },
               {"above 2^31", "stride"});
  expect_error([&] { ops::conv_transpose2d(x, t, {}, {.padding = 4}); }, {"padding 4 by 4"});
}

}  // namespace
}  // namespace imago::test
