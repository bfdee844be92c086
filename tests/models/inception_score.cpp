// The inception score against plain loops and closed forms.
#include "models/measures/inception_score.h"

#include <cmath>

#include "engine/ops/ops.h"
#include "models/measures/numpy_random.h"
#include "tests/errors.h"
#include "tests/io/files.h"
#include "tests/models/features.h"

namespace imago::models {
namespace {
using test::expect_error, test::normals, test::with_value;

// The mean divergence of rows [begin, end) of probabilities, in the order given, by its definition.
double score(const std::vector<double>& p, const std::vector<Index>& order, Index begin, Index end,
             Index classes) {
  const auto at = [&](Index i, Index c) {
    return p[std::size_t(order[std::size_t(i)] * classes + c)];
  };
  double divergence = 0;
  for (Index c = 0; c < classes; c++) {
    double q = 0;
    for (Index i = begin; i < end; i++) q += at(i, c) / double(end - begin);
    for (Index i = begin; i < end; i++)
      divergence += at(i, c) * std::log(at(i, c) / q) / double(end - begin);
  }
  return std::exp(divergence);
}

TEST(InceptionScore, IsItsDefinition) {
  const Index n = 2603, classes = 17;  // more than one block of rows; splits of two sizes
  const Tensor logits = normals({n, classes}, 1) * 3;
  const Tensor p = ops::softmax(logits);
  const std::vector<double> values = p.values();
  for (const std::uint32_t seed : {2020u, 7u}) {
    const std::vector<Index> order = NumpyRandom(seed).permutation(n);
    double mean = 0, square = 0;
    for (Index i = 0; i < 10; i++) {
      const double s = score(values, order, i * n / 10, (i + 1) * n / 10, classes);
      mean += s / 10, square += s * s / 10;
    }
    const auto a = inception_score(logits, {.shuffle = seed}),
               b = inception_score(p, {.probabilities = true, .shuffle = seed});
    for (const auto& s : {a, b}) {
      EXPECT_NEAR(s->mean, mean, 1e-12);
      EXPECT_NEAR(s->std, std::sqrt(square - mean * mean), 1e-10);
    }
  }
  std::vector<Index> order(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < order.size(); i++) order[i] = Index(i);
  const auto whole = inception_score(logits, {.splits = 1, .shuffle = {}});
  EXPECT_NEAR(whole->mean, score(values, order, 0, n, classes), 1e-12);
  EXPECT_EQ(whole->std, 0);
}
TEST(InceptionScore, Extremes) {
  // As sure as can be, all classes alike: the number of classes. Zeros count nothing.
  const Index classes = 8;
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < 80; i++) labels.push_back(i % classes);
  const Tensor sure = ops::one_hot(Tensor::from(labels, {80}), classes, DType::f64);
  EXPECT_NEAR(inception_score(sure, {.probabilities = true, .splits = 1, .shuffle = {}})->mean, 8,
              1e-12);
  EXPECT_NEAR(inception_score(sure * 2000, {.splits = 5, .shuffle = {}})->mean, 8, 1e-12);
  EXPECT_NEAR(inception_score(Tensor::full({50, 4}, 3))->mean, 1, 1e-13);  // no idea
  EXPECT_NEAR(inception_score(normals({30, 1}, 2))->mean, 1, 1e-13);       // one class
  EXPECT_NEAR(inception_score(normals({1, 5}, 2), {.splits = 1})->mean, 1, 1e-13);
  // The bias is the caller's: a constant of all classes is none.
  const Tensor x = normals({100, 6}, 3);
  EXPECT_NEAR(inception_score(x)->mean, inception_score(x + 5)->mean, 1e-12);
}
TEST(InceptionScore, OnEveryDevice) {
  const Tensor x = normals({200, 9}, 4);
  const auto want = inception_score(x);
  for (const Device d : devices()) {
    const auto got = inception_score(x.to(d));
    EXPECT_NEAR(got->mean, want->mean, 1e-12) << name(d);
    EXPECT_NEAR(got->std, want->std, 1e-12) << name(d);
  }
}
TEST(InceptionScore, IsWatched) {
  const Tensor x = normals({3000, 4}, 5);
  test::expect_watched(
      [&](const Watch& w) { return inception_score(x, {.watch = w}).has_value(); });
}
TEST(InceptionScore, Refusals) {
  const Tensor x = normals({12, 3}, 6);
  expect_error(
      [&] {
        inception_score(normals({9, 3}, 6));
      },
      {"splits", "at least 10", "received 9"});
  expect_error([&] { inception_score(x, {.splits = 0}); }, {"received 0"});
  expect_error([&] { inception_score(normals({9}, 1)); }, {"[N, D]", "[9]"});
  expect_error([&] { inception_score(Tensor::zeros({0, 3})); }, {"with rows", "[0, 3]"});
  test::expect_error(ErrorKind::data, {"row 4", "inception score", "nan"},
                     [&] { inception_score(with_value(x, 4, NAN)); });
  const Tensor p = ops::softmax(x);
  test::expect_error(ErrorKind::data, {"no probabilities in row 5", "-0.5"},
                     [&] { inception_score(with_value(p, 5, -.5), {.probabilities = true}); });
  test::expect_error(ErrorKind::data, {"no probabilities in row 0", "sum"},
                     [&] { inception_score(x * 0, {.probabilities = true}); });
}

}  // namespace
}  // namespace imago::models
