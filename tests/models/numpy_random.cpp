// Against numpy.random.RandomState; the commands that made the numbers stand beside them.
#include "models/measures/numpy_random.h"

#include "tests/errors.h"

namespace imago::models {
namespace {

using Indices = std::vector<Index>;

// RandomState(s).permutation(12)
TEST(NumpyRandom, Permutations) {
  EXPECT_EQ(NumpyRandom(0).permutation(12), (Indices{6, 11, 4, 10, 2, 8, 1, 7, 9, 3, 0, 5}));
  EXPECT_EQ(NumpyRandom(1).permutation(12), (Indices{2, 3, 4, 10, 1, 6, 0, 7, 11, 9, 8, 5}));
  EXPECT_EQ(NumpyRandom(4294967295).permutation(12),
            (Indices{11, 8, 5, 9, 1, 10, 6, 0, 4, 7, 2, 3}));
  EXPECT_TRUE(NumpyRandom(1).permutation(0).empty());
  EXPECT_EQ(NumpyRandom(1).permutation(1), Indices{0});
}
// r = RandomState(2020); r.permutation(10); r.choice(1000, 5, replace=False);
// r.choice(50000, 4, replace=False)
TEST(NumpyRandom, OneDrawAfterAnother) {
  NumpyRandom r(2020);
  EXPECT_EQ(r.permutation(10), (Indices{2, 4, 9, 1, 5, 7, 6, 3, 8, 0}));
  EXPECT_EQ(r.choice(1000, 5), (Indices{358, 763, 430, 530, 677}));
  EXPECT_EQ(r.choice(50000, 4), (Indices{41821, 1807, 2299, 46578}));
}
// p = RandomState(2020).permutation(70000); p[:3], p[-3:], (p * numpy.arange(70000)).sum()
TEST(NumpyRandom, ALongOne) {
  const Indices p = NumpyRandom(2020).permutation(70000);
  EXPECT_EQ(Indices(p.begin(), p.begin() + 3), (Indices{29755, 22946, 54743}));
  EXPECT_EQ(Indices(p.end() - 3, p.end()), (Indices{40259, 61832, 41824}));
  Index sum = 0;
  for (std::size_t i = 0; i < p.size(); i++) sum += p[i] * Index(i);
  EXPECT_EQ(sum, 85792092931324);
}
TEST(NumpyRandom, Intervals) {
  NumpyRandom r(2020);
  EXPECT_EQ(r.below_or_at(0), 0u);
  // RandomState(2020).randint(0, 2**32, size=3, dtype=numpy.uint32): words as they are
  EXPECT_EQ(r.below_or_at(0xffffffff), 4236026720u);
  EXPECT_EQ(r.below_or_at(0xffffffff), 639299976u);
  EXPECT_EQ(r.below_or_at(0xffffffff), 3751189827u);
  // RandomState(5489).randint(0, 2**63, size=2, dtype=numpy.uint64)
  NumpyRandom s(5489);
  EXPECT_EQ(s.below_or_at(0x7fffffffffffffff), 5805627399050534646u);
  EXPECT_EQ(s.below_or_at(0x7fffffffffffffff), 7485539959361970041u);
}
TEST(NumpyRandom, Refusals) {
  NumpyRandom r(1);
  test::expect_error([&] { r.choice(5, 6); }, {"0 to 5", "received 6"});
  test::expect_error([&] { r.choice(5, -1); }, {"received -1"});
  test::expect_error([&] { r.permutation(-1); }, {"received -1"});
}

}  // namespace
}  // namespace imago::models
