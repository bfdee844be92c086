// What the demos find, against closed forms and what must come out on top.
#include "models/demos/demos.h"

#include <cmath>
#include <map>

#include "tests/errors.h"

namespace imago::models {
namespace {
using Table = std::map<std::string, std::map<std::string, double>>;
Table table(const Findings& f) {
  Table t;
  for (const Finding& row : f.rows)
    for (const auto& [name, figure] : row.figures) t[row.name][name] = figure;
  return t;
}

// Every step multiplies the radius by the same: (1 + h^2)^(1/2), and for extragradient
// (1 - h^2 + h^4)^(1/2). Alternating steps keep x^2 + y^2 - h x y.
TEST(Demos, Bilinear) {
  for (const std::uint64_t seed : {0, 5}) {
    Table t = table(bilinear(seed));
    const double hh = .01;
    EXPECT_EQ(t.size(), 4u);
    for (const auto& [name, row] : t) EXPECT_NEAR(row.at("start"), 1, 1e-6) << name;
    EXPECT_NEAR(t["simultaneous"]["radius"], std::pow(1 + hh, 200), 1e-5);
    EXPECT_NEAR(t["extragradient"]["radius"], std::pow(1 - hh + hh * hh, 200), 1e-5);
    EXPECT_GT(t["alternating"]["least"], std::sqrt(.95 / 1.05) - 1e-6);
    EXPECT_LT(t["alternating"]["most"], std::sqrt(1.05 / .95) + 1e-6);
    // Its characteristic root has the modulus 1 - h^2 / 2 to second order; the first step is plain.
    EXPECT_NEAR(std::log(t["optimistic"]["radius"]), -200 * hh, .1);
    EXPECT_LT(t["optimistic"]["most"], std::sqrt(1 + hh) + 1e-6);
  }
}

// Moments of the target: mean -0.6, variance 0.36 + 4 (1 - 0.3^2).
TEST(Demos, Divergences) {
  Table t = table(divergences(0));
  ASSERT_EQ(t.size(), 4u);
  EXPECT_NEAR(t["forward KL"]["mean"], -.6, 1e-3);
  EXPECT_NEAR(t["forward KL"]["std"], std::sqrt(4), 1e-3);
  EXPECT_GT(t["forward KL"]["lesser"], .35);
  EXPECT_NEAR(t["reverse KL"]["mean"], -2, .01);
  EXPECT_NEAR(t["reverse KL"]["std"], .6, .01);
  EXPECT_NEAR(t["reverse KL"]["reverse_kl"], -std::log(.65), 1e-3);
  EXPECT_LT(t["reverse KL"]["lesser"], .001);
  // Each fit is the best by its own divergence.
  const std::map<std::string, std::string> own{{"forward KL", "forward_kl"},
                                               {"reverse KL", "reverse_kl"},
                                               {"Jensen-Shannon", "js"},
                                               {"Wasserstein-1", "w1"}};
  for (const auto& [name, key] : own)
    for (const auto& [other, row] : t) {
      if (other == name) continue;
      EXPECT_LT(t[name][key], row.at(key)) << name << " " << other;
    }
  EXPECT_LT(t["Jensen-Shannon"]["lesser"], .01);
  EXPECT_GT(t["Wasserstein-1"]["lesser"], .3);
  for (const auto& [name, row] : t) {
    EXPECT_GE(row.at("js"), 0);
    EXPECT_LT(row.at("js"), std::log(2));
  }
}

TEST(Demos, DensityRatio) {
  Table t = table(density_ratio(0));
  EXPECT_LT(t["near"]["rmse"], .15);
  EXPECT_NEAR(t["near"]["kl"], .5, .1);
  EXPECT_GT(t["distant"]["rmse"], 5);
  EXPECT_LT(t["distant"]["kl"], 45);
  EXPECT_EQ(t["distant"]["exact_kl"], 50);
}

TEST(Demos, Frechet) {
  Table t = table(frechet(0));
  ASSERT_EQ(t.size(), 3u);
  EXPECT_GT(t["points"]["start"], 10);
  EXPECT_LT(t["points"]["end"], 1e-4);
  EXPECT_GT(t["generator"]["start"], 10 * t["generator"]["end"]);
  EXPECT_LT(t["generator"]["end"], .1);
  // No rank of seven is nearer than the least, and descent finds it.
  EXPECT_GT(t["few points"]["least"], .1);
  EXPECT_GT(t["few points"]["end"], t["few points"]["least"] - 1e-9);
  EXPECT_LT(t["few points"]["end"], 1.01 * t["few points"]["least"]);
}

TEST(Demos, FoundByName) {
  for (const Demo& d : demos()) EXPECT_EQ(&demo(d.name), &d);
  test::expect_error([] { demo("bilinar"); }, {"one of bilinear", "bilinar", "perhaps bilinear"});
  test::expect_error([] { demo(""); }, {"one of bilinear", "received nothing"});
}

TEST(Plot, HoldsItsCurves) {
  const std::string picture =
      svg("a < b", {{"one", {{"p", {0, 1, 2}, {0, 1, INFINITY}}, {"q", {0, 1}, {5, 5}}}},
                    {"empty", {}},
                    {"level", {{"q", {0, 1}, {3, 3}}}}});
  for (const char* part : {"<svg xmlns='http://www.w3.org/2000/svg'", "a &lt; b", ">one</text>",
                           ">p</text>", ">level</text>", "</svg>\n"})
    EXPECT_NE(picture.find(part), picture.npos) << part;
  for (const char* part : {"inf", "nan"}) EXPECT_EQ(picture.find(part), picture.npos) << part;
}

}  // namespace
}  // namespace imago::models
