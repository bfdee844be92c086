#include "engine/nn/norm.h"

#include <algorithm>

#include "engine/ops/norm.h"
#include "engine/ops/pointwise.h"

namespace imago::nn {
namespace {

Tensor ones(Index channels, const Init& init) {
  return Tensor::full({channels}, 1, init.dtype, init.device);
}
Tensor zeros(Index channels, const Init& init) {
  return Tensor::zeros({channels}, init.dtype, init.device);
}
// channels, where they and eps make sense.
Index checked(const char* layer, Index channels, double eps) {
  if (channels < 1 || !(eps > 0))
    throw Error(ErrorKind::usage, {concat(layer, " of impossible settings"),
                                   {},
                                   "at least one channel, eps above 0",
                                   concat(channels, " channels, eps ", eps)});
  return channels;
}

}  // namespace

BatchNorm::BatchNorm(Index channels, const Init& init, double eps, double momentum)
    : eps_(eps), momentum_(momentum) {
  checked("BatchNorm", channels, eps);
  if (!(momentum >= 0 && momentum <= 1))
    throw Error(ErrorKind::usage,
                {"BatchNorm of impossible settings", {}, "a momentum in [0, 1]", concat(momentum)});
  parameter("weight", weight, ones(channels, init));
  parameter("bias", bias, zeros(channels, init));
  buffer("running_mean", running_mean, zeros(channels, init));
  buffer("running_var", running_var, ones(channels, init));
  buffer("num_batches_tracked", num_batches_tracked, Tensor::zeros({}, DType::i64, init.device));
}
Tensor BatchNorm::forward(const Tensor& x) {
  if (!training()) return ops::batch_norm(x, weight, bias, running_mean, running_var, eps_);
  const Index rows = x.rank() ? x.numel() / std::max<Index>(x.size(-1), 1) : 0;
  if (rows < 2)
    op_error("BatchNorm", "at least two values a channel while training",
             concat("shape ", x.shape()),
             "use a larger batch; of one value the variance says nothing");
  const ops::BatchStatistics s = ops::batch_norm(x, weight, bias, eps_);
  track(s.mean, s.var, rows);
  return s.y;
}
void BatchNorm::track(const Tensor& mean, const Tensor& var, Index rows) {
  const NoGrad no_grad;
  const auto move = [&](const Tensor& running, const Tensor& to, double scale) {
    running.copy_(running * (1 - momentum_) + to * (momentum_ * scale));
  };
  move(running_mean, mean, 1);
  move(running_var, var, double(rows) / double(rows - 1));
  // Read again only when someone else has written it: that waits for the device.
  if (num_batches_tracked.version() != version_) batches_ = Index(num_batches_tracked.item());
  num_batches_tracked.fill_(double(++batches_));
  version_ = num_batches_tracked.version();
}
std::string BatchNorm::describe() const { return concat("BatchNorm(", weight.size(0), ")"); }

LayerNorm::LayerNorm(Index channels, const Init& init, double eps) : eps_(eps) {
  checked("LayerNorm", channels, eps);
  parameter("weight", weight, ones(channels, init));
  parameter("bias", bias, zeros(channels, init));
}
Tensor LayerNorm::forward(const Tensor& x) {
  return x.rank() > 2 ? ops::group_norm(x, 1, weight, bias, eps_)
                      : ops::layer_norm(x, weight, bias, eps_);
}
std::string LayerNorm::describe() const { return concat("LayerNorm(", weight.size(0), ")"); }

GroupNorm::GroupNorm(Index groups, Index channels, const Init& init, double eps)
    : groups_(groups), eps_(eps) {
  checked("GroupNorm", channels, eps);
  if (groups < 1 || channels % groups != 0)
    throw Error(ErrorKind::usage, {"GroupNorm of impossible settings",
                                   {},
                                   concat("groups that divide ", channels, " channels"),
                                   concat(groups)});
  parameter("weight", weight, ones(channels, init));
  parameter("bias", bias, zeros(channels, init));
}
Tensor GroupNorm::forward(const Tensor& x) {
  return ops::group_norm(x, groups_, weight, bias, eps_);
}
std::string GroupNorm::describe() const {
  return concat("GroupNorm(", groups_, " groups, ", weight.size(0), ")");
}

Tensor InstanceNorm::forward(const Tensor& x) {
  if (x.rank() < 3)
    op_error("InstanceNorm", "images [n, h, w, c]", concat("shape ", x.shape()),
             "use LayerNorm for rows");
  return GroupNorm::forward(x);
}
std::string InstanceNorm::describe() const { return concat("InstanceNorm(", weight.size(0), ")"); }

PixelNorm::PixelNorm(double eps) : eps_(eps) {
  if (!(eps > 0))
    throw Error(ErrorKind::usage,
                {"PixelNorm of impossible settings", {}, "eps above 0", concat(eps)});
}
Tensor PixelNorm::forward(const Tensor& x) { return ops::pixel_norm(x, eps_); }

MinibatchStddev::MinibatchStddev(Index group) : group_(group) {
  if (group < 1)
    throw Error(
        ErrorKind::usage,
        {"MinibatchStddev of impossible settings", {}, "groups of at least 1", concat(group)});
}
Tensor MinibatchStddev::forward(const Tensor& x) { return ops::minibatch_stddev(x, group_); }
std::string MinibatchStddev::describe() const { return concat("MinibatchStddev(", group_, ")"); }

}  // namespace imago::nn
