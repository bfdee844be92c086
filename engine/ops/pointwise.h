// Elementwise ops. The unary ones are the rows of kernels/pointwise.def; binary ones broadcast as
// NumPy does.
#pragma once
#include "engine/autograd/autograd.h"

namespace imago::ops {

// One declaration for each row of the table, e.g. Tensor tanh(const Tensor& x).
#define IMAGO_UNARY_0(name, saves, f, f1, f2) Tensor name(const Tensor& x);
#define IMAGO_UNARY_1(name, a, saves, f, f1, f2) Tensor name(const Tensor& x, double a);
#define IMAGO_UNARY_2(name, a, b, saves, f, f1, f2) \
  Tensor name(const Tensor& x, double a, double b);
#include "kernels/pointwise.def"

// Both of one floating dtype and device; shapes broadcast.
Tensor add(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, const Tensor& b);
Tensor pow(const Tensor& a, const Tensor& b);  // a > 0 where the gradient of b is wanted
Tensor maximum(const Tensor& a,
               const Tensor& b);  // a tie sends half the gradient each way, as in PyTorch
Tensor minimum(const Tensor& a, const Tensor& b);
Tensor atan2(const Tensor& y, const Tensor& x);
// 1 where true, 0 elsewhere, in the dtype of a; derivative identically zero.
Tensor greater(const Tensor& a, const Tensor& b);
Tensor greater_equal(const Tensor& a, const Tensor& b);
Tensor less(const Tensor& a, const Tensor& b);
Tensor less_equal(const Tensor& a, const Tensor& b);
Tensor equal(const Tensor& a, const Tensor& b);
Tensor not_equal(const Tensor& a, const Tensor& b);
// condition != 0 ? a : b, all three broadcast; no gradient through condition.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);

// scale * x + shift.
Tensor affine(const Tensor& x, double scale, double shift);
Tensor cast(const Tensor& x, DType dtype);  // differentiable between floating dtypes
Tensor to(const Tensor& x, Device device);  // differentiable copy between devices

}  // namespace imago::ops

// Operators, found by argument-dependent lookup.
namespace imago {
inline Tensor operator+(const Tensor& a, const Tensor& b) { return ops::add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return ops::sub(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return ops::mul(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return ops::div(a, b); }
inline Tensor operator+(const Tensor& a, double b) { return ops::affine(a, 1, b); }
inline Tensor operator+(double a, const Tensor& b) { return ops::affine(b, 1, a); }
inline Tensor operator-(const Tensor& a, double b) { return ops::affine(a, 1, -b); }
inline Tensor operator-(double a, const Tensor& b) { return ops::affine(b, -1, a); }
inline Tensor operator*(const Tensor& a, double b) { return ops::affine(a, b, 0); }
inline Tensor operator*(double a, const Tensor& b) { return ops::affine(b, a, 0); }
inline Tensor operator/(const Tensor& a, double b) { return ops::affine(a, 1 / b, 0); }
Tensor operator/(double a, const Tensor& b);
inline Tensor operator-(const Tensor& a) { return ops::affine(a, -1, 0); }
}  // namespace imago
