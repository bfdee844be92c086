// Indices out of range, on the host and on devices; scatters that add in the order of the list;
// dtypes of data sets.
#include "engine/ops/index.h"

#include <cmath>
#include <cstdlib>
#include <functional>

#include "engine/core/allocator.h"
#include "engine/ops/ops.h"
#include "tests/errors.h"
#include "tests/ops/devices.h"

namespace imago::test {
namespace {

class IndexOn : public OnDevice {
 protected:
  Tensor index(const std::vector<std::int64_t>& v) const {
    return Tensor::from(v, {Index(v.size())}, device());
  }
};

TEST(IndexErrors, NameTheIndexItsPlaceAndTheRange) {
  const Tensor x = Tensor::zeros({3, 4});
  const auto rows = [](std::int64_t bad) {
    return Tensor::from(std::vector<std::int64_t>{0, 2, bad}, {3});
  };
  const auto cols = [](std::int64_t bad) {
    return Tensor::from(std::vector<std::int64_t>{0, 3, bad}, {3, 1});
  };
  for (std::int64_t bad : {3, -1, 1 << 30}) {
    const std::string place = concat("index ", bad, " at position 2");
    expect_error([&] { ops::gather_rows(x, rows(bad)); }, {"[gather_rows]", "0 to 2", place});
    expect_error([&] { ops::gather_normalize(x, rows(bad), 1, 0); },
                 {"[gather_normalize]", "0 to 2", place});
    expect_error([&] { ops::scatter_add_rows(x, rows(bad), 3); },
                 {"[scatter_add_rows]", "0 to 2", place});
    expect_error([&] { ops::one_hot(rows(bad), 3); }, {"[one_hot]", "0 to 2", place});
  }
  for (std::int64_t bad : {4, -1}) {
    const std::string place = concat("index ", bad, " at position 2");
    expect_error([&] { ops::gather(x, cols(bad)); }, {"[gather]", "0 to 3", place});
    expect_error(
        [&] {
          ops::scatter_add(Tensor::zeros({3, 1}), cols(bad), 4);
        },
        {"[scatter_add]", "0 to 3", place});
  }
}
TEST(IndexErrors, ShapesAndTypes) {
  const Tensor x = Tensor::zeros({3, 4}), floats = Tensor::zeros({2}),
               two = Tensor::zeros({2}, DType::i64);
  expect_error([&] { ops::gather_rows(x, floats); }, {"[gather_rows]", "int64", "float32"});
  expect_error(
      [&] {
        ops::gather_rows(x, Tensor::zeros({1, 2}, DType::i64));
      },
      {"[gather_rows]", "one dimension", "[1, 2]"});
  expect_error([&] { ops::gather_rows(Tensor::scalar(1), two); }, {"[gather_rows]", "scalar"});
  expect_error([&] { ops::scatter_add_rows(x, two, 5); },
               {"[scatter_add_rows]", "each of 3 rows", "received 2"});
  expect_error(
      [&] {
        ops::scatter_add_rows(Tensor::zeros({2, 1}), two, -1);
      },
      {"[scatter_add_rows]", "received -1"});
  expect_error([&] { ops::gather(x, two); }, {"[gather]", "[3, 4]", "[2]"});
  expect_error(
      [&] {
        ops::scatter_add(x, Tensor::zeros({3, 2}, DType::i64), 5);
      },
      {"[scatter_add]", "[3, 4]", "[3, 2]"});
  expect_error([&] { ops::one_hot(floats, 3); }, {"[one_hot]", "int64"});
  expect_error([&] { ops::one_hot(two, 0); }, {"[one_hot]", "received 0"});
  expect_error([&] { ops::gather_normalize(two, two, 1, 0); }, {"[gather_normalize]", "uint8"});
  expect_error([&] { ops::gather_normalize(x, two, 1, 0, DType::u8); },
               {"[gather_normalize]", "uint8"});
}

// Without the check a kernel still touches nothing that is not there.
TEST_P(IndexOn, DevicesSkipWhatIsOutOfRange) {
  if (device() == cpu_device || debug_mode()) GTEST_SKIP() << "indices are checked";
  const Tensor x = Tensor::full({3, 2}, 5, DType::f32, device());
  const Tensor wild = index({3, -1, std::int64_t(1) << 62, 1});
  const auto expect = [](const Tensor& t, const std::vector<double>& want) {
    const auto got = t.values();
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < got.size(); i++)
      EXPECT_TRUE(got[i] == want[i] || (std::isnan(got[i]) && std::isnan(want[i])))
          << i << ": " << got[i] << " for " << want[i];
  };
  const double nan = std::nan("");
  expect(ops::gather_rows(x, wild), {nan, nan, nan, nan, nan, nan, 5, 5});
  expect(ops::gather_normalize(x, wild, 2, 1), {nan, nan, nan, nan, nan, nan, 11, 11});
  expect(ops::scatter_add_rows(Tensor::full({4, 1}, 7, DType::f32, device()), wild, 3), {0, 7, 0});
  expect(ops::one_hot(wild, 2), {0, 0, 0, 0, 0, 0, 0, 1});
  expect(ops::gather(ops::reshape(x, Shape{1, 6}), ops::reshape(index({6, 5}), Shape{1, 2})),
         {nan, 5});
  expect(ops::scatter_add(ops::reshape(x, Shape{1, 6}),
                          ops::reshape(index({-1, 9, 0, 1, 1, 2}), Shape{1, 6}), 2),
         {5, 10});
}
TEST_P(IndexOn, DebugModeChecksOnDevicesToo) {
  // In a process of its own: the mode is read once.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        setenv("IMAGO_DEBUG", "1", 1);
        try {
          ops::gather_rows(Tensor::zeros({3, 2}, DType::f32, device()), index({0, 3}));
        } catch (const Error& e) {
          std::fprintf(stderr, "%s\n", e.what());
          std::_Exit(7);
        }
        std::_Exit(0);
      },
      testing::ExitedWithCode(7), "index 3 at position 1");
}

