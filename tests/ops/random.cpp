// Draws: moments within five standard errors, the published known answers of Philox through the
// kernel, equal bits on every back-end and build of the host kernels.
#include "engine/ops/random.h"

#include <cmath>
#include <cstring>

#include "engine/ops/ops.h"
#include "kernels/random.h"
#include "tests/ops/devices.h"

namespace imago::test {
namespace {

constexpr Index n = 1 << 18;

struct Moments {
  double mean = 0, variance = 0, skewness = 0, kurtosis = 0;
};
Moments moments(const std::vector<double>& v) {
  Moments m;
  for (const double x : v) m.mean += x / double(v.size());
  for (const double x : v) {
    const double d = x - m.mean, d2 = d * d / double(v.size());
    m.variance += d2, m.skewness += d2 * d, m.kurtosis += d2 * d * d;
  }
  return m;
}

class RandomOn : public OnDevice {};

TEST_P(RandomOn, NormalMoments) {
  Generator g{1, 0};
  const Moments m = moments(ops::randn({n}, g, DType::f32, device()).values());
  const double e = 5 / std::sqrt(double(n));
  EXPECT_NEAR(m.mean, 0, e);
  EXPECT_NEAR(m.variance, 1, e * std::sqrt(2.));
  EXPECT_NEAR(m.skewness, 0, e * std::sqrt(15.));
  EXPECT_NEAR(m.kurtosis, 3, e * std::sqrt(96.));
}

TEST_P(RandomOn, UniformMoments) {
  Generator g{2, 0};
  const auto v = ops::rand({n}, g, DType::f32, device()).values();
  const Moments m = moments(v);
  const double e = 5 / std::sqrt(double(n));
  EXPECT_NEAR(m.mean, .5, e * std::sqrt(1. / 12));
  EXPECT_NEAR(m.variance, 1. / 12, e * std::sqrt(1. / 180));
  for (const double x : v) ASSERT_TRUE(x >= 0 && x < 1) << x;
}

TEST_P(RandomOn, BernoulliMoments) {
  for (const double p : {.1, .5, .93}) {
    Generator g{3, 0};
    const auto v = ops::bernoulli(Tensor::full({n}, p, DType::f32, device()), g).values();
    const Moments m = moments(v);
    EXPECT_NEAR(m.mean, p, 5 * std::sqrt(p * (1 - p) / double(n)));
    for (const double x : v) ASSERT_TRUE(x == 0 || x == 1) << x;
  }
}

TEST_P(RandomOn, DropoutMomentsAndTheSameMaskInBackward) {
  const double p = .3, keep = 1 - p;
  Generator g{4, 0};
  const Tensor x = Tensor::full({n}, 1, DType::f32, device()).requires_grad_();
  const Tensor y = ops::dropout(x, p, g);
  const Moments m = moments(y.values());
  EXPECT_NEAR(m.mean, 1, 5 * std::sqrt(p / keep / double(n)));
  // Variance of a kept-or-dropped value q: fourth central moment less its square.
  const double variance = p / keep, fourth = keep * std::pow(1 / keep - 1, 4) + p;
  EXPECT_NEAR(m.variance, variance, 5 * std::sqrt((fourth - variance * variance) / double(n)));
  const auto dx = grad({ops::sum(y)}, {x})[0].values();
  EXPECT_EQ(dx, y.values());  // x is one everywhere
}

// Bits equal to the host's, also when a draw starts late, crosses 32 bits of the counter, and ends
// inside a block.
TEST_P(RandomOn, BitsAreTheHosts) {
  for (const Index count : {1, 5, 127, 4099})
    for (const std::uint64_t offset :
         {std::uint64_t(0), std::uint64_t(7), (std::uint64_t(1) << 32) - 5}) {
      const auto both = [&](auto draw) {
        Generator here{99, offset}, there{99, offset};
        const std::vector<float> a = draw(here, cpu_device).template to_vector<float>();
        const std::vector<float> b = draw(there, device()).template to_vector<float>();
        ASSERT_EQ(here, there);
        ASSERT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0)
            << count << " at " << offset;
      };
      both([&](Generator& g, Device d) { return ops::randn({count}, g, DType::f32, d); });
      both([&](Generator& g, Device d) { return ops::rand({count}, g, DType::f32, d); });
      both([&](Generator& g, Device d) {
        return ops::bernoulli(Tensor::full({count}, .4, DType::f32, d), g);
      });
      both([&](Generator& g, Device d) {
        return ops::dropout(Tensor::full({count}, .7, DType::f32, d), .4, g);
      });
    }
}

// A draw in two pieces is the draw in one, when the first piece ends with a block.
TEST_P(RandomOn, PositionsDoNotDependOnTheShapeOfTheDraw) {
  Generator whole{5, 3}, pieces{5, 3};
  const auto all = ops::randn({1000}, whole, DType::f32, device()).values();
  auto parts = ops::randn({600}, pieces, DType::f32, device()).values();
  const auto rest = ops::randn({400}, pieces, DType::f32, device()).values();
  parts.insert(parts.end(), rest.begin(), rest.end());
  EXPECT_EQ(all, parts);
  EXPECT_EQ(whole, pieces);
}

// The published answers (Random123's kat_vectors), as far as 24 bits of each word show them.
TEST_P(RandomOn, KnownAnswers) {
  struct Known {
    PhiloxKey key;
    std::uint32_t words[4];
  };
  const std::uint64_t all = ~std::uint64_t(0);
  for (const Known& k : {Known{{0, 0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
                         Known{{all, all, all}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
                         Known{{0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88},
                               {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}}) {
    const Tensor y = Tensor::empty({4}, DType::f32, device());
    kernels::draw_uniform(y.stream(), Draw<float>{4, k.key, y.data<float>()});
    const auto v = y.values();
    for (int i = 0; i < 4; i++)
      EXPECT_EQ(v[std::size_t(i)], double(k.words[i] >> 8) / (1 << 24)) << "word " << i;
  }
}
INSTANTIATE_TEST_SUITE_P(, RandomOn, testing::ValuesIn(built_backends()), backend_name);

}  // namespace
}  // namespace imago::test
