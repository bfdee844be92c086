// C = op(A) op(B) is bilinear: the gradient by either side is again such a product, so the family
// is closed.
//   dA = G op(B)^T, or op(B) G^T when A is stored transposed; likewise dB = op(A)^T G, or G^T op(A)
// A side shared by a batch gets the sum over the batch: the batch joins k where rows allow it, else
// products add up in c.
#include "engine/ops/matmul.h"

#include "engine/ops/dispatch.h"
#include "engine/ops/epilogue.h"
#include "engine/ops/ops.h"
#include "kernels/gemm.h"

namespace imago::ops {
namespace {
using imago::concat;  // of messages, not of tensors

Shape matrices(const Shape& batch_of, Index rows, Index cols) {
  std::vector<Index> d(batch_of.begin(), batch_of.end());
  d[d.size() - 2] = rows;
  d[d.size() - 1] = cols;
  return Shape(std::move(d));
}
Index batch_count(const Shape& s) {
  Index n = 1;
  for (int i = 0; i + 2 < s.rank(); i++) n *= s[i];
  return n;
}
std::vector<Index> batch_dims(const Shape& s) { return std::vector<Index>(s.begin(), s.end() - 2); }
Shape rows_of(const Shape& s, Index cols) {
  std::vector<Index> d(s.begin(), s.end());
  d.back() = cols;
  return Shape(std::move(d));
}

void check_pair(const char* op, const Tensor& a, const Tensor& b) {
  if (!is_floating(a.dtype()) || a.dtype() != b.dtype())
    op_error(op, "operands of one floating dtype", concat(a.dtype(), " and ", b.dtype()),
             "convert one with ops::cast");
  if (a.device() != b.device())
    op_error(op, "operands on one device", concat(a.device(), " and ", b.device()),
             "move one with ops::to");
}

// Sizes of op(a) op(b), checked.
struct Sizes {
  Index m, n, k;
};
Sizes sizes(const char* op, const Tensor& a, const Tensor& b, bool ta, bool tb) {
  check_pair(op, a, b);
  if (a.rank() < 2 || b.rank() < 2)
    op_error(op, "operands of two dimensions or more",
             concat("shapes ", a.shape(), " and ", b.shape()));
  const Sizes s{a.size(ta ? -1 : -2), b.size(tb ? -2 : -1), a.size(ta ? -2 : -1)};
  const Index k = b.size(tb ? -1 : -2);
  if (k != s.k)
    op_error(op, "as many columns on the left as rows on the right",
             concat(s.k, " and ", k, " from shapes ", a.shape(), ta ? " transposed" : "", " and ",
                    b.shape(), tb ? " transposed" : ""));
  return s;
}

template <class T>
Gemm<T> arguments(const Sizes& s, const Tensor& a, const Tensor& b, const Tensor& c, bool ta,
                  bool tb) {
  Gemm<T> g;
  g.m = s.m, g.n = s.n, g.k = s.k;
  g.transpose_a = ta, g.transpose_b = tb;
  g.a = a.data<T>(), g.b = b.data<T>(), g.c = c.data<T>();
  return g;
}

// Sum over the batch of op(a_i) op(b_i): the adjoint of sharing one side. Batch dimensions are
// equal.
Tensor matmul_sum(const Tensor& a, const Tensor& b, bool ta, bool tb) {
  const Sizes s = sizes("matmul", a, b, ta, tb);
  const Tensor c = Tensor::empty({s.m, s.n}, a.dtype(), a.device());
  const Index batch = batch_count(a.shape());
  with_floating("matmul", a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    Gemm<T> g = arguments<T>(s, a, b, c, ta, tb);
    const bool joins = ta && !tb;  // the rows of both sides are what is summed
    if (joins || batch == 0) {
      g.k = batch * s.k;
      return kernels::gemm(c.stream(), g);
    }
    for (Index i = 0; i < batch; i++, g.a += s.m * s.k, g.b += s.k * s.n) {
      g.beta = i > 0;
      kernels::gemm(c.stream(), g);
    }
  });
  return record(c, "matmul_sum", {a, b}, save_input(0) | save_input(1), [ta, tb](Vjp& v) {
    const Tensor g = v.grad();  // shared by the batch
    v.give(0, [&] {
      return ta ? matmul(v.input(1), g, tb, true) : matmul(g, v.input(1), false, !tb);
    });
    v.give(1, [&] {
      return tb ? matmul(g, v.input(0), true, ta) : matmul(v.input(0), g, !ta, false);
    });
  });
}

// d op(a) op(b) / d a for a gradient of the result, in the shape of the side: summed where that
// side is shared.
Tensor product_gradient(bool shared, const Tensor& a, const Tensor& b, bool ta, bool tb) {
  return shared ? matmul_sum(a, b, ta, tb) : matmul(a, b, ta, tb);
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, bool ta, bool tb) {
  const Sizes s = sizes("matmul", a, b, ta, tb);
  const bool a_shared = a.rank() == 2 && b.rank() > 2, b_shared = b.rank() == 2 && a.rank() > 2;
  if (!a_shared && !b_shared && batch_dims(a.shape()) != batch_dims(b.shape()))
    op_error("matmul", "equal batch dimensions, or none on one side",
             concat("shapes ", a.shape(), " and ", b.shape()));
  const Shape& batch_of = a_shared ? b.shape() : a.shape();
  const Tensor c = Tensor::empty(matrices(batch_of, s.m, s.n), a.dtype(), a.device());
  with_floating("matmul", a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    Gemm<T> g = arguments<T>(s, a, b, c, ta, tb);
    g.batch = batch_count(batch_of);
    if (b_shared && !ta) {  // the batch is more rows
      g.m *= g.batch;
      g.batch = 1;
    } else {
      g.stride_a = a_shared ? 0 : s.m * s.k;
      g.stride_b = b_shared ? 0 : s.k * s.n;
      g.stride_c = s.m * s.n;
    }
    kernels::gemm(c.stream(), g);
  });
  return record(c, "matmul", {a, b}, save_input(0) | save_input(1),
                [ta, tb, a_shared, b_shared](Vjp& v) {
                  const Tensor g = v.grad();
                  v.give(0, [&] {
                    return ta ? product_gradient(a_shared, v.input(1), g, tb, true)
                              : product_gradient(a_shared, g, v.input(1), false, !tb);
                  });
                  v.give(1, [&] {
                    return tb ? product_gradient(b_shared, g, v.input(0), true, ta)
                              : product_gradient(b_shared, v.input(0), g, !ta, false);
                  });
                });
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, Activation activation) {
  check_pair("linear", x, weight);
  if (weight.rank() != 2 || x.rank() < 1 || x.size(-1) != weight.size(1))
    op_error("linear", "x [..., in] and weight [out, in]",
             concat("shapes ", x.shape(), " and ", weight.shape()));
  const Index in = weight.size(1), out = weight.size(0);
  if (bias.defined()) {
    check_pair("linear", weight, bias);
    if (bias.shape() != Shape{out})
      op_error("linear", concat("a bias of shape ", Shape{out}), concat("shape ", bias.shape()));
  }
  Index rows = 1;
  for (int i = 0; i + 1 < x.rank(); i++) rows *= x.shape()[i];
  if (reference_mode()) {
    Tensor y = matmul(reshape(x, Shape{rows, in}), weight, false, true);
    if (bias.defined()) y = add(y, bias);
    return reshape(fused::activate(y, activation), rows_of(x.shape(), out));
  }
  const Tensor y = Tensor::empty(rows_of(x.shape(), out), x.dtype(), x.device());
  with_floating("linear", x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    Gemm<T> g = arguments<T>({rows, out, in}, x, weight, y, false, true);
    if (bias.defined()) g.bias = bias.data<T>();
    g.activation = fused::epilogue(activation);
    kernels::gemm(y.stream(), g);
  });
  std::vector<Tensor> inputs{x, weight};
  if (bias.defined()) inputs.push_back(bias);
  return record(
      y, "linear", inputs, save_input(0) | save_input(1) | save_output(0),
      [=, with_bias = bias.defined()](Vjp& v) {
        const Shape flat{rows, out};
        const bool sum_rows = with_bias && v.needed(2);
        Tensor pre = reshape(v.grad(), flat), row_sum;
        if (activation == Activation::none) {
          if (sum_rows) row_sum = sum(pre, {0});
        } else {
          const auto parts =
              fused::activation_gradient(pre, reshape(v.output(), flat), activation, sum_rows);
          pre = parts[0];
          if (sum_rows) row_sum = parts[1];
        }
        v.give(0, [&] { return reshape(matmul(pre, v.input(1)), v.input(0).shape()); });
        v.give(1, [&] { return matmul(pre, reshape(v.input(0), Shape{rows, in}), true, false); });
        if (sum_rows) v.set(2, row_sum);
      });
}

}  // namespace imago::ops
