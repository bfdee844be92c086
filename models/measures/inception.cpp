#include "models/measures/inception.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "engine/io/file.h"
#include "engine/io/pth.h"
#include "engine/io/safetensors.h"
#include "engine/io/sha256.h"
#include "engine/ops/ops.h"

namespace imago::models {
namespace {

using ops::Size2;
constexpr Index kClasses = 1008;
constexpr double kEps = 1e-3;  // of the normalisations

// The network, once for whatever a value is: tensors when it runs, numbers of channels when its
// convolutions are listed. n: the network's operations on such values.
template <class N, class X = typename N::Value>
struct Architecture {
  N& n;

  // Of stride 1, as large as x.
  X same(const std::string& name, const X& x, Index out, Size2 kernel) const {
    return n.conv(name, x, out, kernel, 1, {kernel.h / 2, kernel.w / 2});
  }
  X halved(const std::string& name, const X& x, Index out) const {
    return n.conv(name, x, out, 3, 2, 0);
  }

  X a(const std::string& m, const X& x, Index pool) const {
    const X five = same(m + ".branch5x5_2", same(m + ".branch5x5_1", x, 48, 1), 64, 5);
    X three = same(m + ".branch3x3dbl_1", x, 64, 1);
    three = same(m + ".branch3x3dbl_2", three, 96, 3);
    three = same(m + ".branch3x3dbl_3", three, 96, 3);
    return n.concat({same(m + ".branch1x1", x, 64, 1), five, three,
                     same(m + ".branch_pool", n.average(x), pool, 1)});
  }
  X b(const std::string& m, const X& x) const {
    X three = same(m + ".branch3x3dbl_1", x, 64, 1);
    three = same(m + ".branch3x3dbl_2", three, 96, 3);
    return n.concat({halved(m + ".branch3x3", x, 384), halved(m + ".branch3x3dbl_3", three, 96),
                     n.largest(x, 2, 0)});
  }
  X c(const std::string& m, const X& x, Index width) const {
    X seven = same(m + ".branch7x7_1", x, width, 1);
    seven = same(m + ".branch7x7_2", seven, width, {1, 7});
    seven = same(m + ".branch7x7_3", seven, 192, {7, 1});
    X twice = same(m + ".branch7x7dbl_1", x, width, 1);
    twice = same(m + ".branch7x7dbl_2", twice, width, {7, 1});
    twice = same(m + ".branch7x7dbl_3", twice, width, {1, 7});
    twice = same(m + ".branch7x7dbl_4", twice, width, {7, 1});
    twice = same(m + ".branch7x7dbl_5", twice, 192, {1, 7});
    return n.concat({same(m + ".branch1x1", x, 192, 1), seven, twice,
                     same(m + ".branch_pool", n.average(x), 192, 1)});
  }
  X d(const std::string& m, const X& x) const {
    const X three = halved(m + ".branch3x3_2", same(m + ".branch3x3_1", x, 192, 1), 320);
    X seven = same(m + ".branch7x7x3_1", x, 192, 1);
    seven = same(m + ".branch7x7x3_2", seven, 192, {1, 7});
    seven = same(m + ".branch7x7x3_3", seven, 192, {7, 1});
    return n.concat({three, halved(m + ".branch7x7x3_4", seven, 192), n.largest(x, 2, 0)});
  }
  X e(const std::string& m, const X& x, const X& pooled) const {
    const X three = same(m + ".branch3x3_1", x, 384, 1);
    const X twice = same(m + ".branch3x3dbl_2", same(m + ".branch3x3dbl_1", x, 448, 1), 384, 3);
    return n.concat({same(m + ".branch1x1", x, 320, 1),
                     same(m + ".branch3x3_2a", three, 384, {1, 3}),
                     same(m + ".branch3x3_2b", three, 384, {3, 1}),
                     same(m + ".branch3x3dbl_3a", twice, 384, {1, 3}),
                     same(m + ".branch3x3dbl_3b", twice, 384, {3, 1}),
                     same(m + ".branch_pool", pooled, 192, 1)});
  }

