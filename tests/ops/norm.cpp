// Normalisation where a row of op_cases cannot go: data far from zero, the third order, frozen
// weights, errors, and equal bits with any number of threads.
#include "engine/ops/norm.h"

#include <omp.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <string>

#include "engine/ops/ops.h"
#include "tests/errors.h"
#include "tests/ops/devices.h"

namespace imago::test {
namespace {

using Tensors = std::vector<Tensor>;
using Op = std::function<Tensor(const Tensor& x, const Tensor& weight, const Tensor& bias)>;
struct Named {
  const char* name;
  Shape shape;
  Op op;
};
std::vector<Named> norms() {
  const auto batch = [](const Tensor& x, const Tensor& w, const Tensor& b) {
    return ops::batch_norm(x, w, b).y;
  };
  const auto layer = [](const Tensor& x, const Tensor& w, const Tensor& b) {
    return ops::layer_norm(x, w, b);
  };
  const auto group = [](Index groups) {
    return [=](const Tensor& x, const Tensor& w, const Tensor& b) {
      return ops::group_norm(x, groups, w, b);
    };
  };
  return {{"batch", {37, 5}, batch},
          {"layer", {7, 33}, layer},
          {"whole_sample", {2, 5, 3, 6}, group(1)},
          {"group", {2, 5, 3, 6}, group(3)},
          {"instance", {2, 5, 3, 6}, group(6)},
          {"pixel", {2, 5, 3, 6}, [](const Tensor& x, const Tensor&, const Tensor&) {
             return ops::pixel_norm(x);
           }}};
}
Tensor leaf(const Shape& shape, Generator& g, Device device, DType dtype = DType::f64) {
  return ops::randn(shape, g, dtype).to(device).requires_grad_();
}
void append(std::vector<double>& all, const Tensor& t) {
  for (double v : t.values()) all.push_back(v);
}

class NormOn : public OnDevice {};

// The same numbers near zero in float64 are the truth. A sum of squares alone would lose every
// digit of the variance; half a float's last digit at 8192, 5e-4, is what the mean itself must
// lose.
TEST_P(NormOn, FarFromZero) {
  for (const auto& [name, shape, op] : norms()) {
    if (name == std::string("pixel")) continue;  // about zero by its definition
    SCOPED_TRACE(name);
    std::vector<Index> dims = shape.dims();
    for (Index& d : dims) d = d > 6 || dims.size() == 2 ? 31 * d : 3 * d;
    const Shape large(dims);
    std::vector<float> far(std::size_t(large.numel()));
    std::vector<double> near(far.size());
    for (std::size_t i = 0; i < far.size(); i++)
      near[i] = double(i * i % 17) / 8, far[i] = 8192 + float(near[i]);
    const auto got = op(Tensor::from(far, large, device()), {}, {}).values(),
               want = op(Tensor::from(near, large, device()), {}, {}).values();
    for (std::size_t i = 0; i < got.size(); i++) ASSERT_NEAR(got[i], want[i], 2e-3) << i;
  }
}

// Beyond the kernels' orders the composite takes over: a third derivative is that of plain ops.
TEST_P(NormOn, ThirdOrderIsTheComposites) {
  for (const auto& [name, shape, op] : norms()) {
    SCOPED_TRACE(name);
    std::vector<double> all[2];
    for (const bool reference : {false, true}) {
      const bool before = reference_mode();
      set_reference_mode(reference);
      Generator g{5};
      const Tensor x = leaf(shape, g, device()), w = leaf({shape[-1]}, g, device()),
                   b = leaf({shape[-1]}, g, device());
      const Tensor mask = ops::randn(shape, g, DType::f64).to(device());
      const Tensor y = op(x, w, b);
      const bool weights = name != std::string("pixel");
      const Tensors leaves = weights ? Tensors{x, w, b} : Tensors{x};
      const Tensors first = grad({ops::sum(y * y * y * mask)}, leaves, {.create_graph = true});
      Tensor of_first = ops::sum(ops::square(first[0]));
      if (weights) of_first = of_first + ops::sum(first[1] * first[2]);
      const Tensors second = grad({of_first}, leaves, {.create_graph = true});
      Tensor of_second = ops::sum(ops::square(second[0]) * mask);
      if (weights) of_second = of_second + ops::sum(second[1] * ops::tanh(second[1]));
      for (const Tensor& t : grad({of_second}, leaves)) append(all[reference], t);
      set_reference_mode(before);
    }
    ASSERT_EQ(all[0].size(), all[1].size());
    for (std::size_t i = 0; i < all[0].size(); i++)
      ASSERT_NEAR(all[0][i], all[1][i], 1e-9 * (1 + std::fabs(all[1][i]))) << i;
  }
  EXPECT_EQ(live_nodes(), 0);
}

// Every choice of what is wanted gives the values that wanting all gives.
TEST_P(NormOn, GradientsDoNotDependOnWhatElseIsWanted) {
  for (const auto& [name, shape, op] : norms()) {
    if (name == std::string("pixel")) continue;  // x alone
    SCOPED_TRACE(name);
    const auto gradients = [&](int wanted) {
      Generator g{6};
      const Tensor x = leaf(shape, g, device()), w = leaf({shape[-1]}, g, device()),
                   b = leaf({shape[-1]}, g, device());
      const Tensors all{x, w, b};
      Tensors leaves;
      for (int i = 0; i < 3; i++) {
        all[std::size_t(i)].requires_grad_((wanted >> i & 1) != 0);
        if (wanted >> i & 1) leaves.push_back(all[std::size_t(i)]);
      }
      const Tensor y = op(x, w, b);
      const Tensors first = grad({ops::sum(y * y * y)}, leaves, {.create_graph = true});
      const Tensor squares = ops::sum(ops::square(first[0]));
      return std::pair{first, grad({squares}, leaves)};
    };
    const auto whole = gradients(7);
    for (int wanted = 1; wanted < 7; wanted++) {
      const auto some = gradients(wanted);
      for (std::size_t i = 0, k = 0; i < 3; i++) {
        if (!(wanted >> i & 1)) continue;
        const auto a = some.first[k].values(), b = whole.first[i].values();
        for (std::size_t j = 0; j < a.size(); j++)
          ASSERT_NEAR(a[j], b[j], 1e-10 * (1 + std::fabs(b[j]))) << wanted << " input " << i;
        if (wanted & 1) {  // the norm of x's gradient, as in `whole`
          const auto c = some.second[k].values(), d = whole.second[i].values();
          for (std::size_t j = 0; j < c.size(); j++)
            ASSERT_NEAR(c[j], d[j], 1e-10 * (1 + std::fabs(d[j]))) << wanted << " input " << i;
        }
        k++;
      }
    }
  }
}

TEST(NormThreads, SameBitsWithAnyNumber) {
  const int before = omp_get_max_threads();
  for (const auto& [name, shape, op] : norms()) {
    SCOPED_TRACE(name);
    std::vector<Index> dims = shape.dims();
    for (Index& d : dims) d *= dims.size() == 2 ? 41 : 5;
    const Shape large(dims);
    std::vector<std::vector<double>> seen;
    for (int threads : {1, 2, 3, 8}) {
      omp_set_num_threads(threads);
      Generator g{7};
      const Tensor x = leaf(large, g, cpu_device, DType::f32),
                   w = leaf({large[-1]}, g, cpu_device, DType::f32),
                   b = leaf({large[-1]}, g, cpu_device, DType::f32);
      const Tensor y = op(x, w, b);
      const Tensors leaves = name == std::string("pixel") ? Tensors{x} : Tensors{x, w, b};
      const Tensors first = grad({ops::sum(y * y * y)}, leaves, {.create_graph = true});
      std::vector<double> all;
      append(all, y);
      for (const Tensor& t : first) append(all, t);
      for (const Tensor& t : grad({ops::sum(ops::square(first[0]))}, leaves)) append(all, t);
      seen.push_back(std::move(all));
      ASSERT_EQ(std::memcmp(seen[0].data(), seen.back().data(), seen[0].size() * sizeof(double)), 0)
          << threads << " threads";
    }
  }
  omp_set_num_threads(before);
}

TEST(NormErrors, SayWhatWasExpectedAndReceived) {
  const Tensor x = Tensor::zeros({2, 6}), labels = Tensor::zeros({2, 6}, DType::i64),
               w = Tensor::zeros({6}), five = Tensor::zeros({5}),
               wide = Tensor::zeros({6}, DType::f64);
  expect_error(
      [&] {
        ops::batch_norm(Tensor::zeros({0, 3}), {}, {});
      },
      {"[batch_norm]", "at least one row", "[0, 3]"});
  expect_error([&] { ops::batch_norm(x, five, {}); }, {"[batch_norm]", "weight [6]", "[5]"});
  expect_error([&] { ops::batch_norm(x, w, w, five, w); }, {"[batch_norm]", "mean [6]", "[5]"});
  expect_error([&] { ops::batch_norm(x, w, w, w, Tensor()); }, {"[batch_norm]", "var [6]"});
  expect_error([&] { ops::group_norm(x, 4, {}, {}); }, {"[group_norm]", "6 channels", "4"});
  expect_error([&] { ops::group_norm(x, 0, {}, {}); }, {"[group_norm]", "6 channels", "0"});
  expect_error([&] { ops::group_norm(x, 2, {}, wide); },
               {"[group_norm]", "bias [6] float32", "float64"});
  expect_error([&] { ops::layer_norm(labels, {}, {}); }, {"[layer_norm]", "float32", "int64"});
  expect_error([&] { ops::pixel_norm(w); }, {"[pixel_norm]", "[n, ..., channels]", "[6]"});
  expect_error([&] { ops::pixel_norm(Tensor()); }, {"[pixel_norm]", "undefined"});
  expect_error([&] { ops::minibatch_stddev(x, 0); },
               {"[minibatch_stddev]", "at least 1", "received 0"});
}

INSTANTIATE_TEST_SUITE_P(Backends, NormOn, testing::ValuesIn(built_backends()), backend_name);

}  // namespace
}  // namespace imago::test
