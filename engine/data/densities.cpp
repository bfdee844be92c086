#include "engine/data/densities.h"

#include <cmath>

#include "engine/core/error.h"
#include "engine/data/density_formulas.h"
#include "engine/random/host.h"
#include "engine/train/named.h"

namespace imago::data {
namespace {

// A number and its derivatives by x and y, from sums, products and portable functions only.
struct Dual {
  double v, x = 0, y = 0;
};
Dual chain(const Dual& a, double v, double slope) { return {v, a.x * slope, a.y * slope}; }
Dual operator+(const Dual& a, const Dual& b) { return {a.v + b.v, a.x + b.x, a.y + b.y}; }
Dual operator-(const Dual& a, const Dual& b) { return {a.v - b.v, a.x - b.x, a.y - b.y}; }
Dual operator*(const Dual& a, const Dual& b) {
  return {a.v * b.v, a.x * b.v + a.v * b.x, a.y * b.v + a.v * b.y};
}
Dual operator+(const Dual& a, double b) { return {a.v + b, a.x, a.y}; }
Dual operator-(const Dual& a, double b) { return {a.v - b, a.x, a.y}; }
Dual operator*(const Dual& a, double b) { return chain(a, a.v * b, b); }
Dual operator/(const Dual& a, double b) { return chain(a, a.v / b, 1 / b); }

double exponential(double x) {  // of any x
  if (x < -60) return 0;
  const double root = portable_exp(std::fmin(x, 60) / 4);
  return root * root * root * root;
}
Dual exp(const Dual& a) {
  const double e = exponential(a.v);
  return chain(a, e, e);
}
Dual sqrt(const Dual& a) {
  const double root = std::sqrt(a.v);
  return chain(a, root, .5 / root);
}
Dual sin(const Dual& a) {
  const SinCos s = portable_sincos_2pi(a.v * .15915494309189535);
  return chain(a, s.sin, s.cos);
}
Dual relu(const Dual& a) { return a.v > 0 ? a : Dual{0}; }
Dual abs(const Dual& a) { return a.v < 0 ? a * -1. : a; }
double logistic(double x) {
  const double e = exponential(-std::fabs(x));
  return (x < 0 ? e : 1) / (1 + e);
}
Dual sigmoid(const Dual& a) {
  const double s = logistic(a.v);
  return chain(a, s, s * (1 - s));
}
Dual softplus(const Dual& a) {
  return chain(a, std::fmax(a.v, 0) + portable_log(1 + exponential(-std::fabs(a.v))),
               logistic(a.v));
}

template <Dual (*formula)(const Dual&, const Dual&)>
LogDensity at(double x, double y) {
  const Dual d = formula({x, 1, 0}, {y, 0, 1});
  return {d.v, {d.x, d.y}};
}

}  // namespace

const std::vector<DensityInfo>& densities() {
  using namespace formulas;
  static const std::vector<DensityInfo> all = {
      {"banana", "a normal bent along a parabola", .6, at<banana<Dual>>},
      {"ring", "a ring of radius 2", .4, at<ring<Dual>>},
      {"two-wells", "two wells side by side", .5, at<two_wells<Dual>>},
      {"four-wells", "four wells in a square", .5, at<four_wells<Dual>>},
      {"grid9", "nine normals on a grid", .6, at<grid9<Dual>>},
      {"u1", "two crescents (Rezende and Mohamed 2015)", .5, at<u1<Dual>>},
      {"u2", "a wave (Rezende and Mohamed 2015)", .5, at<u2<Dual>>},
      {"u3", "a wave that splits and joins (Rezende and Mohamed 2015)", .45, at<u3<Dual>>},
      {"u4", "a wave that splits (Rezende and Mohamed 2015)", .45, at<u4<Dual>>},
  };
  return all;
}

const DensityInfo& density(const std::string& name, const std::string& where) {
  return training::named(densities(), name, ErrorKind::data, "no such density", where,
                         "see `imago list`");
}

}  // namespace imago::data
