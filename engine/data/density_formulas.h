// The formulas of the unnormalised densities, for any type of number: double, a number with its
// derivatives, Tensor. For engine/data/densities.cpp and models/densities.cpp, which provide the
// functions of the type: exp, sin, sqrt, relu, abs, sigmoid, softplus.
#pragma once
#include <string>

namespace imago::data::formulas {

template <class T>
T square_of(const T& x) {
  return x * x;
}
// log(e^a + e^b).
template <class T>
T log_add(const T& a, const T& b) {
  return a + softplus(b - a);
}
// Both coordinates beyond +-4 are held back where a formula alone could not be normalised.
template <class T>
T held(const T& x) {
  return square_of(relu(abs(x) - 4.) * 2.5) * -.5;
}
template <class T>
T wave(const T& x) {
  return sin(x * 1.5707963267948966);
}

// log N(x2; x1^2 - 1, 0.5^2) + log N(x1; 0, 1), up to a constant.
template <class T>
T banana(const T& x, const T& y) {
  return square_of(x) * -.5 + square_of(y - square_of(x) + 1.) * -2.;
}
template <class T>
T radius(const T& x, const T& y) {
  return sqrt(square_of(x) + square_of(y) + 1e-12);
}
template <class T>
T ring(const T& x, const T& y) {
  return square_of((radius(x, y) - 2.) * 4.) * -.5;
}
template <class T>
T well(const T& x) {
  return square_of(square_of(x) - 1.) * -2.;
}
template <class T>
T two_wells(const T& x, const T& y) {
  return well(x) + square_of(y * 2.) * -.5;
}
template <class T>
T four_wells(const T& x, const T& y) {
  return well(x) + well(y);
}
// Means -2, 0, 2 of deviation 0.4.
template <class T>
T three_modes(const T& x) {
  const auto mode = [&](double mean) { return square_of((x - mean) * 2.5) * -.5; };
  return log_add(log_add(mode(-2), mode(0)), mode(2));
}
template <class T>
T grid9(const T& x, const T& y) {
  return three_modes(x) + three_modes(y);
}

// The four potentials of Rezende and Mohamed 2015, table 1. The last three stand on the strip
// |x| <= 4 that their figures show.
template <class T>
T u1(const T& x, const T& y) {
  return square_of((radius(x, y) - 2.) / .4) * -.5 +
         log_add(square_of((x - 2.) / .6) * -.5, square_of((x + 2.) / .6) * -.5);
}
template <class T>
T u2(const T& x, const T& y) {
  return square_of((y - wave(x)) / .4) * -.5 + held(x);
}
template <class T>
T u3(const T& x, const T& y) {
  const T first = y - wave(x), dip = exp(square_of((x - 1.) / .6) * -.5) * 3.;
  return log_add(square_of(first / .35) * -.5, square_of((first + dip) / .35) * -.5) + held(x);
}
template <class T>
T u4(const T& x, const T& y) {
  const T first = y - wave(x), drop = sigmoid((x - 1.) / .3) * 3.;
  return log_add(square_of(first / .4) * -.5, square_of((first + drop) / .35) * -.5) + held(x);
}

// f(formula) with the formula of a name; false where there is none.
template <class T, class F>
bool with_formula(const std::string& name, F f) {
  struct Row {
    const char* name;
    T (*formula)(const T&, const T&);
  };
  for (const Row& r : {Row{"banana", banana<T>},
                       {"ring", ring<T>},
                       {"two-wells", two_wells<T>},
                       {"four-wells", four_wells<T>},
                       {"grid9", grid9<T>},
                       {"u1", u1<T>},
                       {"u2", u2<T>},
                       {"u3", u3<T>},
                       {"u4", u4<T>}})
    if (name == r.name) return f(r.formula), true;
  return false;
}

}  // namespace imago::data::formulas
