// Self-attention, minibatch discrimination and the layers that change an image's size: values
// against plain loops, first and second gradients against differences.
#include <cmath>

#include "engine/nn/attention.h"
#include "engine/nn/minibatch.h"
#include "engine/nn/resample.h"
#include "tests/errors.h"
#include "tests/nn/differences.h"

namespace imago::nn {
namespace {

using std::size_t;

// One sample's maps [h][w][c] through the block, by the definition.
std::vector<double> attended(const std::vector<double>& x, size_t h, size_t w, size_t c,
                             const SelfAttention& block) {
  const size_t narrow = size_t(block.query.weight.size(0)), wide = size_t(block.out.weight.size(3));
  const auto project = [&](const Conv2d& layer, const double* pixel, size_t out, size_t in) {
    const auto m = layer.weight.values();
    std::vector<double> y(out);
    for (size_t o = 0; o < out; o++)
      for (size_t i = 0; i < in; i++) y[o] += m[o * in + i] * pixel[i];
    return y;
  };
  // Sources: pooled two by two where there are two rows and columns.
  const bool pooled = h > 1 && w > 1;
  const size_t step = pooled ? 2 : 1;
  std::vector<std::vector<double>> keys, values;
  for (size_t i = 0; i + step <= h; i += step)
    for (size_t j = 0; j + step <= w; j += step) {
      std::vector<double> k(narrow, -1e300), v(wide, -1e300);
      for (size_t a = 0; a < step; a++)
        for (size_t b = 0; b < step; b++) {
          const double* const pixel = &x[((i + a) * w + j + b) * c];
          const auto one = project(block.key, pixel, narrow, c),
                     two = project(block.value, pixel, wide, c);
          for (size_t e = 0; e < narrow; e++) k[e] = std::max(k[e], one[e]);
          for (size_t e = 0; e < wide; e++) v[e] = std::max(v[e], two[e]);
        }
      keys.push_back(k), values.push_back(v);
    }
  std::vector<double> y = x;
  for (size_t p = 0; p < h * w; p++) {
    const auto q = project(block.query, &x[p * c], narrow, c);
    std::vector<double> seen(wide);
    double total = 0;
    for (size_t s = 0; s < keys.size(); s++) {
      double score = 0;
      for (size_t e = 0; e < narrow; e++) score += q[e] * keys[s][e];
      total += std::exp(score);
      for (size_t e = 0; e < wide; e++) seen[e] += std::exp(score) * values[s][e];
    }
    for (double& e : seen) e /= total;
    const auto o = project(block.out, seen.data(), c, wide);
    for (size_t e = 0; e < c; e++) y[p * c + e] += block.gamma.values()[0] * o[e];
  }
  return y;
}

TEST(SelfAttention, EqualsPlainLoops) {
  Generator g{1};
  const Init init{g, {}, DType::f64};
  for (const Shape& shape : {Shape{2, 4, 6, 16}, Shape{1, 3, 5, 2}, Shape{3, 1, 4, 8}}) {
    SelfAttention block(shape[3], init, {.sigma = .5});
    const Tensor x = ops::randn(shape, g, DType::f64);
    EXPECT_EQ(block(x).values(), x.values());  // gamma is 0
    block.gamma.fill_(.7);
    const auto got = block(x).values(), all = x.values();
    const size_t each = all.size() / size_t(shape[0]);
    for (size_t n = 0; n < size_t(shape[0]); n++) {
      const auto want = attended({all.begin() + long(n * each), all.begin() + long((n + 1) * each)},
                                 size_t(shape[1]), size_t(shape[2]), size_t(shape[3]), block);
      for (size_t i = 0; i < each; i++) ASSERT_NEAR(got[n * each + i], want[i], 1e-12);
    }
  }
}

TEST(SelfAttention, GradientsOfBothOrders) {
  Generator g{2};
  const Init init{g, {}, DType::f64};
  for (const Shape& shape : {Shape{2, 2, 4, 3}, Shape{1, 1, 3, 4}}) {
    SelfAttention block(shape[3], init, {.sigma = .6});
    block.gamma.fill_(.5);
    const Tensor x = ops::randn(shape, g, DType::f64).requires_grad_();
    std::vector<Tensor> leaves{x};
    for (const Parameter& p : block.parameters()) leaves.push_back(p.value);
    ASSERT_EQ(leaves.size(), 6u);
    test::expect_gradients([&] { return ops::sum(ops::tanh(block(x))); }, leaves);
  }
}

TEST(SelfAttention, TakesARuleAndSaysSo) {
  Generator g{3};
  SelfAttention block(16, {g}, {.rule = WeightRule::spectral});
  EXPECT_EQ(block.describe(),
            "SelfAttention(16, 2 of queries and keys, 8 of values, spectral norm)");
  EXPECT_EQ(block.parameter_count(), 2 * 16 + 2 * 16 + 8 * 16 + 16 * 8 + 1);
  test::expect_error(
      [&] {
        block(Tensor::zeros({1, 2, 2, 8}));
      },
      {"SelfAttention", "[n, h, w, 16]"});
}

TEST(MinibatchDiscrimination, EqualsPlainLoops) {
  Generator g{4};
  const Init init{g, {}, DType::f64};
  for (const Index n : {1, 2, 5}) {
    MinibatchDiscrimination layer(3, 4, 2, init);
    const Tensor x = ops::randn({n, 3}, g, DType::f64), y = layer(x);
    ASSERT_EQ(y.shape(), (Shape{n, 7}));
    const auto v = x.values(), t = layer.weight.values(), got = y.values();
    const auto m = [&](size_t i, size_t b, size_t c) {
      double s = 0;
      for (size_t a = 0; a < 3; a++) s += v[i * 3 + a] * t[(a * 4 + b) * 2 + c];
      return s;
    };
    for (size_t i = 0; i < size_t(n); i++) {
      for (size_t a = 0; a < 3; a++) EXPECT_EQ(got[i * 7 + a], v[i * 3 + a]);
      for (size_t b = 0; b < 4; b++) {
        double o = 0;
        for (size_t j = 0; j < size_t(n); j++)
          o += std::exp(-std::fabs(m(i, b, 0) - m(j, b, 0)) - std::fabs(m(i, b, 1) - m(j, b, 1)));
        EXPECT_NEAR(got[i * 7 + 3 + b], o, 1e-12);
        if (n == 1) {
          EXPECT_EQ(got[i * 7 + 3 + b], 1);
        }
      }
    }
  }
}

TEST(MinibatchDiscrimination, GradientsOfBothOrders) {
  Generator g{5};
  const Init init{g, {}, DType::f64};
  for (const Index n : {1, 4}) {
    MinibatchDiscrimination layer(3, 2, 2, init);
    const Tensor x = ops::randn({n, 3}, g, DType::f64).requires_grad_();
    test::expect_gradients([&] { return ops::sum(ops::tanh(layer(x))); }, {x, layer.weight});
  }
}

TEST(MinibatchDiscrimination, RefusesWhatDoesNotFit) {
  Generator g{6};
  MinibatchDiscrimination layer(3, 2, 5, {g});
  EXPECT_EQ(layer.describe(), "MinibatchDiscrimination(3, 2 kernels of 5)");
  EXPECT_EQ(layer.parameter_count(), 3 * 2 * 5);
  test::expect_error([&] { layer(Tensor::zeros({2, 4})); }, {"MinibatchDiscrimination", "[n, 3]"});
  test::expect_error([&] { MinibatchDiscrimination(3, 0, 5, {g}); }, {"3, 0 and 5"});
}

TEST(Resample, LayersAreTheirOps) {
  Generator g{7};
  const Tensor x = ops::randn({2, 4, 6, 4}, g, DType::f64);
  const auto equal = [&](Layer&& layer, const Tensor& want, const std::string& text) {
    const Tensor y = layer(x);
    EXPECT_EQ(y.shape(), want.shape()) << text;
    EXPECT_EQ(y.values(), want.values()) << text;
    EXPECT_EQ(layer.describe(), text);
    EXPECT_EQ(layer.parameter_count(), 0);
  };
  equal(Upsample(2), ops::interpolate(x, {8, 12}, ops::Interpolation::nearest),
        "Upsample(2, nearest)");
  equal(Upsample(3, ops::Interpolation::bilinear),
        ops::interpolate(x, {12, 18}, ops::Interpolation::bilinear), "Upsample(3, bilinear)");
  equal(AvgPool2d(2), ops::avg_pool2d(x, 2), "AvgPool2d(2)");
  equal(MaxPool2d(3, {.stride = 2, .padding = 1}),
        ops::max_pool2d(x, 3, {.stride = 2, .padding = 1}), "MaxPool2d(3, stride 2, padding 1)");
  equal(GlobalSum(), ops::sum(x, {1, 2}), "GlobalSum");
  equal(GlobalAverage(), ops::mean(x, {1, 2}), "GlobalAverage");
  equal(PixelShuffle(2), ops::pixel_shuffle(x, 2), "PixelShuffle(2)");
  equal(Crop({1, 2}), ops::slice(ops::slice(x, 1, 1, 3), 2, 2, 4), "Crop(1x2)");
}

TEST(Resample, PadAndCropAreEachOthersWayBack) {
  Generator g{8};
  const Tensor x = ops::randn({2, 28, 28, 1}, g);
  Pad pad(2, -1);
  const Tensor y = pad(x);
  ASSERT_EQ(y.shape(), (Shape{2, 32, 32, 1}));
  const auto v = y.values(), from = x.values();
  for (size_t n = 0; n < 2; n++)
    for (size_t i = 0; i < 32; i++)
      for (size_t j = 0; j < 32; j++) {
        const bool inside = i >= 2 && i < 30 && j >= 2 && j < 30;
        EXPECT_EQ(v[(n * 32 + i) * 32 + j], inside ? from[(n * 28 + i - 2) * 28 + j - 2] : -1);
      }
  EXPECT_EQ(Crop(2)(y).values(), from);
  EXPECT_EQ(pad.describe(), "Pad(2, -1)");
  test::expect_error([&] { Crop(14)(x); }, {"Crop", "twice the margin", "[2, 28, 28, 1]"});
  test::expect_error([&] { Pad(-1); }, {"Pad", "0 or more", "-1"});
  test::expect_error([&] { Upsample(0); }, {"Upsample", "at least 1"});
  test::expect_error([&] { GlobalSum()(Tensor::zeros({2, 3})); }, {"GlobalSum", "[2, 3]"});
}

TEST(Residual, IsTheSumOfBothWays) {
  Generator g{9};
  const Init init{g, {}, DType::f64};
  Sequential net;
  auto& block = net.add<Residual>();
  const Tensor x = ops::randn({3, 2}, g, DType::f64);
  EXPECT_EQ(block.describe(), "Residual(identity | identity)");
  const auto& way = block.residual.add<Linear>(2, 2, init);
  block.residual.add<Activation>("relu");
  const auto got = net(x).values(),
             want = (ops::linear(x, way.weight, way.bias, ops::Activation::relu) + x).values();
  EXPECT_EQ(got, want);
  EXPECT_EQ(block.describe(), "Residual(0: Linear(2, 2); 1: relu | identity)");
  EXPECT_EQ(net.parameters()[0].name, "0.residual.0.weight");
}

TEST(Sequential, ForwardUntilGivesWhatALayerIsGiven) {
  Generator g{10};
  const Init init{g, {}, DType::f64};
  Sequential net;
  const auto& first = net.add<Linear>(3, 4, init);
  net.add<Activation>("relu");
  net.add<Linear>(4, 2, init);
  const Tensor x = ops::randn({5, 3}, g, DType::f64);
  const Tensor joined = ops::linear(x, first.weight, first.bias, ops::Activation::relu);
  EXPECT_EQ(net.forward_until(x, 0).values(), x.values());
  // The activation is not run before its place.
  EXPECT_EQ(net.forward_until(x, 1).values(), ops::linear(x, first.weight, first.bias).values());
  EXPECT_EQ(net.forward_until(x, 2).values(), joined.values());
  EXPECT_EQ(net.layer(2)(joined).values(), net(x).values());
}

}  // namespace
}  // namespace imago::nn
