// Rows of engine/ops/penalty.h. The draws come from ops::rand and ops::randn, which have
// independent references of their own.
#include <cmath>

#include "tests/op_cases/op_case.h"

namespace imago::test {
namespace {

constexpr Generator kGenerator{42, 7};  // an odd place in the stream

Index columns(const Shape& s) {
  Index n = 1;
  for (int i = 1; i < s.rank(); i++) n *= s[i];
  return n;
}

Arrays interpolate_reference(const Arrays& in) {
  Generator g = kGenerator;
  const std::vector<double> u = ops::rand({in[0].shape[0]}, g, DType::f64).values();
  const Index cols = columns(in[0].shape);
  Array y = zeros(in[0].shape);
  for (Index i = 0; i < y.shape.numel(); i++)
    y[i] = in[1][i] + u[std::size_t(i / cols)] * (in[0][i] - in[1][i]);
  return {y};
}

Arrays perturb_reference(const Arrays& in, ops::RowNoise noise) {
  Generator g = kGenerator;
  const std::vector<double> u = ops::rand({in[0].shape[0]}, g, DType::f64).values();
  const Shape flat{in[0].shape.numel()};
  const std::vector<double> e = noise == ops::RowNoise::normal
                                    ? ops::randn(flat, g, DType::f64).values()
                                    : ops::rand(flat, g, DType::f64).values();
  const Index cols = columns(in[0].shape);
  Array y = zeros(in[0].shape);
  for (Index i = 0; i < y.shape.numel(); i++)
    y[i] = in[0][i] + in[1][0] * u[std::size_t(i / cols)] * e[std::size_t(i)];
  return {y};
}

Arrays penalty_reference(const Arrays& in, NormPenalty kind) {
  const Index rows = in[0].shape[0], cols = columns(in[0].shape);
  Array p = zeros({});
  for (Index r = 0; r < rows; r++) {
    double squares = 0;
    for (Index c = 0; c < cols; c++) squares += in[0][r * cols + c] * in[0][r * cols + c];
    const double n = std::sqrt(squares);
    double phi = .5 * squares;
    if (kind == NormPenalty::two_sided) phi = (n - 1) * (n - 1);
    if (kind == NormPenalty::one_sided) phi = n > 1 ? (n - 1) * (n - 1) : 0;
    p[0] += phi / double(rows);
  }
  return {p};
}

struct Size {
  const char* name;
  Shape shape;
  double range = 2;  // of the gradients: where the norms lie
};
// 1, primes, less and more than a warp, several tiles of draws, images.
const Size kSizes[] = {
    {"one", {1, 1}},          {"prime", {7, 13}, .45},  // norms on both sides of 1
    {"wide", {3, 1031}, .05}, {"tall", {101, 3}, .9},
    {"scalars", {17}},        {"images", {5, 4, 3, 2}, .35}};

}  // namespace

void add_penalty_cases(std::vector<OpCase>& rows) {
  const auto add = [&](const Size& size) {
    const Input batch{size.shape};
    rows.push_back({.op = "interpolate_rows",
                    .name = size.name,
                    .inputs = {batch, batch},
                    .forward =
                        [](const Tensors& in) {
                          Generator g = kGenerator;
                          return Tensors{ops::interpolate_rows(in[0], in[1], g)};
                        },
                    .reference = interpolate_reference});
    for (const auto& [noise, suffix] : {std::pair{ops::RowNoise::uniform, "_uniform"},
                                        std::pair{ops::RowNoise::normal, "_normal"}})
      rows.push_back(
          {.op = "perturb_rows",
           .name = std::string(size.name) + suffix,
           .inputs = {batch, Input{noise == ops::RowNoise::normal ? Shape{} : Shape{1}, .1, 2}},
           .forward =
               [noise = noise](const Tensors& in) {
                 Generator g = kGenerator;
                 return Tensors{ops::perturb_rows(in[0], in[1], g, noise)};
               },
           .reference = [noise =
                             noise](const Arrays& in) { return perturb_reference(in, noise); }});
  };
  for (const Size& size : kSizes) add(size);
  add({"no_rows", {0, 5}});
  add({"no_columns", {3, 0}});
  const std::pair<NormPenalty, const char*> kinds[] = {{NormPenalty::two_sided, "_two_sided"},
                                                       {NormPenalty::one_sided, "_one_sided"},
                                                       {NormPenalty::squared, "_squared"}};
  for (const auto& [kind, suffix] : kinds) {
    const auto add_penalty = [&, kind = kind, suffix = suffix](const Size& size) {
      // A norm of 0 has no finite differences; the kinks of one element are kept away from.
      Input g{size.shape, -size.range, size.range};
      if (columns(size.shape) == 1) g.avoid = {-1, 0, 1};
      rows.push_back(
          {.op = "norm_penalty",
           .name = std::string(size.name) + suffix,
           .inputs = {g},
           .forward = [kind](const Tensors& in) { return Tensors{ops::norm_penalty(in[0], kind)}; },
           .reference = [kind](const Arrays& in) { return penalty_reference(in, kind); }});
    };
    for (const Size& size : kSizes) add_penalty(size);
  }
  // A WGAN-GP step on 28 x 28 images.
  const Index n = 256 * 784;
  const auto bench = [&](const char* op, const char* name, std::vector<Input> inputs,
                         double bytes) {
    for (OpCase& row : rows)
      if (row.op == op && row.name == name)
        row.bench = std::move(inputs), row.bench_bytes = bytes * double(n);
  };
  const Input images{{256, 784}};
  bench("interpolate_rows", "prime", {images, images}, 12);
  bench("perturb_rows", "prime_uniform", {images, Input{{1}, .1, 2}}, 8);
  bench("norm_penalty", "prime_two_sided", {images}, 4);
}

}  // namespace imago::test
