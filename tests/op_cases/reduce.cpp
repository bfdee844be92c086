#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "tests/op_cases/op_case.h"

namespace imago::test {
namespace {

using ops::Axes;
using Values = std::vector<double>;

// The values that meet in each result, gathered one by one; f makes the result.
Array reduce_reference(const Array& x, const Axes& axes, bool keepdim,
                       const std::function<double(const Values&)>& f) {
  const int rank = x.shape.rank();
  std::vector<bool> gone(std::size_t(rank), axes.empty());
  for (int a : axes) gone[std::size_t(a < 0 ? a + rank : a)] = true;
  std::vector<Index> dims;
  Index results = 1;
  for (int a = 0; a < rank; a++) {
    if (!gone[std::size_t(a)])
      dims.push_back(x.shape[a]), results *= x.shape[a];
    else if (keepdim)
      dims.push_back(1);
  }
  std::vector<Values> met{std::size_t(results)};
  for (Index i = 0; i < x.shape.numel(); i++) {
    Index rest = i, to = 0, step = 1;
    for (int a = rank - 1; a >= 0; a--) {
      const Index at = rest % x.shape[a];
      rest /= x.shape[a];
      if (!gone[std::size_t(a)]) to += at * step, step *= x.shape[a];
    }
    met[std::size_t(to)].push_back(x[i]);
  }
  Array out = zeros(Shape(dims));
  for (Index i = 0; i < results; i++) out[i] = f(met[std::size_t(i)]);
  return out;
}
double total(const Values& v) {
  double s = 0;
  for (double x : v) s += x;
  return s;
}
double average(const Values& v) { return total(v) / double(v.size()); }
double largest(const Values& v) { return *std::max_element(v.begin(), v.end()); }
double smallest(const Values& v) { return *std::min_element(v.begin(), v.end()); }
double variance(const Values& v, int ddof) {
  const double m = average(v);
  double s = 0;
  for (double x : v) s += (x - m) * (x - m);
  return s / double(v.size() - std::size_t(ddof));
}

using Reduction = Tensor (*)(const Tensor&, const Axes&, bool);
void add(std::vector<OpCase>& rows, const char* op, std::string name, Shape shape, const Axes& axes,
         bool keepdim, Reduction forward, const std::function<double(const Values&)>& reference) {
  OpCase c;
  c.op = op, c.name = std::move(name), c.inputs = {{shape}};
  c.forward = [=](const Tensors& t) { return Tensors{forward(t[0], axes, keepdim)}; };
  c.reference = [=](const Arrays& a) {
    return Arrays{reduce_reference(a[0], axes, keepdim, reference)};
  };
  // float32 sums are blocked: the error stays within a few units of the largest partial sum.
  const double n = double(std::max<Index>(shape.numel(), 1));
  c.tolerance = 1e-6 * std::max(10., std::sqrt(n));
  rows.push_back(std::move(c));
}
void bench(OpCase& c, Shape shape, Index results) {
  c.bench = {{shape}};
  c.bench_bytes = 4 * double(shape.numel() + results);
  c.bench_flops = double(shape.numel());
}

std::string axes_name(const Axes& axes) {
  std::string s = "axes";
  for (int a : axes)
    s += a < 0 ? concat("_last", a == -1 ? "" : std::to_string(-a)) : concat("_", a);
  return s;
}

// softmax and its relatives: f(values of a line, position) along axis.
Array along_reference(const Array& x, int axis,
                      const std::function<double(const Values&, std::size_t)>& f) {
  const int a = axis < 0 ? axis + x.shape.rank() : axis;
  Index inner = 1;
  for (int d = a + 1; d < x.shape.rank(); d++) inner *= x.shape[d];
  const Index n = x.shape[a], outer = n * inner > 0 ? x.shape.numel() / (n * inner) : 0;
  Array out = zeros(x.shape);
  for (Index o = 0; o < outer; o++)
    for (Index i = 0; i < inner; i++) {
      Values line;
      for (Index k = 0; k < n; k++) line.push_back(x[(o * n + k) * inner + i]);
      for (Index k = 0; k < n; k++) out[(o * n + k) * inner + i] = f(line, std::size_t(k));
    }
  return out;
}
double log_sum_exp(const Values& v) {
  double s = 0;
  const double m = largest(v);
  for (double x : v) s += std::exp(x - m);
  return m + std::log(s);
}

void add_softmax(std::vector<OpCase>& rows, const char* name, Shape shape, int axis,
                 double scale = 2) {
  const Input x{shape, -scale, scale};
  OpCase c;
  c.inputs = {x};
  c.name = name;
  c.tolerance = 2e-6 * std::max(1., scale);
  c.op = "softmax";
  c.forward = [=](const Tensors& t) { return Tensors{ops::softmax(t[0], axis)}; };
  c.reference = [=](const Arrays& a) {
    return Arrays{along_reference(a[0], axis, [](const Values& v, std::size_t k) {
      return std::exp(v[k] - log_sum_exp(v));
    })};
  };
  rows.push_back(c);
  c.op = "log_softmax";
  c.forward = [=](const Tensors& t) { return Tensors{ops::log_softmax(t[0], axis)}; };
  c.reference = [=](const Arrays& a) {
    return Arrays{along_reference(
        a[0], axis, [](const Values& v, std::size_t k) { return v[k] - log_sum_exp(v); })};
  };
  rows.push_back(c);
  if (shape[axis] == 0) return;
  c.op = "logsumexp";
  for (bool keepdim : {false, true}) {
    c.name = concat(name, keepdim ? "_keepdim" : "");
    c.forward = [=](const Tensors& t) { return Tensors{ops::logsumexp(t[0], axis, keepdim)}; };
    c.reference = [=](const Arrays& a) {
      return Arrays{reduce_reference(a[0], {axis}, keepdim, log_sum_exp)};
    };
    rows.push_back(c);
  }
}

void add_sums(std::vector<OpCase>& rows) {
  // Every set of axes of four dimensions.
  for (int set = 1; set < 16; set++) {
    Axes axes;
    for (int a = 0; a < 4; a++)
      if (set >> a & 1) axes.push_back(a);
    add(rows, "sum", axes_name(axes), {2, 3, 4, 5}, axes, set % 2, ops::sum, total);
  }
  add(rows, "sum", "all", {7, 11, 3}, {}, false, ops::sum, total);
  add(rows, "sum", "all_keepdim", {7, 11, 3}, {}, true, ops::sum, total);
  add(rows, "sum", "scalar", {}, {}, false, ops::sum, total);
  add(rows, "sum", "ones", {1, 1, 1}, {0, 2}, false, ops::sum, total);
  add(rows, "sum", "one_among", {3, 1, 5}, {0, 1}, true, ops::sum, total);
  add(rows, "sum", "negative_axes", {3, 5, 2}, {-1, -3}, false, ops::sum, total);
  add(rows, "sum", "empty_axis", {0, 3}, {0}, false, ops::sum, total);
  add(rows, "sum", "empty_result", {0, 3}, {1}, false, ops::sum, total);
  add(rows, "sum", "empty_all", {4, 0}, {}, false, ops::sum, total);
  add(rows, "sum", "one_column", {257, 1}, {0}, false, ops::sum, total);
  add(rows, "sum", "tall", {1031, 3}, {0}, false, ops::sum, total);
  add(rows, "sum", "wide", {3, 521}, {0}, false, ops::sum, total);
  add(rows, "sum", "two_tiles", {67, 131}, {0}, false, ops::sum, total);
  add(rows, "sum", "long_rows", {2, 4999}, {1}, false, ops::sum, total);
  add(rows, "sum", "middle", {3, 97, 33}, {1}, false, ops::sum, total);
  for (auto [name, shape] : {std::pair<const char*, Shape>{"bias_20", {5000, 20}},
                             {"bias_784", {128, 784}},
                             {"bias_500", {5000, 500}}}) {
    add(rows, "sum", name, {13, shape[1] % 31 + 1}, {0}, false, ops::sum, total);
    bench(rows.back(), shape, shape[1]);
  }
  add(rows, "sum", "rows", {13, 17}, {1}, false, ops::sum, total);
  bench(rows.back(), {6400, 784}, 6400);

  for (Axes axes :
       {Axes{}, Axes{0}, Axes{1}, Axes{-1}, Axes{0, 2}, Axes{0, 1, 3}, Axes{-4, -3, -2}})
    add(rows, "mean", axes_name(axes), {2, 3, 5, 7}, axes, axes.size() == 1, ops::mean, average);
  add(rows, "mean", "ones", {1, 1}, {1}, false, ops::mean, average);
  add(rows, "mean", "empty_result", {0, 3}, {1}, false, ops::mean, average);
  add(rows, "mean", "loss", {7, 3}, {}, false, ops::mean, average);
  bench(rows.back(), {128, 784}, 1);
}

void add_extremes(std::vector<OpCase>& rows) {
  for (Axes axes : {Axes{}, Axes{0}, Axes{1}, Axes{-1}, Axes{0, 2}, Axes{1, 3}, Axes{0, 1, 2}}) {
    add(rows, "max", axes_name(axes), {2, 3, 5, 7}, axes, axes.size() == 1, ops::max, largest);
    add(rows, "min", axes_name(axes), {2, 3, 5, 7}, axes, axes.size() == 1, ops::min, smallest);
  }
  for (auto [name, shape, axis] : {std::tuple<const char*, Shape, int>{"one", {1, 1}, 1},
                                   {"one_element_axis", {5, 1}, 1},
                                   {"tall", {521, 3}, 0},
                                   {"long_row", {1, 1031}, 1},
                                   {"empty_result", {0, 3}, 1}}) {
    add(rows, "max", name, shape, {axis}, false, ops::max, largest);
    add(rows, "min", name, shape, {axis}, false, ops::min, smallest);
  }
}

void add_variances(std::vector<OpCase>& rows) {
  const auto row = [&](const char* name, Shape shape, Axes axes, int ddof, bool keepdim,
                       double offset) {
    OpCase c;
    c.op = "var", c.name = name, c.inputs = {{std::move(shape), offset - 2, offset + 2}};
    c.forward = [=](const Tensors& t) { return Tensors{ops::var(t[0], axes, ddof, keepdim)}; };
    c.reference = [=](const Arrays& a) {
      return Arrays{reduce_reference(a[0], axes, keepdim,
                                     [ddof](const Values& v) { return variance(v, ddof); })};
    };
    // The inputs themselves are only known to an offset's rounding.
    c.tolerance = 1e-5 + 1e-7 * offset;
    rows.push_back(std::move(c));
  };
  row("all", {3, 5, 7}, {}, 0, false, 0);
  row("all_unbiased", {3, 5, 7}, {}, 1, true, 0);
  row("rows", {7, 33}, {1}, 0, false, 0);
  row("columns", {33, 7}, {0}, 1, false, 0);
  row("columns_keepdim", {129, 2}, {0}, 0, true, 0);
  row("middle", {3, 11, 5}, {1}, 1, false, 0);
  row("batch_norm", {3, 2, 5, 4}, {0, 1, 2}, 0, false, 0);
  row("apart", {3, 4, 5, 2}, {0, 2}, 1, false, 0);
  row("apart_keepdim", {3, 4, 5, 2}, {1, -1}, 0, true, 0);
  row("one_element_axis", {3, 1}, {1}, 0, false, 0);
  row("one", {1}, {}, 0, false, 0);
  row("empty_result", {0, 3}, {1}, 1, false, 0);
  row("far_from_zero", {5, 17}, {1}, 0, false, 100);
}

void add_sum_to(std::vector<OpCase>& rows) {
  const auto row = [&](const char* name, Shape from, Shape to) {
    OpCase c;
    c.op = "sum_to", c.name = name, c.inputs = {{from}};
    c.forward = [to](const Tensors& t) { return Tensors{ops::sum_to(t[0], to)}; };
    c.reference = [to](const Arrays& a) {
      Array out = zeros(to);
      const Array& x = a[0];
      for (Index i = 0; i < x.shape.numel(); i++) {
        Index rest = i, at = 0, step = 1;
        for (int d = 1; d <= x.shape.rank(); d++) {
          const Index k = rest % x.shape[-d];
          rest /= x.shape[-d];
          if (d > to.rank()) continue;
          at += to[-d] == 1 ? 0 : k * step;
          step *= to[-d];
        }
        out[at] += x[i];
      }
      return Arrays{out};
    };
    rows.push_back(std::move(c));
  };
  row("bias", {13, 7}, {7});
  row("same", {3, 5}, {3, 5});
  row("scalar", {3, 5}, {});
  row("ones", {1, 1, 3}, {1});
  row("kept", {3, 5, 7}, {3, 1, 7});
  row("both", {2, 3, 5, 7}, {3, 1, 7});
  row("apart", {2, 3, 5, 7}, {1, 3, 1, 7});
  row("empty", {0, 3}, {1, 3});
  row("bias_784", {3, 784}, {784});
  bench(rows.back(), {128, 784}, 784);
}

void add_argmax(std::vector<OpCase>& rows) {
  const auto row = [&](const char* name, Shape shape, int axis, bool ties) {
    OpCase c;
    c.op = "argmax", c.name = name;
    c.inputs = {{std::move(shape), ties ? 0. : -2., ties ? 3. : 2., {}, ties}};
    c.gradient = c.second = false;
    c.forward = [axis](const Tensors& t) { return Tensors{ops::argmax(t[0], axis)}; };
    c.reference = [axis](const Arrays& a) {
      return Arrays{reduce_reference(a[0], {axis}, false, [](const Values& v) {
        return double(std::max_element(v.begin(), v.end()) - v.begin());
      })};
    };
    rows.push_back(std::move(c));
  };
  row("rows", {5, 7}, -1, false);
  row("ties", {11, 33}, 1, true);
  row("columns", {7, 5}, 0, false);
  row("middle_ties", {3, 17, 5}, 1, true);
  row("one", {4, 1}, 1, false);
  row("long", {2, 1031}, 1, true);
  row("empty_result", {0, 3}, 1, false);
}

}  // namespace

void add_reduce_cases(std::vector<OpCase>& rows) {
  add_sums(rows);
  add_extremes(rows);
  add_variances(rows);
  add_sum_to(rows);
  add_argmax(rows);
  add_softmax(rows, "rows", {5, 7}, -1);
  add_softmax(rows, "columns", {7, 5}, 0);
  add_softmax(rows, "middle", {3, 5, 2}, 1);
  add_softmax(rows, "one", {3, 1}, 1);
  add_softmax(rows, "vector", {33}, 0);
  add_softmax(rows, "long", {2, 1031}, 1);
  add_softmax(rows, "large", {3, 11}, 1, 40);
  add_softmax(rows, "empty", {0, 5}, 1);
  add_softmax(rows, "empty_axis", {5, 0}, 1);
  const auto first =
      std::find_if(rows.begin(), rows.end(), [](const OpCase& c) { return c.op == "softmax"; });
  for (int i = 0; i < 3; i++) {  // softmax, log_softmax, logsumexp of the same rows
    OpCase& c = first[i];
    c.bench = {{{6400, 50}}};
    c.bench_bytes = 4. * 6400 * (c.op == "logsumexp" ? 51 : 100);
    c.bench_flops = 4. * 6400 * 50;
  }
}

}  // namespace imago::test
