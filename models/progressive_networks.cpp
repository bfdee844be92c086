#include "models/progressive_networks.h"

#include <algorithm>

#include "engine/nn/conv.h"
#include "engine/nn/norm.h"
#include "engine/nn/resample.h"
#include "engine/ops/ops.h"
#include "models/description.h"

namespace imago::models {

namespace {

using nn::Sequential;

// He's constant at run time, so that all weights learn alike: section 4.1.
nn::WeightOptions equalized(double gain) {
  return {.rule = nn::WeightRule::equalized, .gain = gain};
}
constexpr double hidden_gain = 1.4142135623730951;

void activate(Sequential& net, bool normalize) {
  net.add<nn::Activation>("leaky_relu");
  if (normalize) net.add<nn::PixelNorm>();
}
void conv(Sequential& net, Index in, Index out, Index kernel, const nn::Init& init,
          double gain = hidden_gain) {
  net.add<nn::Conv2d>(in, out, kernel, ops::ConvOptions{.padding = (kernel - 1) / 2}, init, true,
                      equalized(gain));
}
void linear(Sequential& net, Index in, Index out, const nn::Init& init) {
  net.add<nn::Linear>(in, out, init, true, equalized(hidden_gain));
}

Tensor mixed(const Tensor& from, const Tensor& to, double alpha) {
  return (1 - alpha) * from + alpha * to;
}

std::string described(const char* side, const std::string& what, const Sequential& net) {
  return describe_block(concat(side, ".", what), net);
}

}  // namespace

Index ProgressiveOptions::stages() const {
  Index n = 1;
  while ((Index(4) << (n - 1)) < sample[0]) n++;
  return n;
}
Index ProgressiveOptions::channels(Index stage) const {
  return std::min(width << (stages() - 1 - stage), 4 * width);
}

Tensor halved(const Tensor& x) { return ops::avg_pool2d(x, 2); }
Tensor enlarged(const Tensor& x, Index rows) {
  return rows == x.size(1) ? x : ops::interpolate(x, rows, ops::Interpolation::nearest);
}
Tensor faded(const Tensor& x, const Growth& g) {
  return g.stage == 0 || g.alpha >= 1 ? x : mixed(enlarged(halved(x), x.size(1)), x, g.alpha);
}

ProgressiveGenerator::ProgressiveGenerator(const ProgressiveOptions& o, const nn::Init& init) {
  for (Index k = 0; k < o.stages(); k++) {
    Sequential& block = *blocks_.emplace_back(std::make_unique<Sequential>());
    const Index c = o.channels(k);
    if (k == 0) {
      linear(block, o.latent, 16 * c, init);
      block.add<nn::Unflatten>(c, ops::Size2{4, 4});
    } else {
      block.add<nn::Upsample>(2);
      conv(block, o.channels(k - 1), c, 3, init);
    }
    activate(block, true);
    conv(block, c, c, 3, init);
    activate(block, true);
    Sequential& image = *to_image_.emplace_back(std::make_unique<Sequential>());
    conv(image, c, o.sample[2], 1, init, 1);
    child(concat("blocks.", k), block);
    child(concat("to_image.", k), image);
  }
}

Tensor ProgressiveGenerator::forward(const Tensor& z, const Growth& g) {
  Tensor h = ops::pixel_norm(z), before;
  for (Index k = 0; k <= g.stage; k++) {
    if (k > 0 && k == g.stage && g.alpha < 1) before = (*to_image_[std::size_t(k - 1)])(h);
    h = (*blocks_[std::size_t(k)])(h);
  }
  const Tensor x = (*to_image_[std::size_t(g.stage)])(h);
  return before ? mixed(enlarged(before, x.size(1)), x, g.alpha) : x;
}

std::string ProgressiveGenerator::describe() const {
  std::string text;
  for (std::size_t k = 0; k < blocks_.size(); k++)
    text += described("generator", concat("blocks.", k), *blocks_[k]) +
            described("generator", concat("to_image.", k), *to_image_[k]);
  return concat(text, "  generator: ", parameter_count(), " parameters\n");
}

ProgressiveCritic::ProgressiveCritic(const ProgressiveOptions& o, const nn::Init& init) {
  for (Index k = 0; k < o.stages(); k++) {
    const Index c = o.channels(k);
    Sequential& image = *from_image_.emplace_back(std::make_unique<Sequential>());
    conv(image, o.sample[2], c, 1, init);
    activate(image, false);
    Sequential& block = *blocks_.emplace_back(std::make_unique<Sequential>());
    if (k == 0) {
      if (o.minibatch_stddev) block.add<nn::MinibatchStddev>();
      conv(block, c + o.minibatch_stddev, c, 3, init);
      activate(block, false);
      block.add<nn::Flatten>();
      linear(block, 16 * c, c, init);
      activate(block, false);
    } else {
      conv(block, c, c, 3, init);
      activate(block, false);
      conv(block, c, o.channels(k - 1), 3, init);
      activate(block, false);
      block.add<nn::AvgPool2d>(2);
    }
    child(concat("from_image.", k), image);
    child(concat("blocks.", k), block);
  }
  last_ = std::make_unique<nn::Linear>(o.channels(0), 1, init, true, equalized(1));
  child("last", *last_);
}

Tensor ProgressiveCritic::features(const Tensor& x, const Growth& g) {
  Tensor h = (*from_image_[std::size_t(g.stage)])(x);
  for (Index k = g.stage; k >= 0; k--) {
    h = (*blocks_[std::size_t(k)])(h);
    if (k > 0 && k == g.stage && g.alpha < 1)
      h = mixed((*from_image_[std::size_t(k - 1)])(halved(x)), h, g.alpha);
  }
  return h;
}

std::string ProgressiveCritic::describe() const {
  std::string text;
  for (std::size_t k = blocks_.size(); k-- > 0;)
    text += described("critic", concat("from_image.", k), *from_image_[k]) +
            described("critic", concat("blocks.", k), *blocks_[k]);
  return concat(text, "  critic.last: ", last_->describe(), "\n  critic: ", parameter_count(),
                " parameters\n");
}

}  // namespace imago::models
