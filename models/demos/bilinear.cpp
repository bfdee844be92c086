#include <algorithm>
#include <array>
#include <cmath>

#include "engine/ops/ops.h"
#include "engine/random/host.h"
#include "models/demos/demos.h"

namespace imago::models {

namespace {

constexpr double step = .1;
constexpr int steps = 400;
using Point = std::array<double, 2>;

// d(xy)/dx and d(xy)/dy.
Point slope(const Point& z) {
  const Tensor x = Tensor::scalar(z[0], DType::f64).requires_grad_(),
               y = Tensor::scalar(z[1], DType::f64).requires_grad_();
  const std::vector<Tensor> g = grad({x * y}, {x, y});
  return {g[0].item(), g[1].item()};
}
// x goes down, y up.
Point moved(const Point& z, const Point& g, double by) {
  return {z[0] - by * g[0], z[1] + by * g[1]};
}

Point simultaneous(const Point& z, const Point&) { return moved(z, slope(z), step); }
Point alternating(const Point& z, const Point&) {
  const Point x{z[0] - step * slope(z)[0], z[1]};
  return {x[0], z[1] + step * slope(x)[1]};
}
// Korpelevich 1976: the slope is that at the point where a plain step would lead.
Point extragradient(const Point& z, const Point&) {
  return moved(z, slope(moved(z, slope(z), step)), step);
}
// Popov 1980, Daskalakis et al. 2018: the slope to come is foretold from the last two.
Point optimistic(const Point& z, const Point& before) {
  return moved(moved(z, slope(z), 2 * step), slope(before), -step);
}

}  // namespace

Findings bilinear(std::uint64_t seed) {
  HostStream random(seed, Purpose::generate);
  const SinCos a = portable_sincos_2pi(random.uniform());
  Findings f;
  Panel paths{"paths of (x, y)", {}}, radii{"distance from the equilibrium, by steps", {}};
  struct Method {
    const char* name;
    Point (*next)(const Point& z, const Point& before);
  };
  for (const Method& m : {Method{"simultaneous", simultaneous},
                          {"alternating", alternating},
                          {"extragradient", extragradient},
                          {"optimistic", optimistic}}) {
    Curve path{m.name, {}, {}}, radius{m.name, {}, {}};
    Point z{a.cos, a.sin}, before = z;
    for (int t = 0; t <= steps; t++) {
      path.x.push_back(z[0]);
      path.y.push_back(z[1]);
      radius.x.push_back(t);
      radius.y.push_back(std::hypot(z[0], z[1]));
      const Point next = m.next(z, before);
      before = z;
      z = next;
    }
    const auto [least, most] = std::minmax_element(radius.y.begin(), radius.y.end());
    f.rows.push_back({m.name,
                      {{"start", radius.y.front()},
                       {"radius", radius.y.back()},
                       {"least", *least},
                       {"most", *most}}});
    paths.curves.push_back(std::move(path));
    radii.curves.push_back(std::move(radius));
  }
  f.panels = {std::move(paths), std::move(radii)};
  return f;
}

}  // namespace imago::models
