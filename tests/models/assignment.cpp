// Exact assignments against all permutations and against closed forms.
#include "models/measures/assignment.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/ops/ops.h"
#include "engine/random/host.h"
#include "tests/errors.h"
#include "tests/io/files.h"

namespace imago::models {
namespace {
using test::expect_error;

double total(const std::vector<double>& cost, const std::vector<Index>& columns) {
  double sum = 0;
  for (std::size_t i = 0; i < columns.size(); i++)
    sum += cost[i * columns.size() + std::size_t(columns[i])];
  return sum;
}
bool is_permutation_of_n(std::vector<Index> columns) {
  std::sort(columns.begin(), columns.end());
  for (std::size_t i = 0; i < columns.size(); i++)
    if (columns[i] != Index(i)) return false;
  return true;
}
double least(const std::vector<double>& cost, Index n) {
  std::vector<Index> p(static_cast<std::size_t>(n));
  std::iota(p.begin(), p.end(), 0);
  double best = INFINITY;
  do best = std::min(best, total(cost, p));
  while (std::next_permutation(p.begin(), p.end()));
  return best;
}
Tensor normals(const Shape& shape, std::uint64_t seed) {
  Generator g{seed};
  return ops::randn(shape, g, DType::f64);
}

// Whole costs, so that every sum is exact; few different ones make many ties.
TEST(Assignment, AgainstAllPermutations) {
  HostStream random(1, Purpose::generate);
  for (Index n = 0; n <= 8; n++)
    for (const std::uint32_t values : {2u, 5u, 1u << 20})
      for (int repeat = 0; repeat < (n == 8 ? 3 : 20); repeat++) {
        std::vector<double> cost(static_cast<std::size_t>(n * n));
        for (double& c : cost) c = double(random.below(values)) - double(values / 2);
        const Assignment a = assign(cost, n);
        ASSERT_EQ(a.columns.size(), std::size_t(n));
        EXPECT_TRUE(is_permutation_of_n(a.columns));
        EXPECT_EQ(a.cost, total(cost, a.columns));
        EXPECT_EQ(a.cost, least(cost, n)) << n << " " << values << " " << repeat;
      }
}
TEST(Assignment, SmallCases) {
  EXPECT_EQ(assign({}, 0).cost, 0);
  EXPECT_TRUE(assign({}, 0).columns.empty());
  const std::vector<double> one{-3}, same(100 * 100, 7);
  EXPECT_EQ(assign(one, 1).cost, -3);
  EXPECT_EQ(assign(one, 1).columns, std::vector<Index>{0});
  EXPECT_EQ(assign(same, 100).cost, 700);
  // Every row wants the same column.
  std::vector<double> contested(100 * 100, 10);
  for (std::size_t i = 0; i < 100; i++) contested[100 * i] = double(i) / 128;
  EXPECT_EQ(assign(contested, 100).cost, 990);
  // A cost so large that bids vanish beside it.
  std::vector<double> lost(50 * 50, 1e17);
  for (std::size_t i = 0; i < 50; i++) lost[50 * i + 49 - i] = 1e17 - 64;
  EXPECT_EQ(assign(lost, 50).cost, total(lost, assign(lost, 50).columns));
  EXPECT_TRUE(is_permutation_of_n(assign(lost, 50).columns));
}
// No exchange along a cycle makes the whole cheaper: Bellman and Ford over the columns.
TEST(Assignment, NoCycleImprovesIt) {
  const std::size_t n = 60;
  const std::vector<double> cost = normals({Index(n), Index(n)}, 3).values();
  const std::vector<Index> column = assign(cost, Index(n)).columns;
  std::vector<double> distance(n, 0);  // of rows: row i may take the column of row k
  for (std::size_t round = 0; round <= n; round++) {
    bool changed = false;
    for (std::size_t i = 0; i < n; i++)
      for (std::size_t k = 0; k < n; k++) {
        const double d = distance[i] + cost[i * n + std::size_t(column[k])] -
                         cost[i * n + std::size_t(column[i])];
        if (d < distance[k] - 1e-12) distance[k] = d, changed = true;
      }
    if (!changed) return;
  }
  ADD_FAILURE() << "a cycle of negative cost is left";
}

// On a line the sorted points belong together.
double sorted_distance(const Tensor& x, const Tensor& y, int power) {
  std::vector<double> a = x.values(), b = y.values();
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); i++) sum += std::pow(std::fabs(a[i] - b[i]), power);
  return std::pow(sum / double(a.size()), 1. / power);
}
TEST(Wasserstein, SortedPointsOfALine) {
  const Tensor x = normals({400, 1}, 4), y = normals({400, 1}, 5) * 2 + 1;
  for (const int power : {1, 2}) {
    const double expected = sorted_distance(x, y, power);
    EXPECT_NEAR(wasserstein(x, y, power), expected, 1e-12 * expected) << power;
  }
}
// The largest size: neighbours in another order, so that few rows contend for a column.
TEST(Wasserstein, Limit) {
  const Index n = assignment_limit;
  const Tensor x = normals({n, 1}, 4);
  std::vector<double> v = (x + normals({n, 1}, 5) * 2e-5).values();
  std::reverse(v.begin(), v.end());
  const Tensor y = Tensor::from(v, {n, 1});
  const double expected = sorted_distance(x, y, 1);
  EXPECT_NEAR(wasserstein(x, y), expected, 1e-12 * expected);
}
// Duplicates: x rounded to few places.
TEST(Wasserstein, Ties) {
  const Tensor x = ops::round(normals({500, 1}, 6)), y = ops::round(normals({500, 1}, 7) * 2);
  for (const int power : {1, 2})
    EXPECT_NEAR(wasserstein(x, y, power), sorted_distance(x, y, power), 1e-13);
  EXPECT_EQ(wasserstein(x, x), 0);
}
// Moving all points by t costs |t|, and squared cost adds the distance of the means.
TEST(Wasserstein, Shifts) {
  const Tensor x = normals({200, 3}, 8), y = normals({200, 3}, 9),
               t = Tensor::from(std::vector<double>{1, -2, 2}, {3});
  EXPECT_NEAR(wasserstein(x, x + t), 3, 1e-12);
  EXPECT_NEAR(wasserstein(x, x + t, 2), 3, 1e-12);
  const auto mean = [](const Tensor& s) { return ops::mean(s, {0}); };
  const double plain = wasserstein(x, y - mean(y) + mean(x), 2),
               means = ops::sum(ops::square(mean(y) - mean(x))).item();
  EXPECT_NEAR(wasserstein(x, y, 2), std::sqrt(plain * plain + means), 1e-12);
  EXPECT_NEAR(wasserstein(x, y), wasserstein(y, x), 1e-13);
  EXPECT_NEAR(wasserstein(ops::cast(x, DType::f32), ops::cast(y, DType::f32)), wasserstein(x, y),
              1e-6);
  EXPECT_EQ(wasserstein(Tensor::full({1, 2}, 3), Tensor::zeros({1, 2})), std::sqrt(18));
}
TEST(Wasserstein, ThreadsDoNotShow) {
  const Tensor x = normals({300, 2}, 10), y = normals({300, 2}, 11);
  const double distance = wasserstein(x, y);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(threads == 1 ? 3 : 1);
  EXPECT_EQ(wasserstein(x, y), distance);
  omp_set_num_threads(threads);
}

