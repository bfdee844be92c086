// Statistics of the generated sets, and that they are the same everywhere.
#include "engine/data/generated.h"

#include <omp.h>

#include <cmath>
#include <cstring>
#include <map>

#include "engine/data/data_set.h"
#include "engine/random/host.h"
#include "tests/io/files.h"

namespace imago::test {
namespace {

using data::generate;
using data::Rows;

TEST(HostRandom, PublishedPhiloxWords) {
  // Salmon et al. 2011, Random123's known answers for philox4x32-10.
  using Words = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox_words({0, 0, 0}, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const std::uint64_t ones = ~std::uint64_t(0);
  EXPECT_EQ(philox_words({ones, ones, ones}, 0),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox_words({0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88}, 0),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}
TEST(HostRandom, PortableFunctions) {
  for (int i = -1000; i <= 1000; i++) {
    const double t = i * .0137;
    const SinCos a = portable_sincos_2pi(t);
    EXPECT_NEAR(a.sin, std::sin(2 * M_PI * t), 1e-6);
    EXPECT_NEAR(a.cos, std::cos(2 * M_PI * t), 1e-6);
    EXPECT_NEAR(portable_exp(t) / std::exp(t), 1, 1e-13);
  }
}
TEST(HostRandom, BelowIsUniform) {
  HostStream s(1, Purpose::shuffle);
  std::vector<int> count(10);
  for (int i = 0; i < 100000; i++) count[s.below(10)]++;
  for (const int c : count) EXPECT_NEAR(c, 10000, 400);  // 4 standard errors
  EXPECT_EQ(s.below(1), 0u);
}

class Generated : public ::testing::TestWithParam<const char*> {};
TEST_P(Generated, DependsOnNameSeedPartAndRowAlone) {
  const std::string name = GetParam();
  const Rows a = generate(name, 1000, 3, 0);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  EXPECT_EQ(generate(name, 1000, 3, 0).x.bytes, a.x.bytes);
  omp_set_num_threads(threads);
  const Rows fewer = generate(name, 10, 3, 0);
  EXPECT_TRUE(std::equal(fewer.x.bytes.begin(), fewer.x.bytes.end(), a.x.bytes.begin()));
  if (name == "four-patterns") return;
  EXPECT_NE(generate(name, 1000, 4, 0).x.bytes, a.x.bytes);
  EXPECT_NE(generate(name, 1000, 3, 1).x.bytes, a.x.bytes);
  EXPECT_EQ(a.x.shape, (Shape{1000, 2}));
  for (const float v : a.x.values<float>()) {
    EXPECT_TRUE(std::isfinite(v));
    EXPECT_LT(std::fabs(v), 5);
  }
}
INSTANTIATE_TEST_SUITE_P(Sets, Generated,
                         ::testing::Values("ring8", "grid25", "two-moons", "swiss-roll",
                                           "checkerboard", "pinwheel", "four-patterns"));

// Every component: its share, its mean and its variance, each within 5 standard errors.
class Mixtures : public ::testing::TestWithParam<const char*> {};
TEST_P(Mixtures, Statistics) {
  const Index n = 100000;
  const Rows r = generate(GetParam(), n, 0, 0);
  const data::Mixture m = data::mixture(GetParam());
  const std::size_t k = m.means.size() / 2;
  const auto x = r.x.values<float>();
  const auto labels = r.labels.values<std::int64_t>();
  std::vector<double> count(k), sum(2 * k), square(2 * k);
  for (std::size_t i = 0; i < std::size_t(n); i++) {
    const auto c = std::size_t(labels[i]);
    ASSERT_LT(c, k);
    count[c]++;
    for (std::size_t d = 0; d < 2; d++) {
      const double e = (x[2 * i + d] - m.means[2 * c + d]) / m.sigma;
      sum[2 * c + d] += e;
      square[2 * c + d] += e * e;
    }
  }
  const double share = double(n) / double(k);
  for (std::size_t c = 0; c < k; c++) {
    EXPECT_NEAR(count[c], share, 5 * std::sqrt(share)) << c;
    for (std::size_t d = 0; d < 2; d++) {
      EXPECT_NEAR(sum[2 * c + d] / count[c], 0, 5 / std::sqrt(count[c])) << c;
      EXPECT_NEAR(square[2 * c + d] / count[c], 1, 5 * std::sqrt(2 / count[c])) << c;
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Sets, Mixtures, ::testing::Values("ring8", "grid25"));

TEST(Mixtures, Grid25IsTheUsualOne) {
  const data::Mixture m = data::mixture("grid25");
  EXPECT_EQ(m.means.size(), 50u);
  EXPECT_NEAR(m.means.front(), -4 / 2.83, 1e-12);
  EXPECT_NEAR(m.means.back(), 4 / 2.83, 1e-12);
  EXPECT_NEAR(m.sigma, .05 / 2.83, 1e-12);
  EXPECT_TRUE(data::mixture("pinwheel").means.empty());
}
TEST(FourPatterns, EachAQuarter) {
  const data::DataSet s = data::load("four-patterns");
  EXPECT_EQ(s.kind, data::Kind::image);
  EXPECT_EQ(s.levels, 2);
  EXPECT_EQ(s.classes, 4);
  EXPECT_EQ(s.sample_shape, (Shape{2, 2, 1}));
  EXPECT_EQ(s.test.x.to_vector<std::uint8_t>(),
            (std::vector<std::uint8_t>{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}));
  std::vector<Index> count(4);
  const auto x = s.train.x.to_vector<std::uint8_t>();
  for (std::size_t i = 0; i < x.size(); i += 4) {
    ASSERT_EQ(x[i] + x[i + 1] + x[i + 2] + x[i + 3], 1);
    for (std::size_t d = 0; d < 4; d++) count[d] += x[i + d];
  }
  for (const Index c : count) EXPECT_EQ(c, s.train.size() / 4);
}
TEST(Checkerboard, DarkSquaresOnly) {
  const Rows r = generate("checkerboard", 20000, 1, 0);
  const auto x = r.x.values<float>();
  std::vector<int> count(16);
  for (std::size_t i = 0; i < x.size(); i += 2) {
    const int c = int(std::floor(x[i] / 2)) + 2, row = int(std::floor(x[i + 1] / 2)) + 2;
    ASSERT_TRUE(c >= 0 && c < 4 && row >= 0 && row < 4);
    EXPECT_EQ((c + row) % 2, 0);
    count[std::size_t(4 * c + row)]++;
  }
  for (int c = 0; c < 4; c++)
    for (int row = c % 2; row < 4; row += 2)
      EXPECT_NEAR(count[std::size_t(4 * c + row)], 2500, 250);
}
TEST(SwissRoll, OnTheSpiral) {
  const Rows r = generate("swiss-roll", 5000, 1, 0);
  const auto x = r.x.values<float>();
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); i += 2) {
    double nearest = 1e9;
    for (int k = 0; k <= 3000; k++) {
      const double t = 1.5 * M_PI * (1 + 2 * k / 3000.);
      nearest = std::min(
          nearest, std::hypot(7.5 * x[i] - t * std::cos(t), 7.5 * x[i + 1] - t * std::sin(t)));
    }
    worst = std::max(worst, nearest);
  }
  EXPECT_LT(worst, .25 * 5);
  EXPECT_GT(worst, .25 * 2);
}

// Bit-equal on every machine: words of the bytes of a few rows, kept here.
TEST(Generated, Golden) {
  const auto sum = [](const char* name) {
    const Rows r = generate(name, 64, 7, 0);
    std::uint64_t h = 0;
    for (const float v : r.x.values<float>()) {
      std::uint32_t bits;
      std::memcpy(&bits, &v, 4);
      h = (h ^ bits) * 0x9E3779B97F4A7C15u;
    }
    return h;
  };
  const std::map<std::string, std::uint64_t> golden = {
      {"ring8", 0x1ad65e57910ba7c4u},        {"grid25", 0x70f53bf67733a2d1u},
      {"two-moons", 0x7d7865cb14b3b921u},    {"swiss-roll", 0xf73bedf09a10d3afu},
      {"checkerboard", 0xcbd9ba79140b8acau}, {"pinwheel", 0x5b9ea000c69e8222u}};
  for (const auto& [name, value] : golden) EXPECT_EQ(sum(name.c_str()), value) << name;
}

}  // namespace
}  // namespace imago::test
