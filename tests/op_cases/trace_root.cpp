// Rows of engine/ops/trace_root.h. Inputs are made into what the ops take: covariances, definite
// ones, by products. The reference: cyclic Jacobi rotations.
#include "engine/ops/trace_root.h"

#include <algorithm>
#include <cmath>

#include "tests/models/linear_algebra.h"
#include "tests/op_cases/op_case.h"

namespace imago::test {
namespace {

Matrix matrix(const Array& a) {
  Matrix m(std::size_t(a.shape[0]), std::size_t(a.shape[1]));
  m.v = a.v;
  return m;
}
Array scalar(double v) {
  Array a = zeros({});
  a[0] = v;
  return a;
}
Matrix root(const Matrix& s) {
  const Eigen e = eigen(s);
  Matrix scaled = e.vectors;
  for (std::size_t i = 0; i < s.rows; i++)
    for (std::size_t j = 0; j < s.rows; j++) scaled(i, j) *= std::sqrt(std::max(e.values[j], 0.));
  return scaled * transpose(e.vectors);
}
double trace(const Matrix& m) {
  double t = 0;
  for (std::size_t i = 0; i < m.rows; i++) t += m(i, i);
  return t;
}

// x^T x, x with more rows than columns.
Tensor gram(const Tensor& x) { return ops::matmul(x, x, true); }
Arrays product_reference(const Arrays& a) {
  const Matrix x = matrix(a[0]), y = matrix(a[1]), ra = root(transpose(x) * x);
  return {scalar(trace(root(ra * (transpose(y) * y) * ra)))};
}

OpCase product(const std::string& name, Index n, Index rows) {
  OpCase c;
  c.op = "trace_sqrt_product", c.name = name;
  c.inputs = {{{rows, n}}, {{rows, n}}};
  c.forward = [](const Tensors& t) {
    return Tensors{ops::trace_sqrt_product(gram(t[0]), gram(t[1]))};
  };
  c.reference = product_reference;
  return c;
}
OpCase norm(const std::string& name, const Shape& shape) {
  OpCase c;
  c.op = "nuclear_norm", c.name = name;
  c.inputs = {{shape}};
  c.forward = [](const Tensors& t) { return Tensors{ops::nuclear_norm(t[0])}; };
  c.reference = [](const Arrays& a) {
    const Matrix m = matrix(a[0]);
    return Arrays{scalar(trace(root(m.rows < m.cols ? m * transpose(m) : transpose(m) * m)))};
  };
  return c;
}

}  // namespace

void add_trace_root_cases(std::vector<OpCase>& cases) {
  cases.push_back(product("plane", 2, 9));
  cases.push_back(product("prime", 7, 23));
  cases.push_back(product("one", 1, 3));
  OpCase known = product("known", 5, 11);  // the second covariance is data
  known.inputs[1] = constant({11, 5});
  cases.push_back(known);
  cases.push_back(norm("square", {6, 6}));
  cases.push_back(norm("tall", {9, 4}));
  cases.push_back(norm("wide", {4, 9}));
  cases.push_back(norm("column", {5, 1}));
  cases.push_back(norm("one", {1, 1}));
}

}  // namespace imago::test
