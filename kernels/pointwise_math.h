// The functions that the rows of pointwise.def use, for numbers. Included by the pointwise kernel
// sources after backend.h. Not here: their Tensor forms, which are in engine/ops/pointwise.cpp.
#pragma once
namespace imago::IMAGO_BACKEND::pointwise {
using std::atan2, std::rint;

template <class T>
DEVICE inline T select(bool condition, T yes, T no) {
  return condition ? yes : no;
}
template <class T>
DEVICE inline T square(T x) {
  return x * x;
}
template <class T>
DEVICE inline T sign(T x) {
  return T(x > T(0)) - T(x < T(0));
}
template <class T>
DEVICE inline T sigmoid(T x) {
  return T(1) / (T(1) + exp(-x));
}
// factor x^exponent, 0 when factor is.
template <class T>
DEVICE inline T scaled_power(T factor, T x, T exponent) {
  return factor == T(0) ? T(0) : factor * pow(x, exponent);
}

// A row's derivative is written 0: it vanishes identically.
constexpr bool vanishes(const char* text) { return text[0] == '0' && text[1] == '\0'; }

}  // namespace imago::IMAGO_BACKEND::pointwise