  X run(X x, Index count) const {
    x = n.conv("Conv2d_1a_3x3", x, 32, 3, 2, 0);
    x = n.conv("Conv2d_2a_3x3", x, 32, 3, 1, 0);
    x = n.largest(same("Conv2d_2b_3x3", x, 64, 3), 2, 0);
    if (count == 64) return x;
    x = same("Conv2d_3b_1x1", x, 80, 1);
    x = n.largest(n.conv("Conv2d_4a_3x3", x, 192, 3, 1, 0), 2, 0);
    if (count == 192) return x;
    x = a("Mixed_5b", x, 32);
    x = a("Mixed_5c", x, 64);
    x = a("Mixed_5d", x, 64);
    x = b("Mixed_6a", x);
    x = c("Mixed_6b", x, 128);
    x = c("Mixed_6c", x, 160);
    x = c("Mixed_6d", x, 160);
    x = c("Mixed_6e", x, 192);
    if (count == 768) return x;
    x = d("Mixed_7a", x);
    x = e("Mixed_7b", x, n.average(x));
    return e("Mixed_7c", x, n.largest(x, 1, 1));
  }
};

struct Listing {
  using Value = Index;  // channels
  std::vector<Inception::Convolution> all;
  Index conv(const std::string& name, Index in, Index out, Size2 kernel, Size2 stride,
             Size2 padding) {
    all.push_back({name, in, out, kernel, stride, padding});
    return out;
  }
  Index largest(Index in, Index, Index) const { return in; }
  Index average(Index in) const { return in; }
  Index concat(const std::vector<Index>& parts) const {
    Index sum = 0;
    for (const Index p : parts) sum += p;
    return sum;
  }
};

// The tensors of a file by name, each taken once.
class Reader {
 public:
  Reader(const io::NamedArrays& weights, const std::string& where)
      : weights_(weights), where_(where) {}

  // As float64, whatever the file has.
  std::vector<double> take(const std::string& name, const Shape& shape) {
    const auto found = weights_.find(name);
    if (found == weights_.end()) fail("the weights lack '" + name + "'", concat(shape), "none");
    const io::HostArray& a = found->second;
    if (a.shape != shape || (a.dtype != DType::f32 && a.dtype != DType::f64))
      fail("the weight '" + name + "' is not Inception's", concat("floating ", shape),
           concat(a.dtype, " ", a.shape));
    const std::vector<double> v = io::to_tensor(a).values();
    for (std::size_t i = 0; i < v.size(); i++)
      if (!std::isfinite(v[i]))
        fail("the weight '" + name + "' is not finite", "finite values",
             concat(v[i], " at element ", i));
    taken_.insert(name);
    return v;
  }
  // Counters of training that say nothing here.
  void ignore(const std::string& name) { taken_.insert(name); }
  void finish() const {
    for (const auto& [name, a] : weights_)
      if (!taken_.count(name))
        fail("the weights hold '" + name + "', which Inception has not", "no such tensor",
             concat(a.shape));
  }
  [[noreturn]] void fail(const std::string& what, const std::string& expected,
                         const std::string& received) const {
    throw Error(ErrorKind::data, {what, where_, expected, received,
                                  "give the file of pytorch-fid or torch-fidelity, or tensors of "
                                  "the same names"});
  }

 private:
  const io::NamedArrays& weights_;
  const std::string& where_;
  std::set<std::string> taken_;
};

Tensor to_device(const std::vector<double>& v, const Shape& shape, Device device) {
  return Tensor::from(std::vector<float>(v.begin(), v.end()), shape, device);
}

}  // namespace

class Inception::Run {
 public:
  using Value = Tensor;
  explicit Run(const Inception& net) : net_(net) {}

  Tensor conv(const std::string& name, const Tensor& x, Index, Size2, Size2, Size2) const {
    const Weights& w = net_.convolutions_.at(name);
    return ops::conv2d(x, w.weight, w.bias, w.options, ops::Activation::relu);
  }
  Tensor largest(const Tensor& x, Index stride, Index padding) const {
    return ops::max_pool2d(x, 3, {stride, padding});
  }
  // Each mean is of the pixels that are there: of the nine terms, the padding's are left out.
  Tensor average(const Tensor& x) const {
    const ops::PoolOptions options{1, 1};
    const Tensor share = ops::avg_pool2d(
        Tensor::full(Shape{1, x.size(1), x.size(2), 1}, 1, x.dtype(), x.device()), 3, options);
    return ops::avg_pool2d(x, 3, options) / share;
  }
  Tensor concat(const std::vector<Tensor>& parts) const { return ops::concat(parts, 3); }

