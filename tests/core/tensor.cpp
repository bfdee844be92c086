#include "engine/core/tensor.h"

#include <gtest/gtest.h>

#include <limits>

#include "engine/core/allocator.h"

namespace imago {
namespace {

std::string message(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(Tensor, HoldsValuesOnEveryDevice) {
  for (Device d : devices()) {
    const Tensor t = Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3}, d);
    EXPECT_EQ(t.device(), d);
    EXPECT_EQ(t.shape(), Shape({2, 3}));
    EXPECT_EQ(t.to_vector<float>(), (std::vector<float>{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(t.to(cpu_device).to_vector<float>(), t.to_vector<float>());
    EXPECT_EQ(Tensor::zeros({3}, DType::i64, d).to_vector<std::int64_t>(),
              (std::vector<std::int64_t>{0, 0, 0}));
    EXPECT_EQ(Tensor::full({}, 2.5, DType::f64, d).item(), 2.5);
    EXPECT_EQ(Tensor::empty({0, 5}, DType::f32, d).numel(), 0);
  }
}
TEST(Tensor, CopiesShareMemoryAndVersion) {
  const Tensor a = Tensor::zeros({2});
  const Tensor b = a, c = a.detach();
  a.fill_(3);
  EXPECT_EQ(b.to_vector<float>()[1], 3);
  EXPECT_EQ(c.to_vector<float>()[1], 3);
  EXPECT_EQ(c.version(), a.version());
  EXPECT_GT(a.version(), 0u);
}
TEST(Tensor, ErrorsSayExpectedAndReceived) {
  EXPECT_NE(message([] {
              Tensor::from(std::vector<float>{1, 2}, {3});
            }).find("expected 3 for shape [3], received 2"),
            std::string::npos);
  EXPECT_NE(message([] { Tensor::zeros({2}).item(); }).find("one element"), std::string::npos);
  EXPECT_NE(message([] {
              (void)Tensor::zeros({2}).data<double>();
            }).find("expected float32, received float64"),
            std::string::npos);
  EXPECT_NE(message([] { (void)Tensor().shape(); }).find("undefined tensor"), std::string::npos);
  EXPECT_NE(
      message([] { Tensor::zeros({2}).copy_(Tensor::zeros({3})); }).find("shapes or dtypes differ"),
      std::string::npos);
  EXPECT_NE(message([] { (void)Tensor::zeros({2}).size(1); }).find("no such dimension"),
            std::string::npos);
  EXPECT_NE(
      message([] { (void)Tensor::zeros({2}, DType::i64).requires_grad_(); }).find("only floating"),
      std::string::npos);
}
TEST(Tensor, ShapesAreChecked) {
  EXPECT_THROW(Shape({2, -1}), Error);
  EXPECT_THROW(Shape({std::numeric_limits<Index>::max(), 4}), Error);
  EXPECT_EQ(Shape({3, 0, 5}).numel(), 0);
  EXPECT_EQ(Shape({3, 4}).str(), "[3, 4]");
  EXPECT_EQ(Shape().numel(), 1);
}
TEST(Device, TextIsParsedOrRefused) {
  EXPECT_EQ(device_from("cpu"), cpu_device);
  EXPECT_NO_THROW(device_from("auto"));
  for (const char* bad : {"gpu", "cuda:", "cuda:x", "cuda:99999", "CPU", ""}) {
    try {
      device_from(bad);
      FAIL() << bad;
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::usage) << bad;
    }
  }
  try {
    device_from("cuda:77");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::device);
  }
}
TEST(Error, IsOneLine) {
  const Error e(ErrorKind::data, {"cannot\nread", "file.npy", "magic", "\r\nxyz", "try again"});
  EXPECT_EQ(std::string(e.what()),
            "cannot read, in file.npy, expected magic, received   xyz; try again");
}
// What a file holds ends up in errors: it must neither command the terminal nor fill the screen.
TEST(Error, QuotesHostileText) {
  const Error e(ErrorKind::data, {"bad", "x", "\x1b[2J\a\x7f",
                                  std::string(999, 'a') + "\u00e9" + std::string(99, 'b')});
  EXPECT_EQ(std::string(e.what()),
            "bad, in x, expected  [2J  , received " + std::string(999, 'a') + "...");
}
TEST(Memory, ReturnsToWhatItWas) {
  for (Device d : devices()) {
    const std::size_t before = memory_stats(d).active;
    {
      const Tensor t = Tensor::zeros({1000}, DType::f32, d);
      EXPECT_GE(memory_stats(d).active, before + 4000);
    }
    EXPECT_EQ(memory_stats(d).active, before);
  }
}

}  // namespace
}  // namespace imago
