#include "models/networks.h"

#include <cmath>
#include <numeric>

#include "engine/nn/attention.h"
#include "engine/nn/conv.h"
#include "engine/nn/minibatch.h"
#include "engine/nn/norm.h"
#include "engine/nn/resample.h"
#include "engine/ops/ops.h"
#include "models/description.h"

namespace imago::models {
namespace {

using nn::Sequential;
using ops::ConvOptions;

[[noreturn]] void refuse(std::string what, std::string expected, std::string received,
                         std::string remedy = {}) {
  throw Error(ErrorKind::usage,
              {std::move(what), {}, std::move(expected), std::move(received), std::move(remedy)});
}
template <class E>
E from_name(const char* what, const std::vector<std::pair<const char*, E>>& all,
            const std::string& name) {
  std::string choices;
  for (const auto& [choice, value] : all) {
    if (name == choice) return value;
    choices += (choices.empty() ? "" : ", ") + std::string(choice);
  }
  refuse(concat("unknown ", what), "one of " + choices, name);
}

// Layers added in turn, with the options of a side.
class Builder {
 public:
  Builder(Sequential& net, const NetworkOptions& o, const nn::Init& init, Generator& draws)
      : net_(net), o_(o), init_(init), draws_(draws) {}

  // The same for the layers of another Sequential.
  Builder into(Sequential& net) const { return {net, o_, init_, draws_}; }

  nn::WeightOptions weight(double gain) const {
    return {.rule = o_.rule, .gain = gain, .sigma = o_.sigma};
  }
  // normalized: what follows is a norm of channels, sooner or later; batch and instance norm take a
  // bias away again.
  static constexpr double hidden_gain = 1.4142135623730951;
  bool with_bias(bool normalized) const {
    return !normalized || (o_.norm != Norm::batch && o_.norm != Norm::instance);
  }
  void linear(Index in, Index out, bool normalized = false, double gain = hidden_gain) {
    net_.add<nn::Linear>(in, out, init_, with_bias(normalized), weight(gain));
  }
  void conv(Index in, Index out, Index kernel, Index stride, bool normalized = false,
            double gain = hidden_gain) {
    net_.add<nn::Conv2d>(in, out, kernel,
                         ConvOptions{.stride = stride, .padding = (kernel - 1) / 2}, init_,
                         with_bias(normalized), weight(gain));
  }
  void up(Index in, Index out, bool normalized, double gain = hidden_gain) {
    net_.add<nn::ConvTranspose2d>(in, out, 4, ConvOptions{.stride = 2, .padding = 1}, init_,
                                  with_bias(normalized), weight(gain));
  }
  // Norm and activation, in the order that the norm asks for: a pixel's is of what was activated.
  void activate(Index channels, bool normalized = true) {
    const Norm norm = normalized ? o_.norm : Norm::none;
    if (norm != Norm::pixel) add_norm(norm, channels);
    net_.add<nn::Activation>(o_.activation);
    if (norm == Norm::pixel) add_norm(norm, channels);
  }
  void drop() {
    if (o_.dropout > 0) net_.add<nn::Dropout>(o_.dropout, draws_);
  }
  // Self-attention, if maps of so many rows are to have it.
  bool attend(Index rows, Index channels) {
    if (o_.attention != rows) return false;
    net_.add<nn::SelfAttention>(channels, init_, weight(1));
    return true;
  }
  template <class L, class... A>
  L& add(A&&... arguments) {
    return net_.add<L>(std::forward<A>(arguments)...);
  }
  const nn::Init& init() const { return init_; }

