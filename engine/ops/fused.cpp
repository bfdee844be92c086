#include "engine/ops/fused.h"

#include "engine/ops/layout.h"
#include "engine/ops/reduce.h"

namespace imago::fused {

Function gradient_of(Function f, std::vector<bool> wanted) {
  return [f = std::move(f), wanted = std::move(wanted)](const std::vector<Tensor>& all) {
    const auto middle = all.begin() + std::ptrdiff_t(wanted.size());
    const std::vector<Tensor> gradients =
        reference_vjp(f, {all.begin(), middle}, {middle, all.end()}, wanted);
    std::vector<Tensor> picked;
    for (std::size_t i = 0; i < wanted.size(); i++)
      if (wanted[i]) picked.push_back(gradients[i]);
    return picked;
  };
}

VjpFunction vjp_of(Function f, int inputs, int outputs) {
  return [f = std::move(f), inputs, outputs](Vjp& v) {
    std::vector<Tensor> primals, cotangents;
    std::vector<bool> needed;
    for (int i = 0; i < inputs; i++) primals.push_back(v.input(i)), needed.push_back(v.needed(i));
    for (int k = 0; k < outputs; k++) cotangents.push_back(v.grad(k));
    const std::vector<Tensor> gradients = reference_vjp(f, primals, cotangents, needed);
    for (int i = 0; i < inputs; i++) v.give(i, [&] { return gradients[std::size_t(i)]; });
  };
}

void check_matrix(const char* op, const char* what, const Tensor& t) {
  if (!t.defined() || t.rank() != 2 || !is_floating(t.dtype()))
    op_error(op, imago::concat(what, " of shape [rows, features], float32 or float64"),
             t.defined() ? imago::concat(t.shape(), " ", t.dtype()) : "an undefined tensor",
             "flatten it with ops::reshape");
}

void check_like(const char* op, const char* what, const Tensor& t, const Shape& shape,
                const Tensor& like) {
  const auto words = [](const Shape& s, const Tensor& of) {
    return imago::concat(s, " ", of.dtype(), " on ", of.device());
  };
  if (!t.defined())
    op_error(op, imago::concat(what, " ", words(shape, like)), "an undefined tensor");
  if (t.shape() != shape || t.dtype() != like.dtype() || t.device() != like.device())
    op_error(op, imago::concat(what, " ", words(shape, like)), words(t.shape(), t));
}

Index samples_of(const char* op, const Tensor& x, const Tensor& rows) {
  check_matrix(op, "x", x);
  check_matrix(op, "parameters", rows);
  const Index b = x.size(0), n = rows.size(0);
  const bool whole = b > 0 ? n % b == 0 && n > 0 : n == 0;
  if (!whole || rows.size(1) != x.size(1))
    op_error(
        op,
        imago::concat("parameters of shape [", b, " * samples, ", x.size(1), "] for x ", x.shape()),
        imago::concat(rows.shape()));
  if (rows.dtype() != x.dtype() || rows.device() != x.device())
    op_error(op, imago::concat("x and parameters alike: ", rows.dtype(), " on ", rows.device()),
             imago::concat(x.dtype(), " on ", x.device()));
  return b > 0 ? n / b : 1;
}

Tensor group_sum(const Tensor& t, Index samples) {
  if (samples == 1) return t;
  std::vector<Index> dims = t.shape().dims();
  dims[0] /= samples;
  dims.insert(dims.begin() + 1, samples);
  return ops::sum(ops::reshape(t, dims), {1});
}

Tensor repeat_rows(const Tensor& t, Index samples) {
  return samples == 1 ? t : ops::repeat_interleave(t, samples);
}

}  // namespace imago::fused
