#include "models/measures/feature_network.h"

#include "engine/ops/ops.h"
#include "models/generative_task.h"
#include "models/measures/inception.h"

namespace imago::models {
namespace {

class InceptionNetwork : public FeatureNetwork {
 public:
  explicit InceptionNetwork(const InceptionOptions& o)
      : net_(Inception::open(o.weights, device_from(o.device))), o_(o) {}

  Seen look(const Tensor& x, const DataInfo& info, bool logits) const override {
    const NoGrad no_grad;
    const Shape& s = info.sample_shape;
    const Tensor bits = ops::round(ops::clamp(x.to(net_->device()), 0, 1) * 255);
    const Tensor images =
        inception_input(ops::reshape(bits, Shape{x.size(0), s[0], s[1], s[2]}), o_.pipeline);
    Seen seen{net_->features(images, o_.count), {}};
    if (logits)
      seen.logits =
          net_->logits(o_.count == 2048 ? seen.features : net_->features(images, 2048), o_.bias);
    return seen;
  }
  Index feature_count() const override { return o_.count; }
  Index batch() const override { return 32; }  // 35 MB of input, some 200 MB at its widest
  std::string label() const override {
    return net_->verified() && o_.count == 2048 ? "FID" : "FD-inception";
  }
  const std::string& weights() const override { return net_->sha256(); }
  std::string pipeline() const override { return pipeline_name(o_.pipeline); }
  void check(const DataInfo& d) const override {
    const Shape& s = d.sample_shape;
    if (d.kind != data::Kind::image || s.rank() != 3 || (s[2] != 1 && s[2] != 3))
      throw Error(ErrorKind::usage, {"Inception cannot look at these data", o_.weights,
                                     "images [height, width, 1 or 3]", concat(s),
                                     "use a run of `imago train classifier` with --judge"});
  }

 private:
  std::shared_ptr<const Inception> net_;
  InceptionOptions o_;
};

}  // namespace

std::shared_ptr<const FeatureNetwork> open_inception(const InceptionOptions& o) {
  return std::make_shared<InceptionNetwork>(o);
}

}  // namespace imago::models
