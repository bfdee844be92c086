// Rows of matmul and linear. References are three plain loops.
#include <cmath>

#include "tests/op_cases/op_case.h"

namespace imago::test {
namespace {

using ops::Activation;

Shape stored(Index rows, Index cols, bool transposed) {
  return transposed ? Shape{cols, rows} : Shape{rows, cols};
}
Shape with_batch(const std::vector<Index>& batch, const Shape& matrix) {
  std::vector<Index> d = batch;
  d.insert(d.end(), matrix.begin(), matrix.end());
  return Shape(d);
}

// c[z] = op(a[z]) op(b[z]); a side without batch dimensions serves every z.
Array product(const Array& a, const Array& b, bool ta, bool tb) {
  const Index m = a.shape[ta ? -1 : -2], k = a.shape[ta ? -2 : -1], n = b.shape[tb ? -2 : -1];
  const Array& longest = a.shape.rank() >= b.shape.rank() ? a : b;
  std::vector<Index> dims = longest.shape.dims();
  Index batch = 1;
  for (std::size_t i = 0; i + 2 < dims.size(); i++) batch *= dims[i];
  dims[dims.size() - 2] = m, dims[dims.size() - 1] = n;
  Array c = zeros(Shape(dims));
  for (Index z = 0; z < batch; z++) {
    const Index a0 = a.shape.rank() > 2 ? z * m * k : 0, b0 = b.shape.rank() > 2 ? z * k * n : 0;
    for (Index i = 0; i < m; i++)
      for (Index j = 0; j < n; j++)
        for (Index l = 0; l < k; l++)
          c[(z * m + i) * n + j] +=
              a[a0 + (ta ? l * m + i : i * k + l)] * b[b0 + (tb ? j * k + l : l * n + j)];
  }
  return c;
}

struct MatmulRow {
  std::string name;
  Index m, n, k;
  std::vector<Index> batch_a = {}, batch_b = {};
  double range = 2;
  Index bench_m = 0, bench_n = 0, bench_k = 0;
};
void add_matmul(std::vector<OpCase>& rows, const MatmulRow& r, bool ta, bool tb) {
  const auto input = [&](const std::vector<Index>& batch, Index p, Index q, bool t) {
    return Input{with_batch(batch, stored(p, q, t)), -r.range, r.range};
  };
  OpCase c;
  c.op = "matmul";
  c.name = r.name + "_" + (ta ? "t" : "n") + (tb ? "t" : "n");
  c.inputs = {input(r.batch_a, r.m, r.k, ta), input(r.batch_b, r.k, r.n, tb)};
  c.forward = [ta, tb](const Tensors& x) { return Tensors{ops::matmul(x[0], x[1], ta, tb)}; };
  c.reference = [ta, tb](const Arrays& x) { return Arrays{product(x[0], x[1], ta, tb)}; };
  if (r.bench_m) {
    const double m = double(r.bench_m), n = double(r.bench_n), k = double(r.bench_k);
    c.bench = {input({}, r.bench_m, r.bench_k, ta), input({}, r.bench_k, r.bench_n, tb)};
    c.bench_flops = 2 * m * n * k;
    c.bench_bytes = 4 * (m * k + k * n + m * n);
  }
  rows.push_back(std::move(c));
}

double activated(double x, Activation a) {
  switch (a) {
    case Activation::none: return x;
    case Activation::relu: return x > 0 ? x : 0;
    case Activation::leaky_relu: return x > 0 ? x : .2 * x;
    case Activation::tanh: return std::tanh(x);
    case Activation::sigmoid: return 1 / (1 + std::exp(-x));
  }
  return x;
}
const char* label(Activation a) {
  switch (a) {
    case Activation::none: return "none";
    case Activation::relu: return "relu";
    case Activation::leaky_relu: return "leaky_relu";
    case Activation::tanh: return "tanh";
    case Activation::sigmoid: return "sigmoid";
  }
  return "";
}

// x [..., in], weight [out, in], bias [out].
Array dense(const Arrays& x, Activation a) {
  const Index in = x[1].shape[1], out = x[1].shape[0];
  std::vector<Index> dims = x[0].shape.dims();
  dims.back() = out;
  Array y = zeros(Shape(dims));
  for (Index r = 0; out && r < y.shape.numel() / out; r++)
    for (Index o = 0; o < out; o++) {
      double s = x.size() > 2 ? x[2][o] : 0;
      for (Index i = 0; i < in; i++) s += x[0][r * in + i] * x[1][o * in + i];
      y[r * out + o] = activated(s, a);
    }
  return y;
}
OpCase linear_case(const std::string& name, const Shape& x, Index out, Activation a, bool bias) {
  OpCase c;
  c.op = "linear";
  c.name = name + "_" + label(a) + (bias ? "" : "_no_bias");
  c.inputs = {{x}, {Shape{out, x[-1]}}};
  if (bias) c.inputs.push_back({Shape{out}});
  c.forward = [a](const Tensors& t) {
    return Tensors{ops::linear(t[0], t[1], t.size() > 2 ? t[2] : Tensor(), a)};
  };
  c.reference = [a](const Arrays& t) { return Arrays{dense(t, a)}; };
  return c;
}

}  // namespace

void add_matmul_cases(std::vector<OpCase>& rows) {
  const std::vector<MatmulRow> matmuls = {{"one", 1, 1, 1},
                                          {"prime", 7, 5, 3, {}, {}, 2, 128, 400, 784},
                                          {"vector", 1, 37, 11},
                                          {"blocks", 33, 65, 70},
                                          {"batch", 3, 4, 5, {2}, {2}},
                                          {"batch_of_two", 2, 3, 1, {2, 3}, {2, 3}},
                                          {"shared_left", 3, 4, 5, {}, {3}},
                                          {"shared_right", 3, 4, 5, {3}, {}},
                                          {"no_rows", 0, 3, 2},
                                          {"no_columns", 3, 0, 2},
                                          {"no_terms", 3, 2, 0},
                                          {"no_batch", 3, 2, 4, {0}, {0}},
                                          {"no_batch_shared", 3, 2, 4, {0}, {}},
                                          // Longer than what one library call may sum when the left
                                          // side is transposed. Small values: sums near 1.
                                          {"long", 3, 2, 2057, {}, {}, .2}};
  for (const MatmulRow& r : matmuls)
    for (const bool ta : {false, true})
      for (const bool tb : {false, true}) add_matmul(rows, r, ta, tb);

  for (const Activation a : {Activation::none, Activation::relu, Activation::leaky_relu,
                             Activation::tanh, Activation::sigmoid})
    for (const bool bias : {true, false}) {
      rows.push_back(linear_case("prime", {5, 3}, 7, a, bias));
      rows.back().bench = {{Shape{128, 784}}, {Shape{400, 784}, -.05, .05}};
      if (bias) rows.back().bench.push_back({Shape{400}});
      rows.back().bench_flops = 2. * 128 * 784 * 400;
      rows.back().bench_bytes = 4. * (128 * 784 + 784 * 400 + 128 * 400);
      rows.push_back(linear_case("one", {1, 1}, 1, a, bias));
    }
  rows.push_back(linear_case("rank_one", {5}, 3, Activation::tanh, true));
  rows.push_back(linear_case("rank_three", {2, 3, 4}, 5, Activation::sigmoid, true));
  rows.push_back(linear_case("columns", {3, 2}, 70, Activation::leaky_relu, true));
  rows.push_back(linear_case("rows", {131, 2}, 3, Activation::tanh, true));
  rows.push_back(linear_case("no_rows", {0, 3}, 4, Activation::relu, true));
  rows.push_back(linear_case("no_inputs", {3, 0}, 4, Activation::sigmoid, true));
  rows.push_back(linear_case("no_outputs", {3, 2}, 0, Activation::tanh, true));
}

}  // namespace imago::test
