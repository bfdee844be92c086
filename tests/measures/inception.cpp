// Inception-v3 against torch-fidelity's with the same random weights (make_golden_inception.py),
// and what is refused of weights and images.
#include "models/measures/inception.h"

#include "engine/io/safetensors.h"
#include "engine/ops/ops.h"
#include "models/measures/inception_input.h"
#include "tests/errors.h"
#include "tests/io/files.h"
#include "tests/io/pth.h"
#include "tests/measures/random_inception.h"

namespace imago::test {
namespace {

using models::Inception, models::Pipeline;

const io::NamedArrays& golden() {
  static const auto file = io::read_safetensors(IMAGO_GOLDEN "/inception.safetensors");
  return file.tensors;
}
Tensor images(const std::string& name) {
  return random_images(name, name == "rgb"    ? Shape{2, 40, 32, 3}
                             : name == "grey" ? Shape{1, 28, 28, 1}
                                              : Shape{1, 310, 431, 3});
}
// Within relative of each value, or of the mean of all where that is larger.
void expect_close(const Tensor& got, const std::string& name, double relative) {
  SCOPED_TRACE(name);
  ASSERT_TRUE(golden().count(name));
  const Tensor want = io::to_tensor(golden().at(name));
  ASSERT_EQ(got.shape(), want.shape());
  const auto a = got.values(), b = want.values();
  double mean = 0, worst = 0;
  for (const double v : b) mean += std::fabs(v) / double(b.size());
  for (std::size_t i = 0; i < a.size(); i++)
    worst = std::max(worst, std::fabs(a[i] - b[i]) / std::max(std::fabs(b[i]), mean));
  EXPECT_LE(worst, relative);
}
Tensor every(const Tensor& x) {  // 23rd row, 29th column
  std::vector<Tensor> rows, columns;
  for (Index y = 0; y < x.size(1); y += 23) rows.push_back(ops::slice(x, 1, y, y + 1));
  const Tensor some = ops::concat(rows, 1);
  for (Index j = 0; j < x.size(2); j += 29) columns.push_back(ops::slice(some, 2, j, j + 1));
  return ops::concat(columns, 2);
}

TEST(InceptionInput, EqualsThatOfThePrograms) {
  for (const std::string& pipeline : models::pipeline_names())
    for (const char* name : {"rgb", "grey", "large"})
      // PyTorch computes centres with or without a fused multiply-add, by the machine: half an ulp
      // of a place of 16 to 32 pixels, on slopes of up to 2 a pixel and about a mean of 1/2.
      expect_close(every(models::inception_input(images(name), models::pipeline_from(pipeline))),
                   pipeline + "." + name + ".input", pipeline == "pytorch-fid" ? 4e-6 : 1e-6);
}
TEST(InceptionInput, OfTheNetworksOwnSizeIsOnlyScaled) {
  const Tensor x = random_images("own", {1, 299, 299, 3});
  for (const std::string& name : models::pipeline_names()) {
    const Tensor y = models::inception_input(x, models::pipeline_from(name));
    const bool centres = name == "pytorch-fid";
    const Tensor want = centres ? ops::affine(x, 2. / 255, -1) : ops::affine(x, 1. / 128, -1);
    EXPECT_EQ(y.values(), want.values()) << name;
  }
}
TEST(InceptionInput, RefusesOtherImages) {
  for (const Shape& shape : {Shape{1, 8, 8, 2}, Shape{8, 8, 3}, Shape{1, 0, 8, 3}})
    expect_error([&] { models::inception_input(Tensor::zeros(shape), Pipeline::clean_fid); },
                 {"Inception", "[n, height, width, 1 or 3]", shape.str()});
  expect_error([] { models::pipeline_from("tf"); }, {"torch-fidelity", "clean-fid", "tf"});
}

const Inception& network() {
  static const Inception net(random_inception());
  return net;
}

TEST(Inception, FeaturesEqualTorchFidelitys) {
  for (const std::string& pipeline : models::pipeline_names())
    for (const std::string name : {"rgb", "grey"}) {
      const Tensor x = models::inception_input(images(name), models::pipeline_from(pipeline));
      const Tensor f = network().features(x);
      const std::string of = pipeline + "." + name + ".";
      expect_close(f, of + "2048", 1e-4);
      if (!golden().count(of + "64")) continue;
      for (const Index n : {64, 192, 768})
        expect_close(network().features(x, n), concat(of, n), 1e-4);
      expect_close(network().logits(f, false), of + "logits_unbiased", 1e-4);
      expect_close(network().logits(f, true), of + "logits", 1e-4);
    }
}
// The derivative by the images reaches them through all of it.
TEST(Inception, IsDifferentiable) {
  const Tensor x = images("grey");
  x.requires_grad_();
  const Tensor y = models::inception_input(x, Pipeline::pytorch_fid);
  const Tensor g = grad({ops::sum(network().features(y, 64))}, {x})[0];
  // Along the gradient the slope is its length.
  const std::vector<double> to = g.values();
  double square = 0;
  for (const double v : to) square += v * v;
  const double length = std::sqrt(square), h = 1;
  const auto at = [&](double shift) {
    auto v = x.values();
    for (std::size_t i = 0; i < v.size(); i++) v[i] += shift * to[i] / length;
    const Tensor moved = Tensor::from(std::vector<float>(v.begin(), v.end()), x.shape());
    return ops::sum(network().features(models::inception_input(moved, Pipeline::pytorch_fid), 64))
        .item();
  };
  const double slope = (at(h) - at(-h)) / (2 * h);
  EXPECT_NEAR(slope, length, .01 * length);
}
TEST(Inception, RefusesOtherImages) {
  expect_error(
      [] {
        network().features(Tensor::zeros({1, 28, 28, 3}));
      },
      {"[n, 299, 299, 3]", "28"});
  expect_error(
      [] {
        network().features(Tensor::zeros({1, 299, 299, 3}), 100);
      },
      {"64, 192, 768 or 2048", "100"});
}

TEST(InceptionWeights, AreThoseOfThePublishedLayout) {
  const auto& all = Inception::convolutions();
  EXPECT_EQ(all.size(), 94u);
  Index elements = 1008 * 2048 + 1008;
  for (const auto& c : all) elements += c.out * (c.in * c.kernel.h * c.kernel.w + 4) + 1;
  EXPECT_EQ(elements, 23885486);
}
// Nothing but the first convolutions, so that an archive packs the rest away.
TEST(InceptionWeights, ReadFromEveryContainer) {
  const TemporaryFolder folder;
  io::NamedArrays weights;
  std::vector<Saved> tensors;
  for (auto& [name, a] : random_inception()) {
    if (a.dtype == DType::f32 && !name.starts_with("Conv2d")) a = io::zeros(a.dtype, a.shape);
    Saved s{name, {a.shape.begin(), a.shape.end()}, {}, "LongStorage", std::string(8, '\0'), 1};
    if (a.dtype == DType::f32) {
      const auto v = a.values<float>();
      std::vector<float> values(v.begin(), v.end());
      // As the published file has them: in the order of TensorFlow, height, width, in, out.
      const Index o = a.shape[0], i = a.shape.rank() == 4 ? a.shape[1] : 0;
      for (Index p = 0, area = i ? a.shape[2] * a.shape[3] : 0; p < o * i; p++)
        for (Index k = 0; k < area; k++)
          values[std::size_t((k * i + p % i) * o + p / i)] = v[std::size_t(p * area + k)];
      s = saved(name, values, s.sizes);
      if (i) s.strides = {1, o, a.shape[3] * i * o, i * o};
    }
    tensors.push_back(std::move(s));
    weights.emplace(name, std::move(a));
  }
  io::write_safetensors(folder / "w.safetensors", weights);
  put(folder / "w.pth", zip_pth(tensors, {}, "little", true));
  const Tensor x = models::inception_input(images("grey"), Pipeline::torch_fidelity);
  const auto want = network().features(x, 192).values();
  for (const char* name : {"w.safetensors", "w.pth"}) {
    const auto net = Inception::open(folder / name);
    EXPECT_EQ(net->features(x, 192).values(), want) << name;
    EXPECT_EQ(net->sha256().size(), 64u);
    EXPECT_FALSE(net->verified()) << name;
  }
}
TEST(InceptionWeights, OnlyThePublishedFileIsVerified) {
  std::string published = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2";
  EXPECT_TRUE(models::is_published_inception(published));
  published.back() = '3';
  EXPECT_FALSE(models::is_published_inception(published));
  EXPECT_FALSE(models::is_published_inception(""));
  EXPECT_FALSE(network().verified());
}
TEST(InceptionWeights, OthersAreRefusedByName) {
  const io::NamedArrays good = random_inception();
  const auto refuse = [&](auto change, const std::vector<std::string>& parts) {
    io::NamedArrays bad = good;
    change(bad);
    expect_error(ErrorKind::data, parts, [&] { Inception(bad, "weights.pth"); });
  };
  const std::string name = "Mixed_6c.branch7x7_2.conv.weight";
  refuse([&](auto& w) { w.erase(name); },
         {"weights.pth", "lack '" + name + "'", "[160, 160, 1, 7]"});
  refuse(
      [&](auto& w) {
        w.at(name) = io::zeros(DType::f32, {160, 160, 7, 1});
      },
      {"'" + name + "'", "[160, 160, 1, 7]", "[160, 160, 7, 1]"});
  refuse([&](auto& w) { w.at("fc.bias") = io::zeros(DType::i64, {1008}); }, {"'fc.bias'", "int64"});
  refuse(
      [&](auto& w) {
        w.at("fc.weight") = io::zeros(DType::f32, {1000, 2048});
      },
      {"[1008, 2048]"});
  refuse([&](auto& w) { w["AuxLogits.fc.bias"] = io::zeros(DType::f32, {1}); },
         {"'AuxLogits.fc.bias'", "which Inception has not"});
  refuse([&](auto& w) { w.at("Mixed_7c.branch_pool.bn.bias").template values<float>()[3] = NAN; },
         {"'Mixed_7c.branch_pool.bn.bias' is not finite", "element 3"});
  refuse([&](auto& w) { w.at("Conv2d_1a_3x3.bn.running_var").template values<float>()[0] = -1; },
         {"running_var", "no variance", "-1"});
}
TEST(InceptionWeights, CutFilesAreRefused) {
  const TemporaryFolder folder;
  const std::string path = folder / "cut.pth",
                    whole = legacy_pth({saved("fc.bias", std::vector<float>(1008), {1008})});
  put(path, whole.substr(0, whole.size() - 1000));
  expect_error(ErrorKind::data, {"truncated", path, "4032 bytes"}, [&] { Inception::open(path); });
  put(path, whole);
  expect_error(ErrorKind::data, {path, "lack 'Conv2d_1a_3x3.conv.weight'"},
               [&] { Inception::open(path); });
}

}  // namespace
}  // namespace imago::test
