// Turns every row of op_cases() into one test a device: reference, gradient, gradient of the
// gradient, composite, thread orders. And the coverage test: every op the library exports has a
// row.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>

#include "kernels/runtime.h"
#include "tests/op_cases/op_case.h"

namespace imago::test {
namespace {

// As in PyTorch's gradcheck.
constexpr double kEps = 1e-6, kAbsolute = 1e-5, kRelative = 1e-3;
constexpr Index kFull = 64;  // inputs with no more elements are checked coordinate by coordinate

class OpTest : public testing::Test {
 public:
  OpTest(const OpCase& c, Device device) : case_(c), device_(device), rng_(12345) {}
  void TestBody() override {
    if (runtime::device_count(device_.backend) == 0)
      GTEST_SKIP() << "no " << name(device_) << " device";
    for (const Input& i : case_.inputs) host_.push_back(filled(i));
    forward_equals_reference(DType::f32, case_.tolerance);
    forward_equals_reference(DType::f64, case_.tolerance64);
    if (HasFatalFailure()) return;
    composite_equals_fused();
    if (device_.backend == Backend::emulated) thread_orders_agree();
    if (!case_.gradient) return no_graph();
    gradient_equals_differences();
    if (device_ != cpu_device) gradient_equals_cpu();
    if (case_.second) second_gradient_equals_differences();
    host_.clear();
    EXPECT_EQ(live_nodes(), 0) << "graph nodes leak";
  }

 private:
  double draw(const Input& in) {
    std::uniform_real_distribution<double> u(in.low, in.high);
    for (;;) {
      const double x = float(in.whole ? std::floor(u(rng_)) : u(rng_));
      if (std::none_of(in.avoid.begin(), in.avoid.end(),
                       [&](double a) { return std::fabs(x - a) < 0.05; }))
        return x;
    }
  }
  Array filled(const Input& in) {
    Array a = zeros(in.shape);
    for (double& x : a.v) x = draw(in);
    return a;
  }
  Array random_like(const Shape& s) {
    Array a = zeros(s);
    std::normal_distribution<double> n;
    for (double& x : a.v) x = n(rng_);
    return a;
  }
  Tensor tensor(const Array& a, DType t, Device d) const {
    switch (t) {
      case DType::f32: return Tensor::from(std::vector<float>(a.v.begin(), a.v.end()), a.shape, d);
      case DType::f64: return Tensor::from(a.v, a.shape, d);
      case DType::i64:
        return Tensor::from(std::vector<std::int64_t>(a.v.begin(), a.v.end()), a.shape, d);
      case DType::u8:
        return Tensor::from(std::vector<std::uint8_t>(a.v.begin(), a.v.end()), a.shape, d);
    }
    return {};
  }
  Tensors tensors(DType t, bool leaves, Device d) const {
    Tensors in;
    for (std::size_t i = 0; i < host_.size(); i++) {
      const Input& spec = case_.inputs[i];
      in.push_back(tensor(host_[i], spec.fixed_dtype ? spec.dtype : t, d));
      if (leaves && spec.differentiable) in.back().requires_grad_();
    }
    return in;
  }
  Tensors tensors(DType t, bool leaves) const { return tensors(t, leaves, device_); }
  static bool close(double a, double b, double tolerance) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
    if (std::isinf(a) || std::isinf(b)) return a == b;
    return std::fabs(a - b) <= tolerance * (1 + std::fabs(b));
  }
  static void expect_close(const char* what, const std::vector<double>& got,
                           const std::vector<double>& want, double tolerance) {
    ASSERT_EQ(got.size(), want.size()) << what;
    std::size_t bad = 0, first = 0;
    for (std::size_t i = 0; i < got.size(); i++)
      if (!close(got[i], want[i], tolerance) && !bad++) first = i;
    EXPECT_EQ(bad, 0u) << what << ": " << bad << " of " << got.size() << " differ, first at "
                       << first << ": got " << got[first] << ", want " << want[first]
                       << ", tolerance " << tolerance;
  }

