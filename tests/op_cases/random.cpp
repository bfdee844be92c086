// Rows of the draws. The reference is Philox4x32-10 written out from the paper (Salmon et al. 2011)
// and the textbook Box-Muller transform in double.
#include <cmath>

#include "tests/op_cases/op_case.h"

namespace imago::test {
namespace {

constexpr std::uint64_t seed = 0x123456789abcdef0u, start = (std::uint64_t(1) << 32) - 3;

// Word i of the draw at block `start` + i / 4. The counter crosses 32 bits early on.
std::uint32_t word(Index i) {
  const std::uint64_t counter = start + std::uint64_t(i / 4);
  std::uint32_t x[4] = {std::uint32_t(counter), std::uint32_t(counter >> 32), 0, 0};
  std::uint32_t key[2] = {std::uint32_t(seed), std::uint32_t(seed >> 32)};
  for (int round = 0; round < 10; round++) {
    const std::uint64_t a = 0xD2511F53ull * x[0], b = 0xCD9E8D57ull * x[2];
    const std::uint32_t y[4] = {std::uint32_t(b >> 32) ^ x[1] ^ key[0], std::uint32_t(b),
                                std::uint32_t(a >> 32) ^ x[3] ^ key[1], std::uint32_t(a)};
    for (int k = 0; k < 4; k++) x[k] = y[k];
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return x[i % 4];
}
double uniform(Index i) { return double(word(i) >> 8) / (1 << 24); }
double normal(Index i) {
  const Index pair = i / 2 * 2;
  const double u = (double(word(pair)) + .5) / 4294967296.,
               t = (double(word(pair + 1)) + .5) / 4294967296., pi = std::acos(-1.);
  return std::sqrt(-2 * std::log(u)) * (i % 2 ? std::cos(2 * pi * t) : std::sin(2 * pi * t));
}
Generator generator() { return {seed, start}; }

// A draw has no input; this one says the shape, where and in which dtype to draw.
template <class F>
OpCase draw_case(const std::string& op, const Shape& shape, F draw, double (*element)(Index)) {
  OpCase c;
  c.op = op;
  c.name = shape.numel() ? concat("of_", shape.numel()) : std::string("empty");
  c.inputs = {constant(shape)};
  c.forward = [=](const Tensors& x) {
    Generator g = generator();
    const Tensor y = draw(x[0].shape(), g, x[0].dtype(), x[0].device());
    if (g.offset != start + std::uint64_t((y.numel() + 3) / 4))
      throw std::logic_error("a draw advanced its generator by the wrong count");
    return Tensors{y};
  };
  c.reference = [=](const Arrays& x) {
    Array y = zeros(x[0].shape);
    for (Index i = 0; i < y.shape.numel(); i++) y[i] = element(i);
    return Arrays{y};
  };
  c.gradient = false;
  return c;
}

OpCase dropout_case(const std::string& name, const Shape& shape, double p) {
  OpCase c;
  c.op = "dropout";
  c.name = name;
  c.inputs = {{shape}};
  c.forward = [p](const Tensors& x) {
    Generator g = generator();
    return Tensors{ops::dropout(x[0], p, g)};
  };
  c.reference = [p](const Arrays& x) {
    Array y = zeros(x[0].shape);
    for (Index i = 0; i < y.shape.numel(); i++)
      if (uniform(i) < double(float(1 - p))) y[i] = x[0][i] / (1 - p);
    return Arrays{y};
  };
  return c;
}

}  // namespace

void add_random_cases(std::vector<OpCase>& rows) {
  constexpr Index full = 128 * 784;
  const std::vector<Shape> shapes = {{1}, {7}, {3, 11}, {131, 17}, {0, 3}};
  for (const Shape& s : shapes) {
    rows.push_back(draw_case("randn", s, ops::randn, normal));
    // The noise itself is made in float: sqrt(-2 ln u) to 4e-7.
    rows.back().tolerance = rows.back().tolerance64 = 1e-6;
    rows.push_back(draw_case("rand", s, ops::rand, uniform));
    rows.back().tolerance = rows.back().tolerance64 = 0;
    if (s == shapes[1])
      for (OpCase* c : {&rows.back(), &rows[rows.size() - 2]}) {
        c->bench = {constant({full})};
        c->bench_bytes = 4. * full;
      }

    OpCase c;
    c.op = "bernoulli";
    c.name = s.numel() ? concat("of_", s.numel()) : std::string("empty");
    c.inputs = {{s, 0, 1}};
    c.forward = [](const Tensors& x) {
      Generator g = generator();
      return Tensors{ops::bernoulli(x[0], g)};
    };
    c.reference = [](const Arrays& x) {
      Array y = zeros(x[0].shape);
      for (Index i = 0; i < y.shape.numel(); i++) y[i] = uniform(i) < x[0][i];
      return Arrays{y};
    };
    c.gradient = false;
    c.tolerance = c.tolerance64 = 0;
    if (s == shapes[1]) {
      c.bench = {{Shape{full}, 0, 1}};
      c.bench_bytes = 8. * full;
    }
    rows.push_back(std::move(c));
  }
  OpCase edge = rows.back();  // never and always
  edge.name = "certain";
  edge.inputs = {{Shape{64}, 0, 2, {}, true}};
  rows.push_back(std::move(edge));

  rows.push_back(dropout_case("one", {1}, .5));
  rows.push_back(dropout_case("prime", {7, 5}, .3));
  rows.back().bench = {{Shape{128, 784}}};
  rows.back().bench_bytes = 8. * full;
  rows.push_back(dropout_case("tiles", {13, 101}, .1));
  rows.push_back(dropout_case("none_dropped", {3, 5}, 0));
  rows.push_back(dropout_case("all_dropped", {3, 5}, 1));
  rows.push_back(dropout_case("empty", {0, 5}, .5));
}

}  // namespace imago::test