 private:
  void add_norm(Norm norm, Index channels);
  Sequential& net_;
  const NetworkOptions& o_;
  const nn::Init& init_;
  Generator& draws_;
};

// 8, or the most that divides both; a group of one channel alone would leave nothing of a row.
Index group_count(Index channels) {
  const Index most = std::gcd<Index>(8, channels);
  return most == channels ? 1 : most;
}
void Builder::add_norm(Norm norm, Index channels) {
  switch (norm) {
    case Norm::none: return;
    case Norm::batch: net_.add<nn::BatchNorm>(channels, init_); return;
    case Norm::layer: net_.add<nn::LayerNorm>(channels, init_); return;
    case Norm::instance: net_.add<nn::InstanceNorm>(channels, init_); return;
    case Norm::group: net_.add<nn::GroupNorm>(group_count(channels), channels, init_); return;
    case Norm::pixel: net_.add<nn::PixelNorm>(); return;
  }
}

// What the options of both sides must keep to; fills in the width.
void check(const char* side, NetworkOptions& o) {
  const bool image = o.sample.rank() == 3, dense = o.architecture == Architecture::dense;
  const auto wrong = [&](const char* what, const char* expected, const std::string& received) {
    refuse(concat(side, ": ", what), expected, received);
  };
  if (o.sample.numel() < 1 || !(o.sample.rank() == 1 || image))
    wrong("impossible samples", "rows [d] or images [h, w, c]", concat("shape ", o.sample));
  if (!dense && !(image && o.sample[0] % 4 == 0 && o.sample[1] % 4 == 0 && o.sample[0] >= 8 &&
                  o.sample[1] >= 8))
    wrong("a convolutional network does not fit the samples",
          "images [h, w, c] with h and w divisible by 4, of 8 or more; or the dense network",
          concat("shape ", o.sample));
  if (o.width < 0 || o.layers < 1 || o.classes < 0 || o.embedding < 0)
    wrong("an impossible size", "width, classes, embedding of 0 or more, at least one layer",
          concat(o.width, ", ", o.classes, ", ", o.embedding, "; ", o.layers, " layers"));
  if (dense && o.norm == Norm::instance)
    wrong("instance norm in a dense network", "another norm: nothing would be left of a row",
          "instance");
  if (dense && o.attention)
    wrong("attention in a dense network", "attention 0, or a convolutional network",
          concat(o.attention));
  if (o.width == 0) o.width = dense ? 128 : 64;
}
// Error unless attention was asked for and found its place, or was not asked for.
void check_attention(const char* side, const NetworkOptions& o, bool found,
                     const std::string& places) {
  if (o.attention && !found)
    refuse(concat(side, ": no maps of the rows that attention was asked for"),
           concat("0 or one of ", places), concat(o.attention));
}

// How often a side halves on the way from the image: down to 8 at most, at least twice (DCGAN), or
// to 4 (residual generators); always to whole numbers.
Index halvings(const Shape& sample, Index least, Index goal) {
  Index h = sample[0], w = sample[1], n = 0;
  while (h % 2 == 0 && w % 2 == 0 && (n < least || std::min(h, w) > goal)) h /= 2, w /= 2, n++;
  return n;
}
Index condition_size(const NetworkOptions& o) { return o.embedding ? o.embedding : o.classes; }

// [n, classes], and through the embedding where there is one.
Tensor rows_of(const char* side, const NetworkOptions& o, const Tensor& condition, Index n,
               DType dtype) {
  const auto words = [&] {
    return condition.defined() ? concat(condition.dtype(), " ", condition.shape()) : "none";
  };
  const bool labels = condition.defined() && condition.dtype() == DType::i64;
  if (!condition.defined() || condition.shape() != (labels ? Shape{n} : Shape{n, o.classes}))
    refuse(concat(side, ": the condition does not fit"),
           concat("int64 labels ", Shape{n}, " or rows ", Shape{n, o.classes}), words());
  return labels ? ops::one_hot(condition, o.classes, dtype) : condition;
}
void refuse_condition(const char* side, const Tensor& condition) {
  if (condition.defined())
    refuse(concat(side, " was built without a condition"), "none",
           concat("shape ", condition.shape()), "set classes");
}

// --- generators

void dense_generator(Builder b, const GeneratorOptions& o, Index in) {
  for (Index i = 0; i < o.layers; i++) {
    b.linear(i ? o.width : in, o.width, true);
    b.activate(o.width);
    b.drop();
  }
  b.linear(o.width, o.sample.numel(), false, 1);
  if (o.sample.rank() == 1) return;
  b.add<nn::Activation>("tanh");  // joins the Linear
  b.add<nn::Unflatten>(o.sample[2], ops::Size2(o.sample[0], o.sample[1]));
}

void dcgan_generator(Builder b, const GeneratorOptions& o, Index in) {
  const Index ups = halvings(o.sample, 2, 8);
  const ops::Size2 base{o.sample[0] >> ups, o.sample[1] >> ups};
  Index channels = o.width << (ups - 1), rows = base.h;
  b.linear(in, base.h * base.w * channels);  // a bias for each pixel, which no norm takes away
  b.add<nn::Unflatten>(channels, base);
  bool attended = false;
  std::string places;
  const auto finish = [&] {
    b.activate(channels);
    b.drop();
    attended |= b.attend(rows, channels);
    places += concat(places.empty() ? "" : ", ", rows);
  };
  finish();
  for (Index i = 1; i < ups; i++) {
    b.up(channels, channels / 2, true);
    channels /= 2, rows *= 2;
    finish();
  }
  b.up(channels, o.sample[2], false, 1);
  b.add<nn::Activation>("tanh");
  check_attention("generator", o, attended, places);
}

void resnet_generator(Builder b, const GeneratorOptions& o, Index in) {
  const Index ups = halvings(o.sample, 2, 4), width = o.width;
  const ops::Size2 base{o.sample[0] >> ups, o.sample[1] >> ups};
  b.linear(in, base.h * base.w * width, false, 1);
  b.add<nn::Unflatten>(width, base);
  bool attended = false;
  std::string places;
  for (Index i = 0; i < ups; i++) {
    auto& block = b.add<nn::Residual>();
    Builder r = b.into(block.residual), s = b.into(block.shortcut);
    r.activate(width);
    r.add<nn::Upsample>(2);
    r.conv(width, width, 3, 1, true);
    r.activate(width);
    r.drop();
    r.conv(width, width, 3, 1, true);
    s.conv(width, width, 1, 1, true, 1);  // before the up-sampling: a quarter of the work
    s.add<nn::Upsample>(2);
    const Index rows = base.h << (i + 1);
    attended |= b.attend(rows, width);
    places += concat(i ? ", " : "", rows);
  }
  b.activate(width);
  b.conv(width, o.sample[2], 3, 1, false, 1);
  b.add<nn::Activation>("tanh");
  check_attention("generator", o, attended, places);
}

// --- critics: from an input of `in` features or channels to their last features, whose number is
// given back

// What a critic sees of the batch, then the layer that judges.
Index finish(Builder& b, const CriticOptions& o, Index features) {
  if (o.discrimination) {
    b.add<nn::MinibatchDiscrimination>(features, o.discrimination, CriticOptions::kernel_width,
                                       b.init());
    features += o.discrimination;
  }
  b.linear(features, o.outputs, false, 1);
  return features;
}
// One feature or channel more, where the critic is shown the batch's spread.
Index stddev(Builder& b, const CriticOptions& o, Index channels) {
  if (!o.minibatch_stddev) return channels;
  b.add<nn::MinibatchStddev>();
  return channels + 1;
}

Index dense_critic(Builder b, const CriticOptions& o, Index in) {
  if (o.sample.rank() == 3) {
    b.add<nn::Flatten>();
    in *= o.sample[0] * o.sample[1];
  }
  for (Index i = 0; i < o.layers; i++) {
    b.linear(i ? o.width : in, o.width, true);
    b.activate(o.width);
    b.drop();
  }
  return finish(b, o, stddev(b, o, o.width));
}

Index dcgan_critic(Builder b, const CriticOptions& o, Index in) {
  const Index downs = halvings(o.sample, 2, 8);
  Index rows = o.sample[0];
  bool attended = false;
  std::string places;
  for (Index i = 0; i < downs; i++) {
    const Index channels = o.width << i;
    b.conv(in, channels, 4, 2, i > 0);
    b.activate(channels, i > 0);  // none next to the image
    b.drop();
    in = channels, rows /= 2;
    attended |= b.attend(rows, channels);
    places += concat(i ? ", " : "", rows);
  }
  check_attention("critic", o, attended, places);
  const Index channels = stddev(b, o, in);
  b.add<nn::Flatten>();
  return finish(b, o, channels * rows * (o.sample[1] >> downs));
}

Index resnet_critic(Builder b, const CriticOptions& o, Index in) {
  const Index width = o.width;
  Index rows = o.sample[0];
  bool attended = false;
  std::string places;
  for (int i = 0; i < 4; i++) {  // two that halve, two that do not
    const bool first = i == 0, down = i < 2;
    auto& block = b.add<nn::Residual>();
    Builder r = b.into(block.residual), s = b.into(block.shortcut);
    if (!first) r.activate(in);
    r.conv(in, width, 3, 1, true);
    r.activate(width);
    r.drop();
    r.conv(width, width, 3, 1, true);
    if (down) {
      r.add<nn::AvgPool2d>(2);
      s.add<nn::AvgPool2d>(2);  // as well before a 1x1 convolution as behind it
      s.conv(in, width, 1, 1, true, 1);
      rows /= 2;
      attended |= b.attend(rows, width);
      places += concat(first ? "" : ", ", rows);
    }
    in = width;
  }
  check_attention("critic", o, attended, places);
  b.activate(width);
  const Index channels = stddev(b, o, width);
  b.add<nn::GlobalSum>();
  return finish(b, o, channels);
}

}  // namespace

Architecture architecture_from(const std::string& name) {
  return from_name<Architecture>("architecture",
                                 {{"dense", Architecture::dense},
                                  {"dcgan", Architecture::dcgan},
                                  {"resnet", Architecture::resnet}},
                                 name);
}
Norm norm_from(const std::string& name) {
  return from_name<Norm>("norm",
                         {{"none", Norm::none},
                          {"batch", Norm::batch},
                          {"layer", Norm::layer},
                          {"instance", Norm::instance},
                          {"group", Norm::group},
                          {"pixel", Norm::pixel}},
                         name);
}
Conditioning conditioning_from(const std::string& name) {
  return from_name<Conditioning>(
      "conditioning", {{"input", Conditioning::input}, {"projection", Conditioning::projection}},
      name);
}

GeneratorNetwork::GeneratorNetwork(const GeneratorOptions& o, const nn::Init& init,
                                   Generator& draws)
    : options_(o) {
  check("generator", options_);
  if (o.latent < 1) refuse("generator: no latent", "at least 1", concat(o.latent));
  const Builder b(net, options_, init, draws);
  const Index in = o.latent + condition_size(o);
  switch (o.architecture) {
    case Architecture::dense: dense_generator(b, options_, in); break;
    case Architecture::dcgan: dcgan_generator(b, options_, in); break;
    case Architecture::resnet: resnet_generator(b, options_, in); break;
  }
  child("net", net);
  if (o.classes && o.embedding) {
    embedding = std::make_unique<nn::Linear>(o.classes, o.embedding, init, false, b.weight(1));
    child("embedding", *embedding);
  }
}

Tensor GeneratorNetwork::forward(const Tensor& z, const Tensor& condition) {
  if (z.rank() != 2 || z.size(1) != options_.latent)
    op_error("generator", concat("z [n, ", options_.latent, "]"), concat("shape ", z.shape()));
  if (!options_.classes) {
    refuse_condition("generator", condition);
    return net(z);
  }
  const Tensor rows = rows_of("generator", options_, condition, z.size(0), z.dtype());
  return net(ops::concat({z, embedding ? embedding->forward(rows) : rows}, 1));
}

std::string GeneratorNetwork::describe() const {
  return concat(embedding ? concat("  generator.embedding: ", embedding->describe(), "\n") : "",
                describe_block("generator", net), "  generator: ", parameter_count(),
                " parameters\n");
}

CriticNetwork::CriticNetwork(const CriticOptions& o, const nn::Init& init, Generator& draws)
    : options_(o) {
  check("critic", options_);
  const bool projects = o.classes && o.conditioning == Conditioning::projection;
  if (o.outputs < 1 || (projects && o.outputs != 1))
    refuse("critic: impossible outputs", projects ? "1, with projection" : "at least 1",
           concat(o.outputs));
  const Builder b(net, options_, init, draws);
  const Index in =
      (o.sample.rank() == 3 ? o.sample[2] : o.sample[0]) + (projects ? 0 : condition_size(o));
  switch (o.architecture) {
    case Architecture::dense: features_ = dense_critic(b, options_, in); break;
    case Architecture::dcgan: features_ = dcgan_critic(b, options_, in); break;
    case Architecture::resnet: features_ = resnet_critic(b, options_, in); break;
  }
  child("net", net);
  if (projects) {
    projection = std::make_unique<nn::Linear>(o.classes, features_, init, false, b.weight(1));
    child("projection", *projection);
  } else if (o.classes && o.embedding) {
    embedding = std::make_unique<nn::Linear>(o.classes, o.embedding, init, false, b.weight(1));
    child("embedding", *embedding);
  }
}

// The input of net: x, and the condition beside it, the same at every pixel.
Tensor CriticNetwork::joined(const Tensor& x, const Tensor& condition) {
  if (x.rank() < 1 ||
      Shape(std::vector<Index>(x.shape().begin() + 1, x.shape().end())) != options_.sample)
    op_error("critic", concat("samples [n, ...] of shape ", options_.sample),
             concat("shape ", x.shape()));
  if (!options_.classes) refuse_condition("critic", condition);
  if (!options_.classes || projection) return x;
  Tensor rows = rows_of("critic", options_, condition, x.size(0), x.dtype());
  if (embedding) rows = embedding->forward(rows);
  if (x.rank() == 2) return ops::concat({x, rows}, 1);
  const Index n = x.size(0), k = rows.size(1);
  const Tensor maps =
      ops::broadcast_to(ops::reshape(rows, Shape{n, 1, 1, k}), Shape{n, x.size(1), x.size(2), k});
  return ops::concat({x, maps}, 3);
}

Tensor CriticNetwork::forward(const Tensor& x, const Tensor& condition) {
  return projection ? judge(x, condition).output : net(joined(x, condition));
}

CriticNetwork::Judgement CriticNetwork::judge(const Tensor& x, const Tensor& condition) {
  const std::size_t last = net.size() - 1;
  const Tensor features = net.forward_until(joined(x, condition), last);
  Tensor output = net.layer(last)(features);
  if (projection) {
    const Tensor rows = rows_of("critic", options_, condition, x.size(0), x.dtype());
    output = output + ops::sum(projection->forward(rows) * features, {1}, true);
  }
  return {features, output};
}

std::string CriticNetwork::describe() const {
  const auto beside = [](const char* name, const std::unique_ptr<nn::Linear>& layer) {
    return layer ? concat("  critic.", name, ": ", layer->describe(), "\n") : "";
  };
  return concat(beside("embedding", embedding), describe_block("critic", net),
                beside("projection", projection), "  critic: ", parameter_count(), " parameters\n");
}

}  // namespace imago::models