  void forward_equals_reference(DType t, double tolerance) {
    const Tensors in = tensors(t, false);
    const Tensors out = case_.forward(in);
    const Arrays want = case_.reference(host_);
    ASSERT_EQ(out.size(), want.size()) << "number of outputs";
    for (std::size_t k = 0; k < out.size(); k++) {
      ASSERT_EQ(out[k].shape(), want[k].shape) << "output " << k;
      EXPECT_EQ(out[k].device(), device_);
      expect_close(name(t), out[k].values(), want[k].v, tolerance);
    }
  }
  // Outputs and first gradients, flattened, with unit-free random weights.
  std::vector<double> everything(DType t, Device d) {
    rng_.seed(99);
    const Tensors in = tensors(t, case_.gradient, d);
    const Tensors out = case_.forward(in);
    std::vector<double> all;
    for (const Tensor& o : out)
      for (double x : o.values()) all.push_back(x);
    if (!case_.gradient) return all;
    Tensors leaves;
    for (const Tensor& x : in)
      if (x.requires_grad()) leaves.push_back(x);
    for (const Tensor& g : grad(out, leaves, {.grad_outputs = weights(out)}))
      for (double x : g.values()) all.push_back(x);
    return all;
  }
  Tensors weights(const Tensors& out) {
    Tensors w;
    for (const Tensor& o : out) w.push_back(tensor(random_like(o.shape()), o.dtype(), o.device()));
    return w;
  }
  void composite_equals_fused() {
    const std::vector<double> fused = everything(DType::f64, device_);
    const bool before = reference_mode();
    set_reference_mode(true);
    const std::vector<double> composite = everything(DType::f64, device_);
    set_reference_mode(before);
    expect_close("composite", composite, fused, 1e-10);
  }
  void gradient_equals_cpu() {
    expect_close("cpu", everything(DType::f64, device_), everything(DType::f64, cpu_device), 1e-10);
  }
  void thread_orders_agree() {
    setenv("IMAGO_SIMT_ORDER", "0", 1);
    const std::vector<double> first = everything(DType::f32, device_);
    for (const char* order : {"1", "7"}) {
      setenv("IMAGO_SIMT_ORDER", order, 1);
      const std::vector<double> again = everything(DType::f32, device_);
      for (std::size_t i = 0; i < first.size(); i++)
        ASSERT_TRUE(first[i] == again[i] || (std::isnan(first[i]) && std::isnan(again[i])))
            << "thread order " << order << " changes the result";
    }
    unsetenv("IMAGO_SIMT_ORDER");
  }
  // An op whose derivative is identically zero records nothing, so that what it cuts off is
  // unreachable.
  void no_graph() {
    Tensors in = tensors(DType::f64, false);
    for (const Tensor& x : in)
      if (is_floating(x.dtype())) x.requires_grad_();
    for (const Tensor& o : case_.forward(in)) EXPECT_FALSE(o.requires_grad());
  }