TEST(Wasserstein, Refusals) {
  const Tensor x = normals({10, 2}, 12);
  expect_error([&] { wasserstein(x, normals({9, 2}, 1)); }, {"[10, 2] and [9, 2]"});
  expect_error([&] { wasserstein(x, normals({10, 3}, 1)); }, {"[10, 2] and [10, 3]"});
  expect_error([&] { wasserstein(Tensor::zeros({0, 2}), Tensor::zeros({0, 2})); }, {"with rows"});
  expect_error([&] { wasserstein(Tensor::zeros({4}), x); }, {"first set", "[N, D]", "[4]"});
  expect_error([&] { wasserstein(x, x, 3); }, {"1 or 2", "received 3"});
  const Tensor many = Tensor::zeros({assignment_limit + 1, 1});
  expect_error([&] { wasserstein(many, many); }, {"at most 4096", "received 4097"});
  for (const double bad : {double(NAN), -double(INFINITY)}) {
    std::vector<double> v = x.values();
    v[2 * 7] = bad;
    expect_error(ErrorKind::data, {"row 7", "second set", concat(bad)}, [&] {
      wasserstein(x, Tensor::from(v, {10, 2}));
    });
    std::vector<double> cost(9, 1);
    cost[5] = bad;
    expect_error(ErrorKind::data, {"row 1", "costs"}, [&] { assign(cost, 3); });
  }
  const std::vector<double> cost(8);
  expect_error([&] { assign(cost, 3); }, {"3 x 3", "8 values"});
}

}  // namespace
}  // namespace imago::models
