#include "engine/ops/trace_root.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "engine/ops/linalg.h"
#include "engine/ops/ops.h"

namespace imago::ops {
namespace {

using Tensors = std::vector<Tensor>;

Tensor host(const Tensor& x) { return cast(x.detach(), DType::f64).to(cpu_device); }
Tensor like(const Tensor& x, const Tensor& to) { return cast(x, to.dtype()).to(to.device()); }
Tensor product(const Tensor& a, const Tensor& b) { return matmul(a, b); }
template <class... More>
Tensor product(const Tensor& a, const Tensor& b, const More&... more) {
  return product(matmul(a, b), more...);
}
Tensor symmetric(const Tensor& a) { return (a + transpose(a)) * .5; }
Tensor row(const Tensor& v) { return reshape(v, {1, -1}); }
Tensor column(const Tensor& v) { return reshape(v, {-1, 1}); }
// x / (s_i + s_j), and 0 where both are 0.
Tensor over_sums(const Tensor& x, const Tensor& s) {
  const Tensor sums = column(s) + row(s);
  return where(sums, x / where(sums, sums, Tensor::scalar(1, DType::f64)),
               Tensor::scalar(0, DType::f64));
}
[[noreturn]] void third(const char* op) {
  op_error(op, "at most the gradient of a gradient", "a third derivative",
           "build it of other ops, or detach the second");
}

// A map that is linear and its own adjoint, from cotangents to gradients of primals: the Hessian of
// a scalar op at its primals. Differentiable in the cotangents, not in the primals.
using Linear = std::function<Tensors(const Tensors&)>;
Tensors hessian(const char* op, const Linear& f, const Tensors& primals,
                const Tensors& cotangents) {
  Tensors inputs = cotangents, out;
  {
    const NoGrad no_grad;
    Tensors there;
    for (const Tensor& c : cotangents) there.push_back(host(c));
    const Tensors results = f(there);
    for (std::size_t i = 0; i < results.size(); i++) out.push_back(like(results[i], primals[i]));
  }
  const int n = int(cotangents.size());
  inputs.insert(inputs.end(), primals.begin(), primals.end());
  Save save = save_nothing;
  for (int i = 0; i < n; i++) save |= save_input(n + i);
  return record(out, op, inputs, save, [=](Vjp& v) {
    Tensors up, at;
    for (int i = 0; i < n; i++) {
      if (v.needed(n + i)) third(op);
      up.push_back(v.grad(i));
      at.push_back(v.input(n + i));
    }
    const Tensors back = hessian(op, f, at, up);
    for (int i = 0; i < n; i++) v.give(i, [&] { return back[std::size_t(i)]; });
  });
}
// The gradient of a scalar op, whose own gradient is f.
Tensors gradient(const char* op, const Tensors& values, const Linear& f, const Tensors& primals) {
  Tensors out;
  for (std::size_t i = 0; i < values.size(); i++) out.push_back(like(values[i], primals[i]));
  const int n = int(primals.size());
  Save save = save_nothing;
  for (int i = 0; i < n; i++) save |= save_input(i);
  return record(out, op, primals, save, [=](Vjp& v) {
    Tensors up, at;
    for (int i = 0; i < n; i++) up.push_back(v.grad(i)), at.push_back(v.input(i));
    const Tensors back = hessian(op, f, at, up);
    for (int i = 0; i < n; i++) v.give(i, [&] { return back[std::size_t(i)]; });
  });
}
// The scalar op itself. values() is its gradient, made when it is wanted.
Tensor scalar(const char* op, double value, const std::function<Tensors()>& values, const Linear& f,
              const Tensors& primals) {
  const int n = int(primals.size());
  Save save = save_nothing;
  for (int i = 0; i < n; i++) save |= save_input(i);
  return record(like(Tensor::scalar(value, DType::f64), primals[0]), op, primals, save,
                [=](Vjp& v) {
                  Tensors at, first;
                  for (int i = 0; i < n; i++) at.push_back(v.input(i));
                  {
                    const NoGrad no_grad;
                    first = values();
                  }
                  const Tensors g = gradient(op, first, f, at);
                  for (int i = 0; i < n; i++)
                    v.give(i, [&] { return v.grad() * g[std::size_t(i)]; });
                });
}

// L^T b L = V^T diag(s^2) V of a = L L^T; k = L^-T V^T takes both to diagonal forms: with
// T = k diag(s) k^T, T a T = b.
struct Together {
  Tensor k, inverse, s;
};
void check_square(const char* op, const Tensor& a, const Tensor& b) {
  if (a.rank() != 2 || a.size(0) != a.size(1) || a.size(0) == 0 || b.shape() != a.shape() ||
      !is_floating(a.dtype()) || b.dtype() != a.dtype() || b.device() != a.device())
    op_error(op, "two matrices [n, n] of one floating dtype and device",
             imago::concat(a.shape(), " ", a.dtype(), " and ", b.shape(), " ", b.dtype()));
}

struct Singular {
  Tensor u, s, vt;  // without what is 0 to rounding
};

}  // namespace

Tensor trace_sqrt_product(const Tensor& a, const Tensor& b) {
  constexpr const char* op = "trace_sqrt_product";
  check_square(op, a, b);
  const bool by_b = grad_enabled() && b.requires_grad();
  auto t = std::make_shared<Together>();
  double trace = 0;
  {
    const NoGrad no_grad;
    const auto l = linalg::cholesky(host(a));
    if (!l)
      op_error(op, "a positive definite first matrix", "one that is not",
               "take nuclear_norm of factors");
    const linalg::Eigen e = linalg::symmetric_eigen(symmetric(product(transpose(*l), host(b), *l)));
    std::vector<double> s = e.values.values();
    const double most = s.back();
    for (double& v : s) {
      if (by_b && v <= std::numeric_limits<double>::epsilon() * most)
        op_error(op, "a positive definite second matrix where it requires a gradient",
                 "one that is not", "take nuclear_norm of factors");
      v = std::sqrt(std::max(v, 0.));
      trace += v;
    }
    t->s = Tensor::from(s, {Index(s.size())});
    t->k = matmul(linalg::inverse_of_lower(*l), e.vectors, true, true);
    t->inverse = matmul(e.vectors, *l, false, true);
  }
  const auto gradients = [t, by_b] {
    Tensors g{matmul(t->k * row(t->s), t->k, false, true) * .5};
    if (by_b) g.push_back(matmul(transpose(t->inverse) / row(t->s), t->inverse) * .5);
    return g;
  };
  // dT a T + T a dT + T da T = db; in k's coordinates x (s_i + s_j) is what remains.
  const Linear second = [t, by_b](const Tensors& c) {
    const Tensor left = column(t->s), right = row(t->s);
    Tensor x = product(transpose(t->k), symmetric(c[0]), t->k) * left * right * -1.;
    if (by_b) x = x + product(t->inverse, symmetric(c[1]), transpose(t->inverse));
    x = over_sums(x, t->s);
    Tensors g{product(t->k, x, transpose(t->k)) * .5};
    if (by_b) g.push_back(product(transpose(t->inverse), x / left / right, t->inverse) * -.5);
    return g;
  };
  return scalar(op, trace, gradients, second, by_b ? Tensors{a, b} : Tensors{a});
}

Tensor nuclear_norm(const Tensor& a) {
  constexpr const char* op = "nuclear_norm";
  if (a.rank() != 2 || a.numel() == 0 || !is_floating(a.dtype()))
    op_error(op, "a floating matrix [m, n]", imago::concat(a.shape(), " ", a.dtype()));
  auto d = std::make_shared<Singular>();
  double sum = 0;
  {
    const NoGrad no_grad;
    const linalg::Svd r = linalg::svd(host(a));
    const std::vector<double> s = r.s.values();
    Index rank = 0;
    const double rounding =
        double(std::max(a.size(0), a.size(1))) * std::numeric_limits<double>::epsilon() * s[0];
    for (const double v : s) sum += v, rank += v > rounding;
    *d = {slice(r.u, 1, 0, rank), slice(r.s, 0, 0, rank), slice(r.vt, 0, 0, rank)};
  }
  const auto gradients = [d] { return Tensors{matmul(d->u, d->vt)}; };
  const Linear second = [d](const Tensors& c) {
    const Tensor &g = c[0], &u = d->u, &vt = d->vt, left = matmul(u, g, true),
                 right = matmul(g, vt, false, true), x = matmul(left, vt, false, true);
    return Tensors{product(u, over_sums(x - transpose(x), d->s), vt) +
                   matmul((right - matmul(u, x)) / row(d->s), vt) +
                   matmul(u, (left - matmul(x, vt)) / column(d->s))};
  };
  return scalar(op, sum, gradients, second, {a});
}

}  // namespace imago::ops