  using Scalar = std::function<double(const Arrays&)>;
  // df of value along each coordinate, or along random directions, against central differences.
  void check_differences(const char* what, const Arrays& at, const Arrays& gradient,
                         const std::vector<bool>& moves, const Scalar& value) {
    for (std::size_t i = 0; i < at.size(); i++) {
      if (!moves[i] || at[i].v.empty()) continue;
      const bool full = Index(at[i].v.size()) <= kFull;
      const Index trials = full ? Index(at[i].v.size()) : 3;
      for (Index trial = 0; trial < trials; trial++) {
        Array u = zeros(at[i].shape);
        if (full)
          u[trial] = 1;
        else
          u = random_like(at[i].shape);
        Arrays up = at, down = at;
        double analytic = 0, scale = 0;
        for (std::size_t j = 0; j < u.v.size(); j++) {
          up[i].v[j] += kEps * u.v[j], down[i].v[j] -= kEps * u.v[j];
          analytic += gradient[i].v[j] * u.v[j], scale += std::fabs(gradient[i].v[j] * u.v[j]);
        }
        const double numeric = (value(up) - value(down)) / (2 * kEps);
        ASSERT_NEAR(analytic, numeric,
                    kAbsolute + kRelative * (full ? std::fabs(numeric)
                                                  : std::max(std::fabs(numeric), scale / 100)))
            << what << " by input " << i << (full ? ", element " : ", direction ") << trial;
      }
    }
  }
  double dot(const Tensors& a, const std::vector<std::vector<double>>& b) {
    double s = 0;
    for (std::size_t k = 0; k < a.size(); k++) {
      const auto v = a[k].values();
      for (std::size_t j = 0; j < v.size(); j++) s += v[j] * b[k][j];
    }
    return s;
  }
  void gradient_equals_differences() {
    rng_.seed(7);
    const Tensors in = tensors(DType::f64, true);
    const Tensors out = case_.forward(in);
    const Tensors w = weights(out);
    std::vector<std::vector<double>> wv;
    for (const Tensor& x : w) wv.push_back(x.values());
    Tensors leaves;
    std::vector<bool> moves;
    for (const Tensor& x : in) {
      moves.push_back(x.requires_grad());
      if (x.requires_grad()) leaves.push_back(x);
    }
    ASSERT_FALSE(leaves.empty()) << "a row with gradient needs a differentiable input";
    const Tensors g = grad(out, leaves, {.grad_outputs = w});
    Arrays analytic;
    for (std::size_t i = 0, k = 0; i < in.size(); i++)
      analytic.push_back(moves[i] ? Array{in[i].shape(), g[k++].values()} : zeros(in[i].shape()));
    check_differences("gradient", host_, analytic, moves, [&](const Arrays& at) {
      const Arrays keep = std::exchange(host_, at);
      const NoGrad off;
      const double s = dot(case_.forward(tensors(DType::f64, false)), wv);
      host_ = keep;
      return s;
    });
  }
  // H(x, w) = sum_i <d(sum_k <out_k, w_k>)/dx_i, v_i>, differentiated by x and by w.
  void second_gradient_equals_differences() {
    rng_.seed(8);
    std::vector<bool> leaf;
    Arrays at = host_, v;
    Tensors shapes = case_.forward(tensors(DType::f64, false));
    for (const Input& i : case_.inputs) leaf.push_back(i.differentiable);
    for (std::size_t i = 0; i < host_.size(); i++)
      if (leaf[i]) v.push_back(random_like(host_[i].shape));
    for (const Tensor& o : shapes) at.push_back(random_like(o.shape()));
    std::vector<std::vector<double>> vv;
    for (const Array& a : v) vv.push_back(a.v);

    const auto first = [&](const Arrays& x, bool graph, Tensors& in, Tensors& w) {
      const Arrays keep =
          std::exchange(host_, Arrays(x.begin(), x.begin() + std::ptrdiff_t(host_.size())));
      in = tensors(DType::f64, true);
      w.clear();
      for (std::size_t k = host_.size(); k < x.size(); k++)
        w.push_back(tensor(x[k], DType::f64, device_));
      for (const Tensor& t : w) t.requires_grad_();
      host_ = keep;
      Tensors leaves;
      for (const Tensor& t : in)
        if (t.requires_grad()) leaves.push_back(t);
      return grad(case_.forward(in), leaves, {.grad_outputs = w, .create_graph = graph});
    };
    Tensors in, w;
    const Tensors g = first(at, true, in, w);
    Tensors seeds, wanted, live;
    for (std::size_t k = 0; k < g.size(); k++)
      if (g[k].requires_grad())
        live.push_back(g[k]), seeds.push_back(tensor(v[k], DType::f64, device_));
    ASSERT_FALSE(live.empty())
        << "no gradient depends on grad_outputs: the graph of the gradient was not recorded";
    std::vector<bool> moves = leaf;
    for (std::size_t i = 0; i < in.size(); i++)
      if (leaf[i]) wanted.push_back(in[i]);
    for (const Tensor& t : w) wanted.push_back(t), moves.push_back(true);
    // A linear op's gradient does not depend on its input; the differences must then be zero as
    // well.
    const Tensors gg = grad(live, wanted, {.grad_outputs = seeds, .allow_unused = true});
    Arrays analytic;
    for (std::size_t i = 0, k = 0; i < at.size(); i++) {
      Array a = zeros(at[i].shape);
      if (moves[i]) {
        if (gg[k].defined()) a.v = gg[k].values();
        k++;
      }
      analytic.push_back(std::move(a));
    }
    check_differences("second gradient", at, analytic, moves, [&](const Arrays& x) {
      Tensors in2, w2;
      return dot(first(x, false, in2, w2), vv);
    });
  }

