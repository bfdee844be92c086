// Rows of engine/ops/norm.h. The references take each set's elements one by one.
#include <algorithm>
#include <cmath>

#include "tests/op_cases/op_case.h"

namespace imago::test {
namespace {

// Far above rounding, so that a lost eps shows in every order.
constexpr double kEps = .1;

// The set that element i of x belongs to, as a number.
using SetOf = std::function<Index(Index)>;

// xhat weight + bias; the last two may be absent, as in[1] and in[2] then are.
Array normalized(const Arrays& in, bool weight, bool bias, bool centre, double eps,
                 const SetOf& set_of) {
  const Array& x = in[0];
  const Index n = x.shape.numel(), channels = x.shape[-1];
  std::vector<double> count(x.v.size()), mean(count), square(count);  // of each set
  const auto set = [&](Index i) { return std::size_t(set_of(i)); };
  for (Index i = 0; i < n; i++) count[set(i)]++, mean[set(i)] += centre ? x[i] : 0;
  for (Index i = 0; i < n; i++) square[set(i)] += std::pow(x[i] - mean[set(i)] / count[set(i)], 2);
  Array y = zeros(x.shape);
  for (Index i = 0; i < n; i++) {
    const std::size_t k = set(i);
    y[i] = (x[i] - mean[k] / count[k]) / std::sqrt(square[k] / count[k] + eps);
    if (weight) y[i] *= in[1][i % channels];
    if (bias) y[i] += in[std::size_t(weight) + 1][i % channels];
  }
  return y;
}

enum class Kind { batch, group, layer, pixel };
SetOf sets(Kind kind, const Shape& s, Index groups) {
  const Index c = s[-1], sample = s[0] ? s.numel() / s[0] : 1;
  if (kind == Kind::batch) return [=](Index i) { return i % c; };
  if (kind != Kind::group) return [=](Index i) { return i / c; };
  return [=](Index i) { return i / sample * groups + i % c / (c / groups); };
}

void add(std::vector<OpCase>& rows, Kind kind, const std::string& name, const Shape& shape,
         Index groups = 1, bool weight = true, bool bias = true) {
  if (kind == Kind::pixel) weight = bias = false;
  OpCase c;
  c.op = kind == Kind::batch   ? "batch_norm"
         : kind == Kind::group ? "group_norm"
         : kind == Kind::layer ? "layer_norm"
                               : "pixel_norm";
  c.name = name;
  c.inputs = {{shape}};
  for (int i = weight + bias; i > 0; i--) c.inputs.push_back({{shape[-1]}});
  c.forward = [=](const Tensors& in) {
    const Tensor w = weight ? in[1] : Tensor(), b = bias ? in[std::size_t(weight) + 1] : Tensor();
    switch (kind) {
      case Kind::batch: return Tensors{ops::batch_norm(in[0], w, b, kEps).y};
      case Kind::group: return Tensors{ops::group_norm(in[0], groups, w, b, kEps)};
      case Kind::layer: return Tensors{ops::layer_norm(in[0], w, b, kEps)};
      default: return Tensors{ops::pixel_norm(in[0], kEps)};
    }
  };
  c.reference = [=](const Arrays& in) {
    return Arrays{
        normalized(in, weight, bias, kind != Kind::pixel, kEps, sets(kind, in[0].shape, groups))};
  };
  rows.push_back(std::move(c));
}
void bench(std::vector<OpCase>& rows, const std::string& op, const Shape& shape) {
  for (OpCase& row : rows)
    if (row.op == op && row.name == "prime") {
      row.bench = {{shape}};
      while (row.bench.size() < row.inputs.size()) row.bench.push_back({{shape[-1]}});
      row.bench_bytes = 8 * double(shape.numel());
    }
}

// Mean and biased variance of each channel: values without a gradient.
void add_statistics(std::vector<OpCase>& rows, const std::string& name, const Shape& shape) {
  OpCase c;
  c.op = "batch_norm";
  c.name = name + "_statistics";
  c.inputs = {{shape}};
  c.gradient = false;
  c.forward = [](const Tensors& in) {
    const ops::BatchStatistics s = ops::batch_norm(in[0], {}, {});
    return Tensors{s.mean, s.var};
  };
  c.reference = [](const Arrays& in) {
    const Index channels = in[0].shape[-1], n = in[0].shape.numel() / channels;
    Array mean = zeros({channels}), var = zeros({channels});
    for (Index i = 0; i < n * channels; i++) mean[i % channels] += in[0][i] / double(n);
    for (Index i = 0; i < n * channels; i++)
      var[i % channels] += std::pow(in[0][i] - mean[i % channels], 2) / double(n);
    return Arrays{mean, var};
  };
  rows.push_back(std::move(c));
}
void add_given(std::vector<OpCase>& rows, const std::string& name, const Shape& shape) {
  const Index channels = shape[-1];
  OpCase c;
  c.op = "batch_norm";
  c.name = name + "_given";
  c.inputs = {{shape}, {{channels}}, {{channels}}, {{channels}}, {{channels}, .1, 3}};
  c.forward = [](const Tensors& in) {
    return Tensors{ops::batch_norm(in[0], in[1], in[2], in[3], in[4], kEps)};
  };
  c.reference = [channels](const Arrays& in) {
    Array y = zeros(in[0].shape);
    for (Index i = 0; i < y.shape.numel(); i++) {
      const Index k = i % channels;
      y[i] = (in[0][i] - in[3][k]) / std::sqrt(in[4][k] + kEps) * in[1][k] + in[2][k];
    }
    return Arrays{y};
  };
  rows.push_back(std::move(c));
}

void add_stddev(std::vector<OpCase>& rows, const std::string& name, const Shape& shape,
                Index group) {
  OpCase c;
  c.op = "minibatch_stddev";
  c.name = name;
  c.inputs = {{shape}};
  c.forward = [=](const Tensors& in) { return Tensors{ops::minibatch_stddev(in[0], group)}; };
  c.reference = [=](const Arrays& in) {
    const Array& x = in[0];
    const Index n = shape[0], channels = shape[-1], features = n ? shape.numel() / n : 0;
    const Index size = std::min(group, n), groups = n ? n / size : 0;
    std::vector<Index> dims = shape.dims();
    dims.back()++;
    Array y = zeros(Shape(dims));
    for (Index i = 0; i < y.shape.numel(); i++) {
      const Index pixel = i / (channels + 1), channel = i % (channels + 1);
      if (channel < channels) {
        y[i] = x[pixel * channels + channel];
        continue;
      }
      const Index sample = pixel / (features / channels);
      const Index g = std::min(sample / size, groups - 1), begin = g * size,
                  end = g + 1 == groups ? n : begin + size;
      for (Index f = 0; f < features; f++) {
        double mean = 0, var = 0;
        for (Index k = begin; k < end; k++) mean += x[k * features + f] / double(end - begin);
        for (Index k = begin; k < end; k++)
          var += std::pow(x[k * features + f] - mean, 2) / double(end - begin);
        y[i] += std::sqrt(var + 1e-8) / double(features);
      }
    }
    return Arrays{y};
  };
  rows.push_back(std::move(c));
}

}  // namespace

void add_norm_cases(std::vector<OpCase>& rows) {
  for (const Kind kind : {Kind::batch, Kind::layer, Kind::pixel}) {
    add(rows, kind, "one", {1, 1});
    add(rows, kind, "one_row", {1, 7});
    add(rows, kind, "one_channel", {5, 1});
    add(rows, kind, "prime", {7, 13});
    add(rows, kind, "wide", {3, 1031});
    add(rows, kind, "tall", {613, 3});
    add(rows, kind, "image", {2, 3, 5, 4});
    add(rows, kind, "beyond_a_warp", {6, 37}, 1, false, false);
    if (kind != Kind::batch) add(rows, kind, "empty", {0, 5});
  }
  add(rows, Kind::batch, "slabs", {5003, 2});  // of rows, added in order
  add(rows, Kind::batch, "weight_alone", {5, 3}, 1, true, false);
  add(rows, Kind::batch, "bias_alone", {5, 3}, 1, false, true);
  add(rows, Kind::layer, "weight_alone", {5, 3}, 1, true, false);
  add(rows, Kind::layer, "bias_alone", {5, 3}, 1, false, true);

  add(rows, Kind::group, "prime", {3, 5, 7, 6}, 3);
  add(rows, Kind::group, "one", {1, 1, 1, 1}, 1);
  add(rows, Kind::group, "whole_sample", {2, 3, 5, 6}, 1);
  add(rows, Kind::group, "instance", {2, 3, 5, 6}, 6);
  add(rows, Kind::group, "instance_one_channel", {3, 4, 4, 1}, 1);
  add(rows, Kind::group, "one_sample", {1, 4, 3, 4}, 2);
  add(rows, Kind::group, "rows", {5, 12}, 3);
  add(rows, Kind::group, "rows_whole", {4, 6}, 1);
  add(rows, Kind::group, "beyond_a_warp", {2, 2, 1, 111}, 3);
  add(rows, Kind::group, "one_pixel_wide", {2, 1, 1, 601}, 1);
  add(rows, Kind::group, "sequence", {2, 131, 4}, 2);
  add(rows, Kind::group, "long", {1, 61, 67, 2}, 2);
  add(rows, Kind::group, "no_weights", {2, 3, 3, 4}, 2, false, false);
  add(rows, Kind::group, "weight_alone", {2, 3, 3, 4}, 2, true, false);
  add(rows, Kind::group, "bias_alone", {2, 3, 3, 4}, 4, false, true);
  add(rows, Kind::group, "empty", {0, 3, 3, 4}, 2);
  add(rows, Kind::group, "no_pixels", {2, 0, 3, 4}, 2);

  for (const auto& [name, shape] :
       {std::pair{"prime", Shape{7, 13}}, {"image", Shape{2, 3, 5, 4}}, {"one", Shape{1, 1}}}) {
    add_statistics(rows, name, shape);
    add_given(rows, name, shape);
  }
  add_given(rows, "empty", {0, 3});

  add_stddev(rows, "rows", {6, 3}, 2);
  add_stddev(rows, "images", {8, 2, 3, 2}, 4);
  add_stddev(rows, "left_over", {7, 5}, 3);
  add_stddev(rows, "left_over_images", {5, 2, 1, 3}, 2);
  add_stddev(rows, "small_batch", {3, 2}, 4);
  add_stddev(rows, "one_sample", {1, 3}, 4);
  add_stddev(rows, "groups_of_one", {3, 1}, 1);
  add_stddev(rows, "empty", {0, 3}, 4);

  bench(rows, "batch_norm", {64, 16, 16, 64});
  bench(rows, "group_norm", {64, 16, 16, 66});
  bench(rows, "layer_norm", {5000, 512});
  bench(rows, "pixel_norm", {64, 16, 16, 64});
}

}  // namespace imago::test
