// Rows of the elementwise ops. References are plain loops over std:: functions in double.
#include <cmath>

#include "tests/op_cases/op_case.h"

namespace imago::test {
namespace {

struct UnaryCase {
  const char* op;
  std::function<Tensor(const Tensor&)> forward;
  std::function<double(double)> reference;
  double low = -2, high = 2;
  std::vector<double> avoid = {};
  bool gradient = true;
  const char* prefix = "";
};

double logistic(double x) { return 1 / (1 + std::exp(-x)); }
double heaviside(double x) { return x > 0 ? 1 : 0; }

std::vector<UnaryCase> unary_cases() {
  using namespace ops;
  return {
      {"affine", [](const Tensor& x) { return affine(x, -1.5, .25); },
       [](double x) { return .25 - 1.5 * x; }},
      {"neg", neg, [](double x) { return -x; }},
      {"square", square, [](double x) { return std::pow(x, 2); }},
      {"sqrt", ops::sqrt, [](double x) { return std::sqrt(x); }, .2, 4},
      {"rsqrt", rsqrt, [](double x) { return std::pow(x, -.5); }, .2, 4},
      {"reciprocal", reciprocal, [](double x) { return std::pow(x, -1); }, .3, 3},
      {"reciprocal",
       reciprocal,
       [](double x) { return std::pow(x, -1); },
       -3,
       -.3,
       {},
       true,
       "negative_"},
      {"pow_scalar", [](const Tensor& x) { return pow_scalar(x, 2.5); },
       [](double x) { return std::pow(x, 2.5); }, .2, 3},
      {"pow_scalar",
       [](const Tensor& x) { return pow_scalar(x, 3); },
       [](double x) { return x * x * x; },
       -2,
       2,
       {},
       true,
       "cube_"},
      {"pow_scalar",
       [](const Tensor& x) { return pow_scalar(x, -1); },
       [](double x) { return 1 / x; },
       .3,
       3,
       {},
       true,
       "inverse_"},
      {"exp", ops::exp, [](double x) { return std::exp(x); }},
      {"expm1", ops::expm1, [](double x) { return std::expm1(x); }},
      {"log", ops::log, [](double x) { return std::log(x); }, .2, 4},
      {"log1p", ops::log1p, [](double x) { return std::log1p(x); }, -.7, 3},
      {"sin", ops::sin, [](double x) { return std::sin(x); }, -6, 6},
      {"cos", ops::cos, [](double x) { return std::cos(x); }, -6, 6},
      {"tan", ops::tan, [](double x) { return std::tan(x); }, -1.2, 1.2},
      {"tanh", ops::tanh, [](double x) { return std::tanh(x); }},
      {"erf", ops::erf, [](double x) { return std::erf(x); }},
      {"sigmoid", sigmoid, logistic, -6, 6},
      {"softplus", softplus, [](double x) { return std::log(1 + std::exp(x)); }, -6, 6},
      {"logsigmoid", logsigmoid, [](double x) { return std::log(logistic(x)); }, -6, 6},
      {"silu", silu, [](double x) { return x * logistic(x); }, -6, 6},
      {"gelu", gelu, [](double x) { return x * std::erfc(-x / std::sqrt(2.)) / 2; }, -4, 4},
      {"elu",
       [](const Tensor& x) { return elu(x, .7); },
       [](double x) { return x > 0 ? x : .7 * (std::exp(x) - 1); },
       -3,
       3,
       {0}},
      {"relu", relu, [](double x) { return heaviside(x) * x; }, -2, 2, {0}},
      {"leaky_relu",
       [](const Tensor& x) { return leaky_relu(x, .2); },
       [](double x) { return x > 0 ? x : x / 5; },
       -2,
       2,
       {0}},
      {"abs", ops::abs, [](double x) { return std::fabs(x); }, -2, 2, {0}},
      {"clamp",
       [](const Tensor& x) { return clamp(x, -.5, .75); },
       [](double x) { return std::min(.75, std::max(-.5, x)); },
       -2,
       2,
       {-.5, .75}},
      {"sign", sign, [](double x) { return heaviside(x) - heaviside(-x); }, -2, 2, {0}, false},
      {"step", step, heaviside, -2, 2, {0}, false},
      {"floor", ops::floor, [](double x) { return std::floor(x); }, -4, 4, {}, false},
      {"ceil", ops::ceil, [](double x) { return std::ceil(x); }, -4, 4, {}, false},
      {"round", ops::round, [](double x) { return std::nearbyint(x); }, -4, 4, {}, false},
  };
}

void add_unary(std::vector<OpCase>& rows) {
  const std::vector<std::pair<const char*, Shape>> shapes = {
      {"scalar", {}},    {"one", {1}},          {"prime", {7}},
      {"empty", {0, 3}}, {"matrix", {33, 301}}, {"rank5", {2, 3, 1, 4, 2}}};
  for (const UnaryCase& u : unary_cases())
    for (const auto& [name, shape] : shapes) {
      OpCase c;
      c.op = u.op;
      c.name = std::string(u.prefix) + name;
      c.inputs = {{shape, u.low, u.high, u.avoid}};
      c.forward = [f = u.forward](const Tensors& in) { return Tensors{f(in[0])}; };
      c.reference = [f = u.reference](const Arrays& in) {
        Array y = in[0];
        for (double& x : y.v) x = f(x);
        return Arrays{y};
      };
      c.gradient = u.gradient;
      if (c.name == "matrix") {
        c.bench = {{{4096, 1024}, u.low, u.high}};
        c.bench_bytes = 2 * 4. * 4096 * 1024;
      }
      rows.push_back(std::move(c));
    }
}

// The element of a that broadcasts to place i of shape.
double at(const Array& a, const Shape& shape, Index i) {
  Index offset = 0, step = 1;
  for (int d = 1; d <= shape.rank(); d++) {
    const Index k = i % shape[-d];
    i /= shape[-d];
    if (d > a.shape.rank()) continue;
    if (a.shape[-d] != 1) offset += k * step;
    step *= a.shape[-d];
  }
  return a[offset];
}

struct Pattern {
  const char* name;
  Shape a, b, out;
};
const std::vector<Pattern>& patterns() {
  static const std::vector<Pattern> all = {
      {"scalars", {}, {}, {}},
      {"one", {1}, {1}, {1}},
      {"prime", {13}, {13}, {13}},
      {"matrix", {33, 301}, {33, 301}, {33, 301}},
      {"scalar_left", {}, {5, 7}, {5, 7}},
      {"scalar_right", {5, 7}, {}, {5, 7}},
      {"one_right", {5, 7}, {1, 1, 1}, {1, 5, 7}},
      {"row", {33, 301}, {301}, {33, 301}},
      {"row_left", {301}, {33, 301}, {33, 301}},
      {"column", {33, 301}, {33, 1}, {33, 301}},
      {"column_left", {33, 1}, {33, 301}, {33, 301}},
      {"long_column", {2, 9001}, {2, 1}, {2, 9001}},
      {"outer", {7, 1}, {1, 5}, {7, 5}},
      {"middle", {3, 1, 5}, {3, 4, 5}, {3, 4, 5}},
      {"channels", {2, 5, 7, 3}, {3}, {2, 5, 7, 3}},
      {"images", {2, 5, 7, 3}, {2, 1, 1, 3}, {2, 5, 7, 3}},
      {"many_channels", {1500, 3}, {3}, {1500, 3}},
      {"many_channels_left", {1, 7}, {400, 7}, {400, 7}},
      {"rank5", {2, 1, 3, 1, 2}, {1, 4, 1, 5, 2}, {2, 4, 3, 5, 2}},
      {"rank8", {2, 1, 2, 1, 2, 1, 2, 1}, {1, 2, 1, 2, 1, 2, 1, 2}, {2, 2, 2, 2, 2, 2, 2, 2}},
      {"empty_rows", {0, 5}, {5}, {0, 5}},
      {"empty_columns", {3, 0}, {1, 1}, {3, 0}},
  };
  return all;
}

struct BinaryCase {
  const char* op;
  Tensor (*forward)(const Tensor&, const Tensor&);
  std::function<double(double, double)> reference;
  Input a = {}, b = {};
  bool gradient = true;
};

std::vector<BinaryCase> binary_cases() {
  using namespace ops;
  const Input any{{}}, positive{{}, .3, 2.5}, whole{{}, -3, 4, {}, true},
      between{{}, -2.9, 2.9, {-3, -2, -1, 0, 1, 2, 3}};
  const Input few{{}, -2, 3, {}, true};  // small integers: equal ones occur
  return {
      {"add", add, [](double a, double b) { return a + b; }, any, any},
      {"sub", sub, [](double a, double b) { return a - b; }, any, any},
      {"mul", mul, [](double a, double b) { return a * b; }, any, any},
      {"div", ops::div, [](double a, double b) { return a / b; }, any, {{}, .5, 2.5}},
      {"pow", ops::pow, [](double a, double b) { return std::pow(a, b); }, positive, any},
      {"atan2", ops::atan2, [](double a, double b) { return std::atan2(a, b); }, any, positive},
      {"maximum", maximum, [](double a, double b) { return std::max(a, b); }, whole, between},
      {"minimum", minimum, [](double a, double b) { return std::min(a, b); }, between, whole},
      {"greater", greater, [](double a, double b) { return a > b; }, few, few, false},
      {"greater_equal", greater_equal, [](double a, double b) { return a >= b; }, few, few, false},
      {"less", less, [](double a, double b) { return a < b; }, few, few, false},
      {"less_equal", less_equal, [](double a, double b) { return a <= b; }, few, few, false},
      {"equal", equal, [](double a, double b) { return a == b; }, few, few, false},
      {"not_equal", not_equal, [](double a, double b) { return a != b; }, few, few, false},
  };
}

Input shaped(Input i, const Shape& s) {
  i.shape = s;
  return i;
}

void add_binary(std::vector<OpCase>& rows) {
  for (const BinaryCase& u : binary_cases())
    for (const Pattern& p : patterns()) {
      OpCase c;
      c.op = u.op;
      c.name = p.name;
      c.inputs = {shaped(u.a, p.a), shaped(u.b, p.b)};
      c.forward = [f = u.forward](const Tensors& in) { return Tensors{f(in[0], in[1])}; };
      c.reference = [f = u.reference, shape = p.out](const Arrays& in) {
        Array y = zeros(shape);
        for (Index i = 0; i < shape.numel(); i++)
          y[i] = f(at(in[0], shape, i), at(in[1], shape, i));
        return Arrays{y};
      };
      c.gradient = u.gradient;
      if (c.name == "matrix") {
        c.bench = {shaped(u.a, {4096, 1024}), shaped(u.b, {4096, 1024})};
        c.bench_bytes = 3 * 4. * 4096 * 1024;
      } else if (c.name == "row") {
        c.bench = {shaped(u.a, {4096, 1024}), shaped(u.b, {1024})};
        c.bench_bytes = 2 * 4. * 4096 * 1024;
      }
      rows.push_back(std::move(c));
    }
}

void add_where(std::vector<OpCase>& rows) {
  struct Row {
    const char* name;
    Shape condition, a, b, out;
  };
  const std::vector<Row> shapes = {
      {"scalars", {}, {}, {}, {}},
      {"matrix", {33, 301}, {33, 301}, {33, 301}, {33, 301}},
      {"mask_row", {301}, {33, 301}, {33, 301}, {33, 301}},
      {"mask_column", {33, 1}, {33, 301}, {301}, {33, 301}},
      {"scalar_branches", {5, 7}, {}, {}, {5, 7}},
      {"scalar_yes", {5, 7}, {}, {5, 7}, {5, 7}},
      {"scalar_no", {5, 7}, {5, 7}, {1}, {5, 7}},
      {"scalar_mask", {}, {7}, {5, 1}, {5, 7}},
      {"rank5", {2, 1, 3, 1, 2}, {1, 4, 1, 5, 1}, {4, 1, 5, 2}, {2, 4, 3, 5, 2}},
      {"empty", {0, 5}, {5}, {}, {0, 5}},
  };
  for (const Row& r : shapes)
    for (const bool bytes : {false, true}) {
      OpCase c;
      c.op = "where";
      c.name = std::string(r.name) + (bytes ? "_uint8" : "");
      Input mask{r.condition, -1, 2, {}, true, false};
      if (bytes) mask.low = 0, mask.fixed_dtype = true, mask.dtype = DType::u8;
      c.inputs = {mask, {r.a}, {r.b}};
      c.forward = [](const Tensors& in) { return Tensors{ops::where(in[0], in[1], in[2])}; };
      c.reference = [shape = r.out](const Arrays& in) {
        Array y = zeros(shape);
        for (Index i = 0; i < shape.numel(); i++)
          y[i] = at(in[0], shape, i) != 0 ? at(in[1], shape, i) : at(in[2], shape, i);
        return Arrays{y};
      };
      if (c.name == "matrix") {
        c.bench = {{{4096, 1024}, 0, 2, {}, true, false}, {{4096, 1024}}, {{4096, 1024}}};
        c.bench_bytes = 4 * 4. * 4096 * 1024;
      }
      rows.push_back(std::move(c));
    }
}

Input of_dtype(DType t, Shape s, double low, double high) {
  return {std::move(s), low, high, {}, true, false, true, t};
}

void add_conversions(std::vector<OpCase>& rows) {
  const auto same = [](const Arrays& in) { return in; };
  const auto truncated = [](const Arrays& in) {
    Array y = in[0];
    for (double& x : y.v) x = std::trunc(x);
    return Arrays{y};
  };
  const auto to_type = [](DType t) {
    return [t](const Tensors& in) { return Tensors{ops::cast(in[0], t)}; };
  };
  OpCase c;
  c.op = "cast";
  for (const Shape& s : {Shape{}, Shape{0}, Shape{33, 301}}) {
    const std::string size = s.rank() == 0 ? "_scalar" : s.rank() == 1 ? "_empty" : "";
    rows.push_back({"cast", "widen" + size, {{s}}, to_type(DType::f64), same});
    rows.push_back({"cast",
                    "there_and_back" + size,
                    {{s}},
                    [](const Tensors& in) {
                      return Tensors{ops::cast(ops::cast(in[0], DType::f64), in[0].dtype())};
                    },
                    same});
    for (const DType t : {DType::f32, DType::f64, DType::i64, DType::u8}) {
      const std::string target = std::string("_to_") + name(t) + size;
      if (t != DType::i64) {
        c.name = "int64" + target,
        c.inputs = {of_dtype(DType::i64, s, t == DType::u8 ? 0 : -1000, 255)};
        c.forward = to_type(t), c.reference = same, c.gradient = false;
        rows.push_back(c);
      }
      if (t != DType::u8) {
        c.name = "uint8" + target, c.inputs = {of_dtype(DType::u8, s, 0, 256)};
        c.forward = to_type(t), c.reference = same, c.gradient = false;
        rows.push_back(c);
      }
      if (!is_floating(t)) {
        c.name = "truncate" + target, c.inputs = {{s, t == DType::u8 ? 0. : -1000., 255}};
        c.forward = to_type(t), c.reference = truncated, c.gradient = false;
        rows.push_back(c);
      }
    }
    rows.push_back({"to",
                    "host_and_back" + size,
                    {{s}},
                    [](const Tensors& in) {
                      return Tensors{ops::to(ops::to(in[0], cpu_device), in[0].device())};
                    },
                    same});
  }
}

}  // namespace

void add_pointwise_cases(std::vector<OpCase>& rows) {
  add_unary(rows);
  add_binary(rows);
  add_where(rows);
  add_conversions(rows);
}

}  // namespace imago::test
