#include <cmath>

#include "tests/op_cases/op_case.h"

namespace imago::test {
namespace {

Index row_size(const Shape& s) {
  Index n = 1;
  for (int a = 1; a < s.rank(); a++) n *= s[a];
  return n;
}
Shape with(const Shape& s, int dim, Index size) {
  std::vector<Index> d = s.dims();
  d[std::size_t(dim < 0 ? dim + s.rank() : dim)] = size;
  return Shape(d);
}

void add_rows_pair(std::vector<OpCase>& rows, const char* name, Shape table, Index count) {
  const Index n = table[0];
  OpCase c;
  c.name = name;
  c.op = "gather_rows";
  c.inputs = {{table}, indices({count}, n)};
  c.forward = [](const Tensors& t) { return Tensors{ops::gather_rows(t[0], t[1])}; };
  c.reference = [count](const Arrays& a) {
    const Index size = row_size(a[0].shape);
    Array out = zeros(with(a[0].shape, 0, count));
    for (Index m = 0; m < count; m++)
      for (Index c = 0; c < size; c++) out[m * size + c] = a[0][Index(a[1][m]) * size + c];
    return Arrays{out};
  };
  rows.push_back(c);
  c.op = "scatter_add_rows";
  c.inputs = {{with(table, 0, count)}, indices({count}, n)};
  c.forward = [n](const Tensors& t) { return Tensors{ops::scatter_add_rows(t[0], t[1], n)}; };
  c.reference = [n, count](const Arrays& a) {
    const Index size = row_size(a[0].shape);
    Array out = zeros(with(a[0].shape, 0, n));
    for (Index m = 0; m < count; m++)
      for (Index c = 0; c < size; c++) out[Index(a[1][m]) * size + c] += a[0][m * size + c];
    return Arrays{out};
  };
  rows.push_back(c);
}

void add_columns_pair(std::vector<OpCase>& rows, const char* name, Shape table, Index count) {
  const Index n = table[-1];
  OpCase c;
  c.name = name;
  c.op = "gather";
  c.inputs = {{table}, indices(with(table, -1, count), n)};
  c.forward = [](const Tensors& t) { return Tensors{ops::gather(t[0], t[1])}; };
  c.reference = [n, count](const Arrays& a) {
    Array out = zeros(a[1].shape);
    for (Index i = 0; i < out.shape.numel(); i++) out[i] = a[0][i / count * n + Index(a[1][i])];
    return Arrays{out};
  };
  rows.push_back(c);
  c.op = "scatter_add";
  c.inputs = {{with(table, -1, count)}, indices(with(table, -1, count), n)};
  c.forward = [n](const Tensors& t) { return Tensors{ops::scatter_add(t[0], t[1], n)}; };
  c.reference = [n, count](const Arrays& a) {
    Array out = zeros(with(a[0].shape, -1, n));
    for (Index i = 0; i < a[0].shape.numel(); i++) out[i / count * n + Index(a[1][i])] += a[0][i];
    return Arrays{out};
  };
  rows.push_back(c);
}

void add_one_hot(std::vector<OpCase>& rows, const char* name, Shape labels, Index classes) {
  OpCase c;
  c.op = "one_hot", c.name = name;
  c.inputs = {indices(labels, classes)};
  c.gradient = c.second = false;
  c.forward = [classes](const Tensors& t) { return Tensors{ops::one_hot(t[0], classes)}; };
  c.reference = [classes](const Arrays& a) {
    std::vector<Index> d = a[0].shape.dims();
    d.push_back(classes);
    Array out = zeros(Shape(d));
    for (Index i = 0; i < a[0].shape.numel(); i++) out[i * classes + Index(a[0][i])] = 1;
    return Arrays{out};
  };
  rows.push_back(c);
}

// A data set of a fixed dtype, or of the dtype under test; differentiable in float64. The last
// input only says that dtype.
void add_gather_normalize(std::vector<OpCase>& rows, const char* name, Input x, Index count) {
  const double scale = 1 / 127.5, shift = -1;
  OpCase c;
  c.op = "gather_normalize", c.name = name;
  x.low = 0, x.high = 256;
  x.differentiable = c.gradient = c.second = !x.fixed_dtype || x.dtype == DType::f64;
  c.inputs = {x, indices({count}, x.shape[0]), constant({})};
  c.forward = [=](const Tensors& t) {
    return Tensors{ops::gather_normalize(t[0], t[1], scale, shift, t[2].dtype())};
  };
  c.reference = [=](const Arrays& a) {
    const Index size = row_size(a[0].shape);
    Array out = zeros(with(a[0].shape, 0, count));
    for (Index m = 0; m < count; m++)
      for (Index k = 0; k < size; k++)
        out[m * size + k] = scale * a[0][Index(a[1][m]) * size + k] + shift;
    return Arrays{out};
  };
  rows.push_back(c);
}

}  // namespace

void add_index_cases(std::vector<OpCase>& rows) {
  add_rows_pair(rows, "embedding", {7, 5}, 11);
  // Sizes of a class embedding: its forward and its gradient.
  rows[rows.size() - 2].bench = {{{7, 400}}, indices({128}, 7)};
  rows[rows.size() - 2].bench_bytes = 4. * 400 * (128 + 7) + 8. * 128;
  rows[rows.size() - 1].bench = {{{128, 400}}, indices({128}, 7)};
  rows[rows.size() - 1].bench_bytes = 4. * 400 * (128 + 7) + 8. * 128;
  add_rows_pair(rows, "vector", {13}, 5);
  add_rows_pair(rows, "one", {1, 1}, 1);
  add_rows_pair(rows, "all_the_same", {1, 3}, 9);
  add_rows_pair(rows, "images", {5, 3, 2, 1}, 4);
  add_rows_pair(rows, "long_rows", {3, 521}, 5);
  add_rows_pair(rows, "many_places", {31, 2}, 257);
  add_rows_pair(rows, "no_index", {3, 4}, 0);
  add_rows_pair(rows, "no_columns", {3, 0}, 2);
  add_columns_pair(rows, "rows", {5, 7}, 3);
  add_columns_pair(rows, "one", {1, 1}, 1);
  add_columns_pair(rows, "label", {33, 11}, 1);
  add_columns_pair(rows, "vector", {13}, 20);
  add_columns_pair(rows, "rank_3", {2, 3, 5}, 2);
  add_columns_pair(rows, "long", {2, 600}, 37);
  add_columns_pair(rows, "no_rows", {0, 4}, 2);
  add_columns_pair(rows, "no_index", {3, 4}, 0);
  add_one_hot(rows, "labels", {13}, 10);
  add_one_hot(rows, "one_class", {3}, 1);
  add_one_hot(rows, "scalar", {}, 5);
  add_one_hot(rows, "matrix", {3, 5}, 7);
  add_one_hot(rows, "empty", {0}, 4);
  const auto data_set = [](Shape shape, DType t) {
    return Input{std::move(shape), 0, 256, {}, true, false, true, t};
  };
  add_gather_normalize(rows, "uint8", data_set({13, 33}, DType::u8), 7);
  rows.back().bench = {data_set({60000, 784}, DType::u8), indices({128}, 60000), constant({})};
  rows.back().bench_bytes = 128. * 784 * 5;
  rows.back().bench_flops = 128. * 784 * 2;
  add_gather_normalize(rows, "one", data_set({1, 1}, DType::u8), 1);
  add_gather_normalize(rows, "uint8_images", data_set({5, 4, 3, 1}, DType::u8), 9);
  Input float64{{5, 7}};
  float64.fixed_dtype = true, float64.dtype = DType::f64;
  add_gather_normalize(rows, "float64", float64, 3);
  add_gather_normalize(rows, "differentiable", {{5, 7}}, 3);
  add_gather_normalize(rows, "no_index", data_set({5, 7}, DType::u8), 0);
}

}  // namespace imago::test
