// One row for each public op and each awkward shape of it. A row yields: comparison with a
// plain-loop float64 reference, gradcheck and gradgradcheck by finite differences, cpu against
// emulated cuda against cuda, fused against composite, and the microbenchmark. Not here: gtest;
// imago-bench links the rows too.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "engine/ops/ops.h"

namespace imago::test {

// A host array in double, what plain-loop references compute on. Integer inputs are held exactly.
struct Array {
  Shape shape;
  std::vector<double> v;
  double& operator[](Index i) { return v[std::size_t(i)]; }
  double operator[](Index i) const { return v[std::size_t(i)]; }
};
inline Array zeros(Shape s) {
  const auto n = std::size_t(s.numel());
  return {std::move(s), std::vector<double>(n)};
}

// How an input is filled: uniform in [low, high), at least 0.05 away from every value in avoid
// (kinks); integers when whole.
struct Input {
  Shape shape;
  double low = -2, high = 2;
  std::vector<double> avoid = {};
  bool whole = false;
  bool differentiable = true;  // false: never perturbed, requires no gradient
  // The dtype under test (float32 and float64) unless fixed, e.g. DType::i64 for indices.
  bool fixed_dtype = false;
  DType dtype = DType::f32;
};
inline Input indices(Shape s, Index n) {
  return {std::move(s), 0, double(n), {}, true, false, true, DType::i64};
}
inline Input constant(Shape s, double low = -2, double high = 2) {
  return {std::move(s), low, high, {}, false, false};
}

using Tensors = std::vector<Tensor>;
using Arrays = std::vector<Array>;

struct OpCase {
  std::string op;    // the symbol imago::ops::<op>
  std::string name;  // what is special about this row: "prime", "empty", "row_bias"
  std::vector<Input> inputs;
  // May create Generators with fixed seeds; must be a pure function.
  std::function<Tensors(const Tensors&)> forward;
  std::function<Arrays(const Arrays&)> reference;  // independent plain loops in double
  // |a - b| <= tolerance * (1 + |b|) in float32; the noise of draws is made in float whatever the
  // dtype, so their float64 is off by that as well.
  double tolerance = 1e-5, tolerance64 = 1e-12;
  bool gradient = true;  // false: the derivative is identically zero, or the output an integer
  bool second = true;    // gradient of the gradient
  // Benchmark: inputs of this row at full size (empty: no benchmark from this row), and what the op
  // must at least do.
  std::vector<Input> bench = {};
  double bench_bytes = 0, bench_flops = 0;
  double bench_special = 0;  // exp, log and their like, counted once an evaluation
  double bench_normals = 0;  // normals drawn
};

// Each family's rows; op_cases.cpp lists the families.
void add_pointwise_cases(std::vector<OpCase>&);
void add_reduce_cases(std::vector<OpCase>&);
void add_layout_cases(std::vector<OpCase>&);
void add_index_cases(std::vector<OpCase>&);
void add_matmul_cases(std::vector<OpCase>&);
void add_conv_cases(std::vector<OpCase>&);
void add_resample_cases(std::vector<OpCase>&);
void add_spectral_cases(std::vector<OpCase>&);
void add_norm_cases(std::vector<OpCase>&);
void add_random_cases(std::vector<OpCase>&);
void add_variational_cases(std::vector<OpCase>&);
void add_penalty_cases(std::vector<OpCase>&);
void add_trace_root_cases(std::vector<OpCase>&);
const std::vector<OpCase>& op_cases();

}  // namespace imago::test