 private:
  const Inception& net_;
};

const std::vector<Inception::Convolution>& Inception::convolutions() {
  static const std::vector<Convolution> all = [] {
    Listing listing;
    Architecture<Listing>{listing}.run(3, 2048);
    return listing.all;
  }();
  return all;
}
const std::vector<Index>& Inception::feature_counts() {
  static const std::vector<Index> counts{64, 192, 768, 2048};
  return counts;
}

Inception::Inception(const io::NamedArrays& weights, const std::string& where, Device device) {
  Reader file(weights, where);
  for (const Convolution& c : convolutions()) {
    const Index area = c.kernel.h * c.kernel.w;
    const auto w = file.take(c.name + ".conv.weight", {c.out, c.in, c.kernel.h, c.kernel.w});
    const auto of = [&](const char* name) { return file.take(c.name + ".bn." + name, {c.out}); };
    const auto gamma = of("weight"), beta = of("bias"), mean = of("running_mean"),
               var = of("running_var");
    file.ignore(c.name + ".bn.num_batches_tracked");
    // gamma (w x - mean) / sqrt(var + eps) + beta is one convolution with a bias; [out, h, w, in].
    std::vector<double> folded(w.size()), bias(std::size_t(c.out));
    for (Index o = 0; o < c.out; o++) {
      const std::size_t at = std::size_t(o);
      if (var[at] < 0)
        file.fail("the weight '" + c.name + ".bn.running_var' is no variance", "at least 0",
                  imago::concat(var[at]));
      const double scale = gamma[at] / std::sqrt(var[at] + kEps);
      bias[at] = beta[at] - mean[at] * scale;
      for (Index i = 0; i < c.in; i++)
        for (Index k = 0; k < area; k++)
          folded[std::size_t((o * area + k) * c.in + i)] =
              scale * w[std::size_t((o * c.in + i) * area + k)];
    }
    convolutions_[c.name] = {
        to_device(folded, {c.out, c.kernel.h, c.kernel.w, c.in}, device),
        to_device(bias, {c.out}, device),
        {.stride = c.stride, .padding = c.padding},
    };
  }
  fc_ = to_device(file.take("fc.weight", {kClasses, 2048}), {kClasses, 2048}, device);
  fc_bias_ = to_device(file.take("fc.bias", {kClasses}), {kClasses}, device);
  file.finish();
}

std::shared_ptr<const Inception> Inception::open(const std::string& path, Device device) {
  std::string hash;
  bool safetensors = false;
  {
    const io::Bytes bytes = io::read_file(path, "weights");
    hash = io::sha256(bytes);
    safetensors = bytes.size() > 8 && bytes[8] == std::byte{'{'};
  }
  const io::NamedArrays weights =
      safetensors ? io::read_safetensors(path).tensors : io::read_pth(path);
  auto net = std::make_shared<Inception>(weights, path, device);
  net->sha256_ = hash;
  return net;
}

Tensor Inception::features(const Tensor& x, Index count) const {
  const auto& counts = feature_counts();
  if (std::find(counts.begin(), counts.end(), count) == counts.end())
    throw Error(
        ErrorKind::usage,
        {"Inception has no such features", {}, "64, 192, 768 or 2048", imago::concat(count)});
  if (x.rank() != 4 || x.shape() != Shape{x.size(0), 299, 299, 3})
    throw Error(ErrorKind::usage, {"Inception cannot look at these images",
                                   {},
                                   "[n, 299, 299, 3]",
                                   imago::concat(x.shape())});
  Run run(*this);
  return ops::mean(Architecture<Run>{run}.run(x, count), {1, 2});
}
Tensor Inception::logits(const Tensor& features, bool bias) const {
  return ops::linear(features, fc_, bias ? fc_bias_ : Tensor());
}

bool is_published_inception(const std::string& sha256) {
  // All of it: the 32 bits in the file's name can be met by trying.
  return sha256 == "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2";
}
bool Inception::verified() const { return is_published_inception(sha256_); }

}  // namespace imago::models
