// The steps of measures of pairs against plain loops, on every device.
#include "engine/ops/pairs.h"

#include <cmath>

#include "engine/ops/ops.h"
#include "tests/errors.h"
#include "tests/ops/devices.h"

namespace imago::test {
namespace {

Tensor normals(const Shape& shape, std::uint64_t seed, DType dtype = DType::f64) {
  Generator g{seed};
  return ops::randn(shape, g, dtype);
}
Tensor indices(const std::vector<std::int64_t>& v, Device d) {
  return Tensor::from(v, {Index(v.size())}, d);
}

class Pairs : public OnDevice {};
INSTANTIATE_TEST_SUITE_P(, Pairs, testing::ValuesIn(built_backends()), backend_name);

TEST_P(Pairs, KernelSums) {
  struct Size {
    Index rows, cols;
  };
  for (const auto& [rows, cols] : {Size{1, 1}, {7, 13}, {40, 5}, {3, 1031}, {1, 20000}})
    for (const PairKernel kind : {PairKernel::cubic, PairKernel::gaussian, PairKernel::inverse})
      for (const Index skip : {Index(0), Index(-2), Index(3), cols})
        for (const DType dtype : {DType::f64, DType::f32}) {
          Tensor t = normals({rows, cols}, 1, dtype);
          if (kind != PairKernel::cubic) t = ops::square(t);
          const std::vector<double> v = t.values();
          const double scale = .3, weight = 2;
          const Tensor sums = Tensor::full({rows}, 1, dtype, device());
          pairs::add_kernel_sums(sums, t.to(device()), {kind, scale, weight, skip});
          const std::vector<double> got = sums.values();
          for (Index r = 0; r < rows; r++) {
            double want = 0;
            for (Index c = 0; c < cols; c++) {
              if (c == r + skip) continue;
              const double x = scale * v[std::size_t(r * cols + c)];
              want += kind == PairKernel::cubic      ? std::pow(x + 1, 3)
                      : kind == PairKernel::gaussian ? std::exp(-x)
                                                     : 1 / (1 + x);
            }
            EXPECT_NEAR(got[std::size_t(r)], 1 + weight * want,
                        (dtype == DType::f64 ? 1e-12 : 1e-4) * double(cols))
                << rows << " x " << cols << " " << int(kind) << " skips " << skip;
          }
        }
}

TEST_P(Pairs, SquaredDistances) {
  for (const Index d : {Index(1), Index(3), Index(130), Index(1031)})
    for (const DType dtype : {DType::f64, DType::f32}) {
      const Tensor x = normals({5, d}, 2, dtype), y = normals({4, d}, 3, dtype);
      const std::vector<std::int64_t> i{0, 4, 2, 2, 1, 0, 3}, j{0, 3, 1, 2, 0, 3, 3};
      const std::vector<double> a = x.values(), b = y.values(),
                                got = pairs::squared_distances(x.to(device()), y.to(device()),
                                                               indices(i, device()),
                                                               indices(j, device()))
                                          .values();
      for (std::size_t p = 0; p < i.size(); p++) {
        double want = 0;
        for (Index c = 0; c < d; c++)
          want += std::pow(a[std::size_t(i[p] * d + c)] - b[std::size_t(j[p] * d + c)], 2);
        EXPECT_NEAR(got[p], want, 1e-14 * double(d) * want) << d;
      }
      // Alone and the other way round, to the last bit.
      const Tensor one = pairs::squared_distances(y.to(device()), x.to(device()),
                                                  indices({3}, device()), indices({4}, device()));
      EXPECT_EQ(one.item(), got[1]) << d;
    }
}

TEST_P(Pairs, SinkhornSteps) {
  const Index n = 6, m = 301;
  for (const DType dtype : {DType::f64, DType::f32})
    for (const double epsilon : {1., .05}) {
      const Tensor cost = ops::square(normals({n, m}, 4, dtype)), f = normals({n}, 5, dtype) - 4,
                   g = normals({m}, 6, dtype);
      const std::vector<double> c = cost.values(), u = f.values(), v = g.values();
      const std::vector<double> soft =
          pairs::soft_min(cost.to(device()), g.to(device()), epsilon).values();
      const std::vector<double> plan =
          pairs::plan_cost(cost.to(device()), f.to(device()), g.to(device()), epsilon).values();
      for (std::size_t r = 0; r < std::size_t(n); r++) {
        double sum = 0, work = 0;
        for (std::size_t k = 0; k < std::size_t(m); k++) {
          const double rest = v[k] - c[r * std::size_t(m) + k];
          sum += std::exp(rest / epsilon) / double(m);
          work += c[r * std::size_t(m) + k] * std::exp((u[r] + rest) / epsilon) / double(m);
        }
        const double near = dtype == DType::f64 ? 1e-12 : 1e-4;
        EXPECT_NEAR(soft[r], -epsilon * std::log(sum), near * 10);
        EXPECT_NEAR(plan[r], work, near * (1 + work));
      }
      // In the log domain nothing overflows.
      const double far =
          pairs::soft_min(cost.to(device()) + 1e5, g.to(device()), epsilon).values()[0];
      EXPECT_NEAR(far, soft[0] + 1e5, dtype == DType::f64 ? 1e-8 : .1);
    }
}

TEST(PairSteps, Refusals) {
  const Tensor t = normals({3, 4}, 7), r = normals({3}, 8), i = indices({0, 1}, {});
  expect_error(
      [&] {
        pairs::add_kernel_sums(normals({4}, 1), t, {PairKernel::cubic, 1, 1, 0});
      },
      {"[rows, cols]", "[4] and [3, 4]"});
  expect_error(
      [&] {
        pairs::squared_distances(t, normals({3, 5}, 1), i, i);
      },
      {"[3, 4] and [3, 5]"});
  expect_error([&] { pairs::squared_distances(t, t, i, indices({0}, {})); }, {"[2] and [1]"});
  expect_error([&] { pairs::soft_min(t, r, 1); }, {"[n, m]", "[3, 4] and [3]"});
  expect_error([&] { pairs::plan_cost(t, normals({4}, 1), normals({4}, 1), 1); },
               {"[3, 4] and [4]"});
}

}  // namespace
}  // namespace imago::test
