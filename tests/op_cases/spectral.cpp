// Rows of engine/ops/spectral.h. Everything is positive: sigma stays away from 0.
#include <algorithm>
#include <cmath>

#include "tests/op_cases/op_case.h"

namespace imago::test {
namespace {

using ops::Rows;

struct Matrix {
  const Array& w;
  Rows rows;
  Index height = rows == Rows::first ? w.shape[0] : w.shape[w.shape.rank() - 1],
        width = w.shape.numel() / height;
  double at(Index i, Index j) const {
    return w[rows == Rows::first ? i * width + j : j * height + i];
  }
};
double sigma(const Matrix& m, const Array& u, const Array& v) {
  double s = 0;
  for (Index i = 0; i < m.height; i++)
    for (Index j = 0; j < m.width; j++) s += u[i] * m.at(i, j) * v[j];
  return s;
}
void to_unit(Array& x) {
  double s = 0;
  for (double e : x.v) s += e * e;
  for (double& e : x.v) e /= std::max(std::sqrt(s), 1e-12);
}

void add_all(std::vector<OpCase>& cases, const std::string& name, const Shape& shape, Rows rows,
             double low = .2) {
  const Index height = rows == Rows::first ? shape[0] : shape[shape.rank() - 1],
              width = shape.numel() / height;
  const Input weight{shape, low, 2}, u{{height}, .2, 1}, v{{width}, .2, 1};
  if (low > 0) {
    cases.push_back(
        {"spectral_norm",
         name,
         {weight, u, v},
         [=](const Tensors& t) { return Tensors{ops::spectral_norm(t[0], t[1], t[2], rows)}; },
         [=](const Arrays& a) {
           Array s = zeros({});
           s[0] = sigma({a[0], rows}, a[1], a[2]);
           return Arrays{s};
         }});
    cases.push_back(
        {"spectral_normalize",
         name,
         {weight, u, v},
         [=](const Tensors& t) { return Tensors{ops::spectral_normalize(t[0], t[1], t[2], rows)}; },
         [=](const Arrays& a) {
           Array n = a[0];
           for (double& e : n.v) e /= sigma({a[0], rows}, a[1], a[2]);
           return Arrays{n};
         }});
  }
  OpCase step;
  step.op = "power_iteration", step.name = name;
  step.inputs = {weight, v};
  step.gradient = false;
  step.forward = [=](const Tensors& t) {
    const auto next = ops::power_iteration(t[0], t[1], rows);
    return Tensors{next.u, next.v};
  };
  step.reference = [=](const Arrays& a) {
    const Matrix m{a[0], rows};
    Array left = zeros({height}), right = zeros({width});
    for (Index i = 0; i < height; i++)
      for (Index j = 0; j < width; j++) left[i] += m.at(i, j) * a[1][j];
    to_unit(left);
    for (Index j = 0; j < width; j++)
      for (Index i = 0; i < height; i++) right[j] += m.at(i, j) * left[i];
    to_unit(right);
    return Arrays{left, right};
  };
  cases.push_back(step);
}

}  // namespace

void add_spectral_cases(std::vector<OpCase>& cases) {
  add_all(cases, "matrix", {7, 5}, Rows::first);
  add_all(cases, "one", {1, 1}, Rows::first);
  add_all(cases, "row", {1, 9}, Rows::first);
  add_all(cases, "conv", {4, 3, 2, 5}, Rows::first);
  add_all(cases, "transposed_conv", {3, 2, 3, 4}, Rows::last);
  add_all(cases, "wide", {3, 301}, Rows::first);
  add_all(cases, "signs", {33, 5, 3, 7}, Rows::first, -2);
  OpCase zero = cases.back();  // no direction: the norm's floor, not a division by 0
  zero.name = "zero";
  zero.inputs[0].low = zero.inputs[0].high = 0;
  cases.push_back(zero);
}

}  // namespace imago::test
