// The metric `modes` on samples whose figures are known.
#include "models/measures/modes.h"

#include <cmath>

#include "engine/data/generated.h"
#include "tests/errors.h"
#include "tests/io/files.h"

namespace imago::models {
namespace {
using test::expect_error;

// counts[k] samples `away` sigmas from mean k, in directions all around; the rest far from all.
Tensor samples(const std::string& set, const std::vector<Index>& counts, double away = 0) {
  const data::Mixture m = data::mixture(set);
  std::vector<float> v;
  for (std::size_t k = 0; k < counts.size(); k++)
    for (Index i = 0; i < counts[k]; i++) {
      const double turn = 2 * M_PI * double(i) / double(counts[k]);
      v.push_back(float(m.means[2 * k] + away * m.sigma * std::cos(turn)));
      v.push_back(float(m.means[2 * k + 1] + away * m.sigma * std::sin(turn)));
    }
  v.resize(std::size_t(2 * modes_samples), 100);
  return Tensor::from(v, {modes_samples, 2});
}

TEST(Modes, CoveredFromTwenty) {
  const Modes m = count_modes(samples("ring8", {20, 19, 500, 0, 21}), "ring8");
  EXPECT_EQ(m.covered, 3);
  EXPECT_EQ(m.total, 8);
  EXPECT_DOUBLE_EQ(m.high_quality, 560 / 2500.);
}
TEST(Modes, GoodWithinThreeSigma) {
  const std::vector<Index> all(25, 100);
  const Modes in = count_modes(samples("grid25", all, 2.999), "grid25");
  EXPECT_EQ(in.covered, 25);
  EXPECT_DOUBLE_EQ(in.high_quality, 1);
  const Modes out = count_modes(samples("grid25", all, 3.001), "grid25");
  EXPECT_EQ(out.covered, 0);
  EXPECT_EQ(out.total, 25);
  EXPECT_EQ(out.high_quality, 0);
}
// Of the sets themselves: a mixture of Gaussians in the plane has 1 - e^(-9/2) within 3 sigma.
TEST(Modes, OfTheDataThemselves) {
  for (const auto& [set, total] : {std::pair{"ring8", 8}, {"grid25", 25}}) {
    const Modes m = count_modes(io::to_tensor(data::generate(set, modes_samples, 1, 0).x), set);
    EXPECT_EQ(m.covered, total);
    EXPECT_EQ(m.total, total);
    const double p = 1 - std::exp(-4.5);
    EXPECT_NEAR(m.high_quality, p, 4 * std::sqrt(p * (1 - p) / double(modes_samples)));
  }
}
TEST(Modes, Refusals) {
  const Tensor x = samples("ring8", {2500});
  expect_error([&] { count_modes(x, "pinwheel"); }, {"'modes'", "ring8 or grid25", "pinwheel"});
  expect_error([&] { count_modes(Tensor::zeros({2499, 2}), "ring8"); }, {"[2500, 2]", "[2499, 2]"});
  expect_error([&] { count_modes(Tensor::zeros({2500, 3}), "ring8"); }, {"[2500, 3]"});
  for (const float bad : {NAN, INFINITY}) {
    std::vector<float> v = x.to_vector<float>();
    v[2 * 1234 + 1] = bad;
    expect_error(ErrorKind::data, {"row 1234", "'modes'", concat(bad)}, [&] {
      count_modes(Tensor::from(v, {2500, 2}), "ring8");
    });
  }
}

}  // namespace
}  // namespace imago::models
