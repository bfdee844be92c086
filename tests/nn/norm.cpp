// Normalising layers: names, texts, running statistics in place, the two modes, and what is
// refused. Their values are tests/golden/norms.cpp.
#include "engine/nn/norm.h"

#include "engine/nn/conv.h"
#include "engine/ops/ops.h"
#include "tests/errors.h"

namespace imago::nn {
namespace {

std::vector<std::string> names(const std::vector<Parameter>& all) {
  std::vector<std::string> n;
  for (const auto& p : all) n.push_back(p.name);
  return n;
}

TEST(Norm, NamesAreThoseOfPyTorch) {
  Generator g{1};
  const Init init{g};
  const BatchNorm batch(3, init);
  EXPECT_EQ(names(batch.parameters()), (std::vector<std::string>{"weight", "bias"}));
  EXPECT_EQ(names(batch.state_dict()),
            (std::vector<std::string>{"weight", "bias", "running_mean", "running_var",
                                      "num_batches_tracked"}));
  EXPECT_EQ(batch.weight.values(), (std::vector<double>{1, 1, 1}));
  EXPECT_EQ(batch.bias.values(), (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(batch.running_mean.values(), (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(batch.running_var.values(), (std::vector<double>{1, 1, 1}));
  EXPECT_EQ(batch.num_batches_tracked.dtype(), DType::i64);
  EXPECT_EQ(batch.num_batches_tracked.rank(), 0);
  for (const Module* m : std::initializer_list<const Module*>{
           new LayerNorm(3, init), new GroupNorm(1, 3, init), new InstanceNorm(3, init)}) {
    EXPECT_EQ(names(m->state_dict()), (std::vector<std::string>{"weight", "bias"}));
    delete m;
  }
}

TEST(Norm, Texts) {
  Generator g{1};
  EXPECT_EQ(BatchNorm(8, {g}).describe(), "BatchNorm(8)");
  EXPECT_EQ(LayerNorm(8, {g}).describe(), "LayerNorm(8)");
  EXPECT_EQ(GroupNorm(2, 8, {g}).describe(), "GroupNorm(2 groups, 8)");
  EXPECT_EQ(InstanceNorm(8, {g}).describe(), "InstanceNorm(8)");
  EXPECT_EQ(PixelNorm().describe(), "PixelNorm");
  EXPECT_EQ(MinibatchStddev(3).describe(), "MinibatchStddev(3)");
}

// The statistics move in the memory that state_dicts and captured steps hold, recording or not, and
// take no part in the graph.
TEST(Norm, RunningStatisticsMoveInPlace) {
  for (Device device : devices()) {
    Generator g{2};
    const Init init{g, device};
    BatchNorm batch(2, init);
    const Tensor x = Tensor::from(std::vector<float>{1, 10, 3, 20, 5, 60}, {3, 2}, device);
    const auto held = batch.state_dict();
    {
      const NoGrad off;
      batch(x);
    }
    x.requires_grad_();
    const Tensor y = batch(x);
    batch(x);
    EXPECT_EQ(held[2].value.raw(), batch.running_mean.raw());
    EXPECT_EQ(held[3].value.raw(), batch.running_var.raw());
    EXPECT_EQ(held[4].value.raw(), batch.num_batches_tracked.raw());
    EXPECT_EQ(batch.num_batches_tracked.item(), 3);
    EXPECT_FALSE(batch.running_mean.requires_grad());
    EXPECT_FALSE(batch.running_var.requires_grad());
    // Means 3 and 30, unbiased variances 4 and 700; .9^3 = .729 is left of the first 0 and 1.
    const auto mean = batch.running_mean.values(), var = batch.running_var.values();
    EXPECT_NEAR(mean[0], .271 * 3, 1e-6);
    EXPECT_NEAR(mean[1], .271 * 30, 1e-5);
    EXPECT_NEAR(var[0], .729 + .271 * 4, 1e-6);
    EXPECT_NEAR(var[1], .729 + .271 * 700, 1e-4);
    // The graph of an earlier pass holds: its statistics were those of the batch.
    EXPECT_EQ(grad({ops::sum(y)}, {x})[0].shape(), x.shape());
  }
}

TEST(Norm, CountGoesOnFromWhatWasLoaded) {
  Generator g{3};
  BatchNorm from(2, {g}), to(2, {g});
  const Tensor x = ops::randn({4, 2}, g);
  for (int i = 0; i < 5; i++) from(x);
  to(x);
  to.load_state_dict(from.state_dict());
  to(x);
  from(x);
  EXPECT_EQ(to.num_batches_tracked.item(), 6);
  EXPECT_EQ(to.running_mean.values(), from.running_mean.values());
  EXPECT_EQ(to.running_var.values(), from.running_var.values());
}

// A sample's evaluation does not depend on its companions, and moves nothing.
TEST(Norm, EvaluationTakesRunningStatistics) {
  Generator g{4};
  BatchNorm batch(3, {g});
  for (int i = 0; i < 3; i++) batch(ops::randn({2, 3, 4, 3}, g) + 2.);
  batch.eval();
  const auto before = batch.running_mean.values();
  const Tensor x = ops::randn({5, 3, 4, 3}, g);
  const auto all = batch(x).values(), one = batch(ops::slice(x, 0, 1, 2)).values();
  for (std::size_t i = 0; i < one.size(); i++) EXPECT_EQ(one[i], all[one.size() + i]);
  EXPECT_EQ(batch.running_mean.values(), before);
  EXPECT_EQ(batch.num_batches_tracked.item(), 3);
  batch.train();
  EXPECT_NE(batch(x).values(), all);
}

TEST(Norm, LayersStandInASequential) {
  Generator g{5};
  const Init init{g, {}, DType::f64};
  Sequential net;
  net.add<Conv2d>(2, 4, 3, ops::ConvOptions{.padding = 1}, init);
  net.add<BatchNorm>(4, init);
  net.add<Activation>("leaky_relu");
  net.add<GroupNorm>(2, 4, init);
  net.add<InstanceNorm>(4, init);
  net.add<PixelNorm>();
  net.add<MinibatchStddev>();
  net.add<Flatten>();
  net.add<Linear>(5 * 3 * 3, 6, init);
  net.add<LayerNorm>(6, init);
  net.add<MinibatchStddev>(2);
  EXPECT_EQ(net(ops::randn({6, 3, 3, 2}, g, DType::f64)).shape(), (Shape{6, 7}));
  EXPECT_EQ(names(net.state_dict())[4], "1.running_mean");
}

TEST(Norm, RefusesWhatIsImpossible) {
  Generator g{6};
  const Init init{g};
  BatchNorm batch(3, init);
  test::expect_error(
      [&] {
        batch(Tensor::zeros({1, 3}));
      },
      {"[BatchNorm]", "two values a channel", "[1, 3]", "larger batch"});
  EXPECT_EQ(batch.num_batches_tracked.item(), 0);
  batch.eval();
  EXPECT_EQ(batch(Tensor::zeros({1, 3})).shape(), (Shape{1, 3}));
  test::expect_error([&] { batch(Tensor::zeros({2, 4})); }, {"[batch_norm]", "[4]", "[3]"});
  InstanceNorm instance(3, init);
  test::expect_error(
      [&] {
        instance(Tensor::zeros({2, 3}));
      },
      {"[InstanceNorm]", "[n, h, w, c]", "[2, 3]", "LayerNorm"});
  test::expect_error([&] { BatchNorm(0, init); }, {"BatchNorm", "0 channels"});
  test::expect_error([&] { BatchNorm(3, init, 0); }, {"BatchNorm", "eps 0"});
  test::expect_error([&] { BatchNorm(3, init, 1e-5, 2); }, {"BatchNorm", "momentum", "2"});
  test::expect_error([&] { GroupNorm(4, 6, init); }, {"GroupNorm", "6 channels", "4"});
  test::expect_error([&] { LayerNorm(-1, init); }, {"LayerNorm", "-1 channels"});
  test::expect_error([&] { MinibatchStddev(0); }, {"MinibatchStddev", "at least 1", "0"});
  test::expect_error([&] { PixelNorm(0); }, {"PixelNorm", "eps"});
}

}  // namespace
}  // namespace imago::nn
