// The Frechet distance against 50 digits and against other tools' values of the same features
// (make_golden_measures_frechet.py).
#include "models/measures/frechet.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/io/safetensors.h"

namespace imago::models {
namespace {

const io::SafeTensors& golden() {
  static const auto file = io::read_safetensors(IMAGO_GOLDEN "/measures_frechet.safetensors");
  return file;
}
Tensor tensor(const std::string& name) { return io::to_tensor(golden().tensors.at(name)); }
double trace(const Moments& m) {
  double t = 0;
  for (Index i = 0; i < m.mean.numel(); i++)
    t += m.covariance.data<double>()[i * (m.mean.numel() + 1)];
  return t;
}
Moments moments(const Tensor& x, const MomentOptions& options = {}) {
  MomentSum s(x.size(1), "features", options);
  s.add(x);
  return s.moments();
}
const std::vector<std::string>& cases() {
  static const std::vector<std::string> all{"well",      "ill",     "singular", "few",
                                            "identical", "shifted", "one"};
  return all;
}

TEST(GoldenFrechet, IsTheOracle) {
  for (const std::string& name : cases()) {
    const Moments a = moments(tensor(name + ".x")), b = moments(tensor(name + ".y"));
    const double traces = trace(a) + trace(b), expected = tensor(name + ".oracle").item();
    EXPECT_NEAR(frechet_distance(a, b).distance, expected, 1e-12 * (traces + expected)) << name;
    // The iteration falls back, or is as good as it says.
    const Frechet f = frechet_distance(a, b, {.trace = TraceRoot::products});
    EXPECT_NEAR(f.distance, expected, 1e-8 * traces) << name << ", " << f.method;
  }
}
// Where the tools are right, theirs is ours; elsewhere all are within their error of the oracle.
TEST(GoldenFrechet, IsTheTools) {
  int compared = 0;
  for (const std::string& name : cases())
    for (const FrechetTool& tool : frechet_tools()) {
      if (!golden().tensors.count(name + "." + tool.name)) continue;
      const Tensor x = tensor(name + ".x"), y = tensor(name + ".y");
      MomentOptions options = tool.moments;
      options.float32_mean = options.float32_mean && x.dtype() == DType::f32;
      const Moments a = moments(x, options), b = moments(y, options);
      const double expected = tensor(name + "." + tool.name).item(),
                   found = frechet_distance(a, b, tool.distance).distance;
      const bool right = name == "well" || name == "shifted";
      // float32 sums of the square of the means' difference differ in their order.
      const double tolerance = tool.distance.float32_mean ? 1e-7 : 1e-12;
      EXPECT_NEAR(found, expected, right ? tolerance * expected : 1e-6 * (trace(a) + trace(b)))
          << name << ", " << tool.name;
      compared++;
    }
  EXPECT_EQ(compared, 6 * 4);
}
TEST(GoldenFrechet, MomentsAreNumPys) {
  for (const std::string& name : cases()) {
    if (!golden().tensors.count(name + ".sigma")) continue;
    const Tensor x = tensor(name + ".x");
    const std::vector<double> mean = moments(x, {.float32_mean = true}).mean.values(),
                              mean32 = tensor(name + ".mean32").values();
    EXPECT_EQ(mean, mean32) << name;
    const Moments m = moments(x);
    const std::vector<double> c = m.covariance.values(), sigma = tensor(name + ".sigma").values();
    for (std::size_t i = 0; i < c.size(); i++)
      EXPECT_NEAR(c[i], sigma[i], 1e-14 * trace(m)) << name;
  }
}

}  // namespace
}  // namespace imago::models
