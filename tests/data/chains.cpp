// Densities and the chains on them: values against formulas written out, gradients against
// differences, moments against quadrature.
#include "engine/data/chains.h"

#include <omp.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <map>

#include "engine/data/data_set.h"
#include "engine/data/generated.h"
#include "engine/random/host.h"
#include "tests/io/files.h"

namespace imago::test {
namespace {

using data::densities;
using data::DensityInfo;

TEST(Densities, PortableLog) {
  for (double x = 1e-6; x < 1e6; x *= 1.0371)
    EXPECT_NEAR(portable_log(x), std::log(x), 1e-15 * (1 + std::fabs(std::log(x)))) << x;
  EXPECT_EQ(portable_log(1), 0);
}

double wave(double x) { return std::sin(2 * M_PI * x / 4); }
double normal(double z) { return std::exp(-.5 * z * z); }
double held(double x) { return std::fabs(x) > 4 ? std::pow((std::fabs(x) - 4) / .4, 2) / 2 : 0; }
TEST(Densities, AreWhatTheyAreCalled) {
  using F = std::function<double(double, double)>;
  const std::map<std::string, F> expected{
      {"banana", [](double x, double y) { return normal(x) * normal((y - x * x + 1) / .5); }},
      {"ring", [](double x, double y) { return normal((std::hypot(x, y) - 2) / .25); }},
      {"two-wells",
       [](double x, double y) { return std::exp(-2 * std::pow(x * x - 1, 2)) * normal(y / .5); }},
      {"four-wells",
       [](double x, double y) {
         return std::exp(-2 * std::pow(x * x - 1, 2) - 2 * std::pow(y * y - 1, 2));
       }},
      {"grid9",
       [](double x, double y) {
         double sum = 0;
         for (const int a : {-2, 0, 2})
           for (const int b : {-2, 0, 2}) sum += normal((x - a) / .4) * normal((y - b) / .4);
         return sum;
       }},
      {"u1",
       [](double x, double y) {
         return normal((std::hypot(x, y) - 2) / .4) * (normal((x - 2) / .6) + normal((x + 2) / .6));
       }},
      {"u2", [](double x, double y) { return normal((y - wave(x)) / .4) * std::exp(-held(x)); }},
      {"u3",
       [](double x, double y) {
         const double w2 = 3 * std::exp(-.5 * std::pow((x - 1) / .6, 2));
         return (normal((y - wave(x)) / .35) + normal((y - wave(x) + w2) / .35)) *
                std::exp(-held(x));
       }},
      {"u4", [](double x, double y) {
         const double w3 = 3 / (1 + std::exp(-(x - 1) / .3));
         return (normal((y - wave(x)) / .4) + normal((y - wave(x) + w3) / .35)) *
                std::exp(-held(x));
       }}};
  ASSERT_EQ(densities().size(), expected.size());
  HostStream random(3, Purpose::generate);
  for (const DensityInfo& d : densities())
    for (int i = 0; i < 200; i++) {
      const double x = 3. * double(random.normal()), y = 3. * double(random.normal());
      const data::LogDensity at = d.log_density(x, y);
      const double p = expected.at(d.name)(x, y);
      if (p > 1e-280) {
        EXPECT_NEAR(at.value, std::log(p), 1e-5 * (1 + std::fabs(at.value))) << d.name;
      }
      EXPECT_TRUE(std::isfinite(at.value)) << d.name << " " << x << " " << y;
      const double h = 1e-3;  // the sine is a float
      const double slopes[] = {
          (d.log_density(x + h, y).value - d.log_density(x - h, y).value) / (2 * h),
          (d.log_density(x, y + h).value - d.log_density(x, y - h).value) / (2 * h)};
      for (const std::size_t k : {0u, 1u})
        EXPECT_NEAR(at.gradient[k], slopes[k], .02 * (1 + std::fabs(slopes[k])))
            << d.name << " " << x << " " << y;
    }
}

struct Case {
  std::string chain, density;
};
std::ostream& operator<<(std::ostream& s, const Case& c) {
  return s << c.chain << ":" << c.density;
}
class Chains : public ::testing::TestWithParam<Case> {};
std::vector<Case> all_chains() {
  std::vector<Case> all;
  for (const char* chain : {"metropolis", "langevin", "hmc"})
    for (const DensityInfo& d : densities()) all.push_back({chain, d.name});
  return all;
}

// Means of x, y, x^2, y^2 and xy: those of single chains are independent, so their spread gives the
// standard error.
TEST_P(Chains, MomentsAreThoseOfTheDensity) {
  const std::size_t chains = 160;  // with few, rare excursions into the tails would be missing
  const data::Sampler sampler =
      data::sampler_from("sampler:" + GetParam().chain + ":" + GetParam().density);
  const data::Drawn drawn = data::run_chains(sampler, Index(100 * chains), 1, 0);
  using Moments = std::array<double, 5>;
  const auto moments_of = [](double x, double y) { return Moments{x, y, x * x, y * y, x * y}; };
  Moments expected{};
  double mass = 0;
  for (double x = -7; x < 7; x += .05)
    for (double y = -7; y < 10; y += .05) {
      const double p = std::exp(sampler.density->log_density(x, y).value);
      const Moments m = moments_of(x, y);
      for (std::size_t k = 0; k < 5; k++) expected[k] += p * m[k];
      mass += p;
    }
  std::vector<Moments> means(chains);
  const auto v = drawn.x.values<float>();
  for (std::size_t i = 0; i < 100 * chains; i++) {
    const Moments m = moments_of(v[2 * i], v[2 * i + 1]);
    for (std::size_t k = 0; k < 5; k++) means[i / 100][k] += m[k] / 100;
  }
  for (std::size_t k = 0; k < 5; k++) {
    double mean = 0, square = 0;
    for (const Moments& m : means) mean += m[k] / double(chains);
    for (const Moments& m : means) square += (m[k] - mean) * (m[k] - mean);
    const double error = std::sqrt(square / double(chains * (chains - 1)));
    EXPECT_NEAR(mean, expected[k] / mass, 4.5 * error) << k;
    // Wider, it would hide a wrong mean.
    EXPECT_LT(error, 2.5 / std::sqrt(double(chains)) * (1 + std::fabs(expected[k] / mass))) << k;
  }
  EXPECT_GT(drawn.acceptance, .2);
  EXPECT_LT(drawn.acceptance, .99);
}
INSTANTIATE_TEST_SUITE_P(All, Chains, ::testing::ValuesIn(all_chains()), [](const auto& i) {
  std::string name = i.param.chain + "_" + i.param.density;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(ChainSets, DependOnNameSeedPartAndRowAlone) {
  for (const char* name :
       {"sampler:ring", "sampler:langevin:u3", "sampler:hmc:two-wells", "density:ring"}) {
    const data::Rows a = data::generate(name, 350, 3, 0);
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    EXPECT_EQ(data::generate(name, 350, 3, 0).x.bytes, a.x.bytes);
    omp_set_num_threads(threads);
    const data::Rows fewer = data::generate(name, 120, 3, 0);
    EXPECT_TRUE(std::equal(fewer.x.bytes.begin(), fewer.x.bytes.end(), a.x.bytes.begin()));
    EXPECT_NE(data::generate(name, 350, 4, 0).x.bytes, a.x.bytes);
    EXPECT_NE(data::generate(name, 350, 3, 1).x.bytes, a.x.bytes);
    for (const float x : a.x.values<float>()) EXPECT_TRUE(std::isfinite(x));
  }
  EXPECT_EQ(data::generate("sampler:ring", 50, 3, 0).x.bytes,
            data::generate("sampler:metropolis:ring", 50, 3, 0).x.bytes);
}
// Bit-equal on every machine: words of the bytes of a few rows, kept here.
TEST(ChainSets, Golden) {
  const auto sum = [](const std::string& name) {
    const data::Rows r = data::generate(name, 130, 7, 0);
    std::uint64_t h = 0;
    for (const float v : r.x.values<float>()) {
      std::uint32_t bits;
      std::memcpy(&bits, &v, 4);
      h = (h ^ bits) * 0x9E3779B97F4A7C15u;
    }
    return h;
  };
  const std::map<std::string, std::uint64_t> golden = {{"sampler:banana", 0x4555611a867978acu},
                                                       {"sampler:langevin:u4", 0x68a6c031f43d825fu},
                                                       {"sampler:hmc:u1", 0x603c8fcea03d3782u},
                                                       {"density:u1", 0x1af8d74e2845ba1du}};
  for (const auto& [name, value] : golden) EXPECT_EQ(sum(name), value) << name;
}
TEST(ChainSets, OfADensityThereAreDrawsFromTheBase) {
  const data::DataSet s = data::load("density:u2", {.seed = 2});
  EXPECT_EQ(s.density, "u2");
  EXPECT_EQ(s.kind, data::Kind::vector);
  EXPECT_EQ(s.sample_shape, Shape{2});
  EXPECT_EQ(s.classes, 0);
  double square = 0;
  for (const double v : s.train.x.values()) square += v * v;
  const double n = double(s.train.x.numel());
  EXPECT_NEAR(square / n, 9, 5 * 9 * std::sqrt(2 / n));
  EXPECT_EQ(data::load("ring8").density, "");
}
TEST(ChainSets, Refusals) {
  expect_error(ErrorKind::data, {"no such density", "sampler:rng", "one of banana", "perhaps ring"},
               [] { data::load("sampler:rng"); });
  expect_error(ErrorKind::data, {"no such density", "density:", "received nothing"},
               [] { data::load("density:"); });
  expect_error(
      ErrorKind::data,
      {"no such Markov chain", "sampler:hcm:ring", "metropolis, langevin, hmc", "perhaps hmc"},
      [] { data::load("sampler:hcm:ring"); });
  expect_error(ErrorKind::data, {"received nothing"}, [] { data::load("sampler::ring"); });
  expect_error(ErrorKind::data, {"density:hmc:ring"}, [] { data::load("density:hmc:ring"); });
}

}  // namespace
}  // namespace imago::test
