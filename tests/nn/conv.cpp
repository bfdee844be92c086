// Layers of image networks: initial distributions, texts, joined activations, PyTorch's order of a
// row, and what a state_dict holds of four dimensions.
#include "engine/nn/conv.h"

#include <algorithm>
#include <cmath>

#include "engine/ops/ops.h"
#include "tests/errors.h"

namespace imago::nn {
namespace {

double largest(const Tensor& t) {
  double m = 0;
  for (double v : t.values()) m = std::max(m, std::fabs(v));
  return m;
}
double variance(const Tensor& t) {
  double s = 0;
  for (double v : t.values()) s += v * v;
  return s / double(t.numel());
}

TEST(Conv, HasPyTorchsDistributions) {
  Generator g{1};
  const Conv2d conv(32, 48, {3, 5}, {.groups = 2}, {g});
  const ConvTranspose2d transpose(48, 32, {3, 5}, {.groups = 2}, {g});
  EXPECT_EQ(conv.weight.shape(), (Shape{48, 3, 5, 16}));
  EXPECT_EQ(transpose.weight.shape(), (Shape{48, 3, 5, 16}));
  const double bound =
      1 / std::sqrt(16. * 3 * 5);  // of both: PyTorch counts a weight's second size
  for (const Tensor& t : {conv.weight, transpose.weight}) {
    EXPECT_LE(largest(t), bound);
    EXPECT_NEAR(variance(t), bound * bound / 3, .05 * bound * bound);
  }
  for (const Tensor& t : {conv.bias, transpose.bias}) {
    EXPECT_LE(largest(t), bound);
    EXPECT_GT(largest(t), bound / 2);
  }
  EXPECT_EQ(conv.bias.shape(), Shape{48});
  EXPECT_EQ(transpose.bias.shape(), Shape{32});
}

TEST(Conv, TextsSayWhatIsUnusual) {
  Generator g{1};
  EXPECT_EQ(Conv2d(1, 64, 4, {.stride = 2, .padding = 1}, {g}).describe(),
            "Conv2d(1, 64, kernel 4, stride 2, padding 1)");
  EXPECT_EQ(Conv2d(4, 6, {1, 3}, {.dilation = {1, 2}, .groups = 2}, {g}, false).describe(),
            "Conv2d(4, 6, kernel 1x3, dilation 1x2, groups 2, no bias)");
  EXPECT_EQ(
      ConvTranspose2d(6, 4, 3, {.stride = 2, .groups = 2, .output_padding = 1}, {g}).describe(),
      "ConvTranspose2d(6, 4, kernel 3, stride 2, output padding 1, groups 2)");
  EXPECT_EQ(Unflatten(8, {4, 3}).describe(), "Unflatten(4x3, 8 channels)");
  test::expect_error([&] { Conv2d(4, 6, 3, {.groups = 3}, {g}); },
                     {"Conv2d", "4 to 6", "3 groups"});
  test::expect_error([&] { ConvTranspose2d(4, 0, 3, {}, {g}); }, {"ConvTranspose2d", "4 to 0"});
}

TEST(Conv, SequentialJoinsActivations) {
  Generator g{2};
  const Init init{g, {}, DType::f64};
  Sequential net;
  const auto& conv = net.add<Conv2d>(2, 3, 3, ops::ConvOptions{.padding = 1}, init);
  net.add<Activation>("leaky_relu");
  const auto& back = net.add<ConvTranspose2d>(3, 2, 4, ops::ConvOptions{.stride = 2}, init);
  net.add<Activation>("tanh");
  const Tensor x = ops::randn({2, 4, 5, 2}, g, DType::f64);
  const Tensor hidden =
      ops::leaky_relu(ops::add(ops::conv2d(x, conv.weight, {}, {.padding = 1}), conv.bias), .2);
  const Tensor want =
      ops::tanh(ops::add(ops::conv_transpose2d(hidden, back.weight, {}, {.stride = 2}), back.bias));
  const auto a = net(x).values(), b = want.values();
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); i++) EXPECT_NEAR(a[i], b[i], 1e-12);
}

TEST(Conv, RowsAreInPyTorchsOrder) {
  Sequential there, back;
  there.add<Flatten>();
  back.add<Unflatten>(3, ops::Size2(2, 4));
  std::vector<double> v(48);
  for (std::size_t i = 0; i < v.size(); i++) v[i] = double(i);
  const Tensor x = Tensor::from(v, {2, 2, 4, 3}), rows = there(x);
  ASSERT_EQ(rows.shape(), (Shape{2, 24}));
  const auto r = rows.values();
  for (std::size_t n = 0; n < 2; n++)
    for (std::size_t c = 0; c < 3; c++)
      for (std::size_t i = 0; i < 8; i++)  // row and column
        EXPECT_EQ(r[n * 24 + c * 8 + i], v[n * 24 + i * 3 + c]);
  EXPECT_EQ(back(rows).values(), v);
  test::expect_error([&] { there(rows); }, {"Flatten", "[2, 24]"});
  test::expect_error([&] { back(x); }, {"Unflatten", "[n, 24]"});
}

// An optimiser's moments lie in a file as the weight does.
TEST(Conv, MomentsAreStoredAsTheWeightIs) {
  Generator g{3};
  const Conv2d conv(2, 3, {4, 5}, {}, {g}), other(2, 3, {4, 5}, {}, {g});
  const Shape here{3, 4, 5, 2}, file{3, 2, 4, 5};
  const auto step = [&](Optimizer& o, unsigned seed) {
    Generator draws{seed};
    o.step({ops::randn(here, draws), ops::randn({3}, draws)});
  };
  Optimizer adam(conv.parameters(), Adam{}, {.ema = .5}),
      resumed(other.parameters(), Adam{}, {.ema = .5});
  step(adam, 1);
  Generator draws{1};
  const auto gradient = ops::permute(ops::randn(here, draws), {0, 3, 1, 2}).values();
  int moments = 0;
  for (const Parameter& p : adam.state_dict()) {
    if (p.name == "weight.exp_avg") {
      const auto m = p.value.values();
      ASSERT_EQ(p.value.shape(), file);
      for (std::size_t i = 0; i < m.size(); i++) EXPECT_NEAR(m[i], .1 * gradient[i], 1e-6);
    }
    moments += p.value.shape() == file;
  }
  EXPECT_EQ(moments, 3);  // exp_avg, exp_avg_sq, ema
  EXPECT_EQ(conv.state_dict()[0].value.shape(), file);

  other.load_state_dict(conv.state_dict());
  EXPECT_EQ(other.weight.values(), conv.weight.values());
  resumed.load_state_dict(adam.state_dict());
  step(adam, 2);
  step(resumed, 2);
  EXPECT_EQ(other.weight.values(), conv.weight.values());
  EXPECT_EQ(resumed.averaged()[0].value.values(), adam.averaged()[0].value.values());
  EXPECT_EQ(adam.averaged()[0].value.shape(), here);
}

}  // namespace
}  // namespace imago::nn
