#include "models/measures/inception_input.h"

#include <algorithm>
#include <cmath>

#include "engine/ops/ops.h"

namespace imago::models {
namespace {

// Row o of [out, in] holds the weights of the source pixels of pixel o.
class Weights {
 public:
  Weights(Index in, Index out) : in_(in), w_(std::size_t(in * out)) {}
  double& at(Index o, Index i) { return w_[std::size_t(o * in_ + i)]; }
  Tensor tensor(const Tensor& like) const {
    return ops::cast(Tensor::from(w_, Shape{Index(w_.size()) / in_, in_}), like.dtype())
        .to(like.device());
  }

 private:
  Index in_;
  std::vector<double> w_;
};

// Both programs compute places in float32, which shows where one is all but whole.
Weights bilinear(Index in, Index out, bool centres) {
  Weights w(in, out);
  const float scale = float(double(in) / double(out));
  for (Index o = 0; o < out; o++) {
    const float source = centres ? std::max((float(o) + .5f) * scale - .5f, 0.f) : float(o) * scale;
    const Index low = std::min(Index(source), in - 1), high = std::min(low + 1, in - 1);
    const double part = double(source - float(low));
    w.at(o, low) += 1 - part;
    w.at(o, high) += part;
  }
  return w;
}

double bicubic_kernel(double x) {  // Keys with a = -1/2
  x = std::fabs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return ((-.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}
Weights bicubic(Index in, Index out) {
  Weights w(in, out);
  const double scale = double(in) / double(out), wide = std::max(scale, 1.), support = 2 * wide;
  for (Index o = 0; o < out; o++) {
    const double centre = (double(o) + .5) * scale;
    const Index first = std::max(Index(centre - support + .5), Index(0)),
                last = std::min(Index(centre + support + .5), in);
    double sum = 0;
    for (Index i = first; i < last; i++)
      sum += w.at(o, i) = bicubic_kernel((double(i) - centre + .5) / wide);
    for (Index i = first; i < last; i++) w.at(o, i) /= sum;
  }
  return w;
}

Tensor along(Index in, Pipeline pipeline, const Tensor& like) {
  return (pipeline == Pipeline::clean_fid
              ? bicubic(in, inception_size)
              : bilinear(in, inception_size, pipeline == Pipeline::pytorch_fid))
      .tensor(like);
}

// Columns before rows, as PIL has it.
Tensor resized(const Tensor& x, Pipeline pipeline) {
  const Index h = x.size(1), w = x.size(2);
  if (h == inception_size && w == inception_size) return x;
  const Tensor rows = ops::permute(x, {0, 1, 3, 2});                      // [n, h, c, w]
  const Tensor wide = ops::linear(rows, along(w, pipeline, x), {});       // [n, h, c, 299]
  const Tensor columns = ops::permute(wide, {0, 3, 2, 1});                // [n, 299, c, h]
  const Tensor square = ops::linear(columns, along(h, pipeline, x), {});  // [n, 299, c, 299]
  return ops::permute(square, {0, 3, 1, 2});                              // [n, y, x, c]
}

}  // namespace

const std::vector<std::string>& pipeline_names() {
  static const std::vector<std::string> names{"torch-fidelity", "pytorch-fid", "clean-fid"};
  return names;
}
Pipeline pipeline_from(const std::string& name) {
  const auto& names = pipeline_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end())
    throw Error(ErrorKind::usage, {"unknown pipeline of images", "--pipeline",
                                   "torch-fidelity, pytorch-fid or clean-fid", name});
  return Pipeline(found - names.begin());
}
const std::string& pipeline_name(Pipeline p) { return pipeline_names()[std::size_t(p)]; }

Tensor inception_input(const Tensor& x, Pipeline pipeline) {
  if (x.rank() != 4 || (x.size(3) != 1 && x.size(3) != 3) || x.size(1) < 1 || x.size(2) < 1)
    throw Error(ErrorKind::usage, {"Inception cannot look at these images",
                                   {},
                                   "[n, height, width, 1 or 3]",
                                   concat(x.shape())});
  Tensor y = resized(x, pipeline);
  if (pipeline == Pipeline::clean_fid) y = ops::clamp(y, 0, 255);
  if (x.size(3) == 1) y = ops::concat({y, y, y}, 3);
  return pipeline == Pipeline::pytorch_fid ? ops::affine(y, 2. / 255, -1)
                                           : ops::affine(y, 1. / 128, -1);
}

}  // namespace imago::models