  const OpCase& case_;
  Device device_;
  std::mt19937_64 rng_;
  Arrays host_;
};

// Public functions of imago::ops in the built library, read from its symbols.
std::set<std::string> exported_ops() {
  std::set<std::string> ops;
  FILE* nm = popen(IMAGO_NM " -C --defined-only " IMAGO_LIBRARY_FILE " 2>/dev/null", "r");
  if (!nm) return ops;
  std::string line;
  for (int c; (c = fgetc(nm)) != EOF;) {
    if (c != '\n') {
      line += char(c);
      continue;
    }
    const std::string key = " T imago::ops::";
    const std::size_t at = line.find(key), open = line.find('(', at + key.size());
    if (at != line.npos && open != line.npos) {
      std::string op = line.substr(at + key.size(), open - at - key.size());
      if (op.find(':') == op.npos) ops.insert(op.substr(0, op.find('[')));
    }
    line.clear();
  }
  pclose(nm);
  return ops;
}

TEST(Coverage, EveryExportedOpHasACase) {
  const std::set<std::string> exported = exported_ops();
  EXPECT_GT(exported.size(), 60u) << "could not read the symbols of " IMAGO_LIBRARY_FILE;
  std::set<std::string> covered;
  for (const OpCase& c : op_cases()) covered.insert(c.op);
  for (const std::string& op : exported)
    EXPECT_TRUE(covered.count(op)) << "imago::ops::" << op << " has no row in tests/op_cases";
  for (const std::string& op : covered)
    EXPECT_TRUE(exported.count(op))
        << "a row names imago::ops::" << op << ", which the library does not export";
}

TEST(Coverage, EveryDifferentiableOpIsCheckedToSecondOrder) {
  std::set<std::string> first, second;
  for (const OpCase& c : op_cases()) {
    if (c.gradient) first.insert(c.op);
    if (c.gradient && c.second) second.insert(c.op);
  }
  for (const std::string& op : first)
    EXPECT_TRUE(second.count(op)) << op << " has no row with second order";
}

void register_all() {
  std::vector<Device> where{cpu_device};
#if IMAGO_HAS_EMULATED
  where.push_back({Backend::emulated, 0});
#endif
#if IMAGO_HAS_CUDA
  where.push_back({Backend::cuda, 0});
#endif
  std::set<std::string> names;
  for (const OpCase& c : op_cases())
    for (Device d : where) {
      const char* device = d.backend == Backend::cpu    ? "cpu"
                           : d.backend == Backend::cuda ? "cuda"
                                                        : "emulated";
      const std::string test = c.name + "_" + device;
      if (!names.insert(c.op + "." + test).second) {
        std::fprintf(stderr, "two rows of op_cases are called %s %s\n", c.op.c_str(),
                     c.name.c_str());
        std::exit(1);
      }
      testing::RegisterTest(c.op.c_str(), test.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                            [&c, d]() -> testing::Test* { return new OpTest(c, d); });
    }
}

}  // namespace
}  // namespace imago::test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  imago::test::register_all();
  return RUN_ALL_TESTS();
}
