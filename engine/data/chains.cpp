#include "engine/data/chains.h"

#include <algorithm>
#include <cmath>

#include "engine/random/host.h"
#include "engine/train/options.h"

namespace imago::data {
namespace {

using Point = std::array<double, 2>;
constexpr Index rows_of_chain = 100;
constexpr int leaps = 10;

// How many steps until the first row, and from one row to the next.
struct Pace {
  const char* name;
  Sampler::Chain chain;
  int warm_up, thinning;
};
constexpr Pace paces[] = {{"metropolis", Sampler::Chain::metropolis, 300, 10},
                          {"langevin", Sampler::Chain::langevin, 300, 10},
                          {"hmc", Sampler::Chain::hmc, 50, 2}};

class Walk {
 public:
  Walk(const Sampler& sampler, HostStream stream)
      : density_(*sampler.density), chain_(sampler.chain), stream_(stream) {
    at_ = {stream_.normal(), stream_.normal()};
    here_ = density_.log_density(at_[0], at_[1]);
    // A start far out has a slope that throws every proposal along it too far to be taken.
    for (int i = 0; i < 200; i++) metropolis();
  }
  // Whether the proposal was taken.
  bool step() {
    switch (chain_) {
      case Sampler::Chain::metropolis: return metropolis();
      case Sampler::Chain::langevin: return langevin();
      case Sampler::Chain::hmc: return hmc();
    }
    return false;
  }
  const Point& at() const { return at_; }

 private:
  Point normals() { return {stream_.normal(), stream_.normal()}; }
  // gain: log of the ratio that decides.
  bool take(const Point& to, const LogDensity& there, double gain) {
    const double u = stream_.uniform();
    // Below e^-16 a uniform of 24 bits cannot tell the ratio from nothing.
    if (gain < 0 && (gain < -16 || !(u < portable_exp(gain)))) return false;
    if (!std::isfinite(gain)) return false;
    at_ = to;
    here_ = there;
    return true;
  }
  bool metropolis() {
    const double h = 1.4 * density_.scale;
    const Point z = normals(), to{at_[0] + h * z[0], at_[1] + h * z[1]};
    const LogDensity there = density_.log_density(to[0], to[1]);
    return take(to, there, there.value - here_.value);
  }
  bool langevin() {
    const double h = density_.scale, drift = .5 * h * h;
    const Point z = normals();
    Point to;
    double forth = 0, back = 0;
    for (std::size_t k = 0; k < 2; k++)
      to[k] = at_[k] + drift * here_.gradient[k] + h * z[k], forth += z[k] * z[k];
    const LogDensity there = density_.log_density(to[0], to[1]);
    for (std::size_t k = 0; k < 2; k++) {
      const double w = (at_[k] - to[k] - drift * there.gradient[k]) / h;
      back += w * w;
    }
    return take(to, there, there.value - here_.value + .5 * (forth - back));
  }
  bool hmc() {
    // Steps of one length can go round an orbit and end where they began.
    const double h = density_.scale * (.3 + .3 * double(stream_.uniform()));
    Point p = normals(), to = at_;
    LogDensity there = here_;
    const double before = p[0] * p[0] + p[1] * p[1];
    for (int leap = 0; leap < leaps; leap++) {
      for (std::size_t k = 0; k < 2; k++) {
        p[k] += .5 * h * there.gradient[k];
        to[k] += h * p[k];
      }
      there = density_.log_density(to[0], to[1]);
      for (std::size_t k = 0; k < 2; k++) p[k] += .5 * h * there.gradient[k];
    }
    const double after = p[0] * p[0] + p[1] * p[1];
    return take(to, there, there.value - here_.value + .5 * (before - after));
  }

  const DensityInfo& density_;
  Sampler::Chain chain_;
  HostStream stream_;
  Point at_;
  LogDensity here_;
};

}  // namespace

Sampler sampler_from(const std::string& name) {
  const std::string rest = name.substr(sampler_prefix.size());
  const std::size_t colon = rest.find(':');
  Sampler s;
  s.density = &density(colon == rest.npos ? rest : rest.substr(colon + 1), name);
  if (colon == rest.npos) return s;
  const std::string chain = rest.substr(0, colon);
  std::vector<std::string> names;
  for (const Pace& p : paces) {
    if (chain == p.name) {
      s.chain = p.chain;
      return s;
    }
    names.push_back(p.name);
  }
  const std::string nearest = training::nearest(chain, names);
  throw Error(ErrorKind::data,
              {"no such Markov chain", name, "one of metropolis, langevin, hmc",
               chain.empty() ? "nothing" : chain, nearest.empty() ? "" : "perhaps " + nearest});
}

Drawn run_chains(const Sampler& sampler, Index n, std::uint64_t seed, std::uint64_t part) {
  const Pace& pace = *std::find_if(std::begin(paces), std::end(paces),
                                   [&](const Pace& p) { return p.chain == sampler.chain; });
  Drawn drawn{io::zeros(DType::f32, {n, 2})};
  const auto x = drawn.x.values<float>();
  std::int64_t taken = 0, tried = 0;
#pragma omp parallel for schedule(static) reduction(+ : taken, tried)
  for (Index chain = 0; chain < (n + rows_of_chain - 1) / rows_of_chain; chain++) {
    Walk walk(sampler, HostStream(seed, Purpose::generate, part << 40 | std::uint64_t(chain)));
    for (int i = 0; i < pace.warm_up; i++) walk.step();
    for (Index i = chain * rows_of_chain; i < std::min(n, (chain + 1) * rows_of_chain); i++) {
      for (int k = 0; k < pace.thinning; k++, tried++) taken += walk.step();
      for (const std::size_t k : {0u, 1u}) x[std::size_t(2 * i) + k] = float(walk.at()[k]);
    }
  }
  drawn.acceptance = tried ? double(taken) / double(tried) : 0;
  return drawn;
}

}  // namespace imago::data
