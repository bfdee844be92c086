#include "engine/data/generated.h"

#include <array>
#include <cmath>

#include "engine/data/chains.h"
#include "engine/data/densities.h"
#include "engine/random/host.h"

namespace imago::data {
namespace {

// Arithmetic here is sums, products, explicit fma and the portable functions of
// engine/random/host.h: a compiler that contracts a * b + c, or another libm, would change the
// values.
using Point = std::array<double, 2>;
struct Draw {
  Point at;
  int label;
};

constexpr double kRingRadius = 2, kRingScale = 1.414, kRingSigma = .02;
constexpr double kGridScale = 2.83, kGridSigma = .05;

Point polar(double radius, double turns) {
  const SinCos a = portable_sincos_2pi(turns);
  return {radius * a.cos, radius * a.sin};
}
Draw ring8(HostStream& s) {
  const int k = int(s.below(8));
  const Point mean = polar(kRingRadius, k / 8.);
  const double a = s.normal(), b = s.normal();
  return {{std::fma(kRingSigma, a, mean[0]) / kRingScale,
           std::fma(kRingSigma, b, mean[1]) / kRingScale},
          k};
}
Draw grid25(HostStream& s) {
  const int k = int(s.below(25));
  const double x = 2 * (k / 5) - 4, y = 2 * (k % 5) - 4, a = s.normal(), b = s.normal();
  return {{std::fma(kGridSigma, a, x) / kGridScale, std::fma(kGridSigma, b, y) / kGridScale}, k};
}
// Two half circles, the second shifted into the first.
Draw two_moons(HostStream& s) {
  const int k = int(s.below(2));
  const Point p = polar(1, double(s.uniform()) / 2);
  const double a = s.normal(), b = s.normal(), x = k ? 1 - p[0] : p[0], y = k ? .5 - p[1] : p[1];
  return {{std::fma(.1, a, x), std::fma(.1, b, y)}, k};
}
// A spiral of one and a half turns; noise and scale as in the WGAN-GP experiments.
Draw swiss_roll(HostStream& s) {
  const double turns = std::fma(double(s.uniform()), 1.5, .75);  // radius = the angle
  const Point p = polar(6.283185307179586 * turns, turns);
  const double a = s.normal(), b = s.normal();
  return {{std::fma(.25, a, p[0]) / 7.5, std::fma(.25, b, p[1]) / 7.5}, 0};
}
// The dark squares of a 4 x 4 board on [-4, 4]^2.
Draw checkerboard(HostStream& s) {
  const int column = int(s.below(4)), row = 2 * int(s.below(2)) + column % 2;
  const double u = s.uniform(), v = s.uniform();
  return {{2 * (column + u) - 4, 2 * (row + v) - 4}, 0};
}
// Five blades whose angle grows with the exponential of the radius (Johnson et al. 2016).
Draw pinwheel(HostStream& s) {
  const int k = int(s.below(5));
  const double a = s.normal(), b = s.normal(), radial = std::fma(.3, a, 1), tangential = .1 * b;
  const double turns = k / 5. + .25 * portable_exp(radial) / 6.283185307179586;
  const SinCos r = portable_sincos_2pi(turns);
  const double rs = radial * r.sin, rc = radial * r.cos;
  return {
      {2 * std::fma(-tangential, double(r.sin), rc), 2 * std::fma(tangential, double(r.cos), rs)},
      k};
}

struct Maker {
  const char* name;
  Draw (*draw)(HostStream&);
};
constexpr Maker kMakers[] = {{"ring8", ring8},
                             {"grid25", grid25},
                             {"two-moons", two_moons},
                             {"swiss-roll", swiss_roll},
                             {"checkerboard", checkerboard},
                             {"pinwheel", pinwheel}};
constexpr const char* kPatterns = "four-patterns";

// N(0, 3^2 I): wide enough for every density there is.
io::HostArray base_draws(Index n, std::uint64_t seed, std::uint64_t part) {
  io::HostArray x = io::zeros(DType::f32, {n, 2});
  const auto values = x.values<float>();
#pragma omp parallel for schedule(static)
  for (Index i = 0; i < n; i++) {
    HostStream s(seed, Purpose::generate, part << 40 | std::uint64_t(i));
    for (const Index k : {2 * i, 2 * i + 1})
      values[std::size_t(k)] = float(density_base_sigma) * s.normal();
  }
  return x;
}

Rows four_patterns(Index n) {
  Rows r{io::zeros(DType::u8, {n, 2, 2, 1}), io::zeros(DType::i64, {n})};
  for (Index i = 0; i < n; i++) {
    r.x.values<std::uint8_t>()[std::size_t(4 * i + i % 4)] = 1;
    r.labels.values<std::int64_t>()[std::size_t(i)] = i % 4;
  }
  return r;
}

}  // namespace

bool is_generated(const std::string& name) {
  if (name == kPatterns || name.starts_with(sampler_prefix) || name.starts_with(density_prefix))
    return true;
  for (const Maker& m : kMakers)
    if (name == m.name) return true;
  return false;
}

Rows generate(const std::string& name, Index n, std::uint64_t seed, std::uint64_t part) {
  if (name == kPatterns) return four_patterns(n);
  if (name.starts_with(sampler_prefix))
    return {run_chains(sampler_from(name), n, seed, part).x, {}};
  if (name.starts_with(density_prefix)) {
    density(name.substr(density_prefix.size()), name);  // is there such a one?
    return {base_draws(n, seed, part), {}};
  }
  for (const Maker& m : kMakers) {
    if (name != m.name) continue;
    Rows r{io::zeros(DType::f32, {n, 2}), io::zeros(DType::i64, {n})};
    const auto x = r.x.values<float>();
    const auto labels = r.labels.values<std::int64_t>();
#pragma omp parallel for schedule(static)
    for (Index i = 0; i < n; i++) {
      HostStream s(seed, Purpose::generate, part << 40 | std::uint64_t(i));
      const Draw d = m.draw(s);
      x[std::size_t(2 * i)] = float(d.at[0]);
      x[std::size_t(2 * i + 1)] = float(d.at[1]);
      labels[std::size_t(i)] = d.label;
    }
    return r;
  }
  throw Error(ErrorKind::usage, {"no such generated data set", {}, "a name of data::sets()", name});
}

Mixture mixture(const std::string& name) {
  Mixture m;
  if (name == "ring8") {
    m.sigma = kRingSigma / kRingScale;
    for (int k = 0; k < 8; k++)
      for (const double v : polar(kRingRadius, k / 8.)) m.means.push_back(v / kRingScale);
  } else if (name == "grid25") {
    m.sigma = kGridSigma / kGridScale;
    for (int k = 0; k < 25; k++)
      for (const int v : {k / 5, k % 5}) m.means.push_back((2 * v - 4) / kGridScale);
  }
  return m;
}

}  // namespace imago::data