// The order of additions is the list's: the bits of a plain loop.
TEST_P(IndexOn, ScattersAddInOrder) {
  Generator g{5, 0};
  const Index count = 203, rows = 17, cols = 5;
  const std::vector<float> v = ops::randn({count, cols}, g).to_vector<float>();
  std::vector<std::int64_t> to(static_cast<std::size_t>(count));
  for (std::size_t m = 0; m < to.size(); m++) to[m] = std::int64_t(m * m % std::size_t(rows));
  std::vector<float> want(std::size_t(rows * cols));
  for (std::size_t m = 0; m < to.size(); m++)
    for (std::size_t c = 0; c < std::size_t(cols); c++)
      want[std::size_t(to[m] * cols) + c] += v[m * std::size_t(cols) + c];
  const Tensor x = Tensor::from(v, {count, cols}, device());
  EXPECT_EQ(ops::scatter_add_rows(x, index(to), rows).to_vector<float>(), want);

  std::vector<float> line(static_cast<std::size_t>(rows));
  for (std::size_t m = 0; m < to.size(); m++) line[std::size_t(to[m])] += v[m];
  const Tensor y =
      Tensor::from(std::vector<float>(v.begin(), v.begin() + count), {1, count}, device());
  EXPECT_EQ(ops::scatter_add(y, ops::reshape(index(to), Shape{1, count}), rows).to_vector<float>(),
            line);
}

TEST_P(IndexOn, IntegersAreGatheredToo) {
  const Tensor labels = Tensor::from(std::vector<std::int64_t>{10, 20, 30}, {3}, device());
  EXPECT_EQ(ops::gather_rows(labels, index({2, 0, 2})).to_vector<std::int64_t>(),
            (std::vector<std::int64_t>{30, 10, 30}));
  const Tensor pixels = Tensor::from(std::vector<std::uint8_t>{1, 2, 3, 255}, {2, 2}, device());
  EXPECT_EQ(ops::gather_rows(pixels, index({1})).to_vector<std::uint8_t>(),
            (std::vector<std::uint8_t>{3, 255}));
}
TEST_P(IndexOn, DataSetsOfEveryType) {
  const std::vector<double> values{0, 1, 127, 255};
  for (DType from : {DType::u8, DType::f32, DType::f64}) {
    const Tensor x =
        from == DType::u8 ? Tensor::from(std::vector<std::uint8_t>(values.begin(), values.end()),
                                         {2, 2}, device())
        : from == DType::f32
            ? Tensor::from(std::vector<float>(values.begin(), values.end()), {2, 2}, device())
            : Tensor::from(values, {2, 2}, device());
    for (DType to : {DType::f32, DType::f64}) {
      const Tensor y = ops::gather_normalize(x, index({1, 0, 1}), .125, -2, to);  // exact in both
      EXPECT_EQ(y.dtype(), to);
      EXPECT_EQ(y.shape(), (Shape{3, 2}));
      EXPECT_EQ(y.values(), (std::vector<double>{13.875, 29.875, -2, -1.875, 13.875, 29.875}))
          << from << " to " << to;
    }
  }
}
TEST_P(IndexOn, AnIndexElsewhereIsAnError) {
  if (device() == cpu_device) GTEST_SKIP() << "one device";
  expect_error(
      [&] {
        ops::gather_rows(Tensor::zeros({3, 2}), index({0}));
      },
      {"[gather_rows]", "cpu", name(device())});
}

INSTANTIATE_TEST_SUITE_P(Backends, IndexOn, testing::ValuesIn(built_backends()), backend_name);

}  // namespace
}  // namespace imago::test
