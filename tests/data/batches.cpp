// Shuffles are permutations, depend on (seed, epoch) alone, and can be resumed anywhere.
#include "engine/data/batches.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <map>

#include "tests/io/files.h"

namespace imago::test {
namespace {

using data::Batches;
using Rows = std::vector<std::int64_t>;

TEST(Permutation, IsOne) {
  for (const Index n : {0, 1, 2, 7, 1000, 60000}) {
    Rows order = data::permutation(n, 5, 3);
    std::sort(order.begin(), order.end());
    EXPECT_EQ(order, counting<std::int64_t>(n)) << n;
  }
}
TEST(Permutation, DependsOnSeedAndEpochAlone) {
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const Rows one = data::permutation(10007, 1, 2);
  omp_set_num_threads(2);
  EXPECT_EQ(data::permutation(10007, 1, 2), one);
  omp_set_num_threads(threads);
  EXPECT_NE(data::permutation(10007, 1, 3), one);
  EXPECT_NE(data::permutation(10007, 2, 2), one);
  // Golden: every machine draws this one.
  EXPECT_EQ(data::permutation(8, 0, 0), (Rows{1, 0, 4, 5, 2, 6, 3, 7}));
}
// Each of the 24 orders of four equally often: chi squared with 23 degrees of freedom.
TEST(Permutation, IsUniform) {
  std::map<Rows, int> count;
  const int n = 24000;
  for (int e = 0; e < n; e++) count[data::permutation(4, 9, std::uint64_t(e))]++;
  ASSERT_EQ(count.size(), 24u);
  double chi = 0;
  for (const auto& [order, c] : count) chi += (c - n / 24.) * (c - n / 24.) / (n / 24.);
  EXPECT_LT(chi, 49.7);  // p = 0.001
  EXPECT_GT(chi, 7.5);
}

Rows epoch_of(Batches& b, std::vector<Index>* sizes = nullptr) {
  Rows all;
  for (Index s = 0; s < b.steps_per_epoch(); s++) {
    const Rows r = b.next().to_vector<std::int64_t>();
    if (sizes) sizes->push_back(Index(r.size()));
    all.insert(all.end(), r.begin(), r.end());
  }
  return all;
}
TEST(Batches, AnEpochHasEveryRowOnce) {
  Batches b(10, {.batch = 4, .seed = 1});
  EXPECT_EQ(b.steps_per_epoch(), 3);
  std::vector<Index> sizes;
  Rows first = epoch_of(b, &sizes), second = epoch_of(b);
  EXPECT_EQ(sizes, (std::vector<Index>{4, 4, 2}));
  EXPECT_NE(first, second);
  EXPECT_EQ(first, data::permutation(10, 1, 0));
  EXPECT_EQ(second, data::permutation(10, 1, 1));
}
TEST(Batches, DropLast) {
  Batches b(10, {.batch = 4, .seed = 1, .drop_last = true});
  EXPECT_EQ(b.steps_per_epoch(), 2);
  Rows first = epoch_of(b), all = data::permutation(10, 1, 0);
  all.resize(8);
  EXPECT_EQ(first, all);
  EXPECT_EQ(b.position(), (Batches::Position{1, 0}));
  expect_error(ErrorKind::usage, {"without batches", "at least 4 rows", "3"},
               [] { Batches(3, {.batch = 4, .drop_last = true}); });
}
TEST(Batches, InOrder) {
  Batches b(5, {.batch = 2, .shuffle = false});
  for (int epoch = 0; epoch < 2; epoch++) EXPECT_EQ(epoch_of(b), counting<std::int64_t>(5));
}
TEST(Batches, ResumesAnywhere) {
  const data::BatchOptions options{.batch = 3, .seed = 4};
  Batches whole(10, options);
  for (int i = 0; i < 13; i++) {
    Batches resumed(10, options);
    resumed.seek(whole.position());
    for (int k = 0; k < 6; k++) {
      Batches ahead(10, options);
      ahead.seek(resumed.position());
      EXPECT_EQ(resumed.next().to_vector<std::int64_t>(), ahead.next().to_vector<std::int64_t>());
    }
    Batches again(10, options);
    again.seek(whole.position());
    EXPECT_EQ(again.next().to_vector<std::int64_t>(), whole.next().to_vector<std::int64_t>());
    EXPECT_EQ(again.position(), whole.position());
  }
  // Backwards, within the epoch.
  whole.seek({0, 1});
  const Rows order = data::permutation(10, 4, 0);
  EXPECT_EQ(whole.next().to_vector<std::int64_t>(), Rows(order.begin() + 3, order.begin() + 6));
}
TEST(Batches, WrongUse) {
  expect_error(ErrorKind::usage, {"batch size", "0"}, [] { Batches(3, {.batch = 0}); });
  expect_error(ErrorKind::usage, {"without batches"}, [] { Batches(0, {}); });
  Batches b(10, {.batch = 4});
  expect_error(ErrorKind::usage, {"step 0 to 2", "step 3"}, [&] { b.seek({0, 3}); });
  expect_error(ErrorKind::usage, {"epoch -1"}, [&] { b.seek({-1, 0}); });
}

}  // namespace
}  // namespace imago::test
