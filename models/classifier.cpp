#include "models/classifier.h"

#include <algorithm>
#include <cmath>

#include "engine/nn/conv.h"
#include "engine/nn/resample.h"
#include "engine/ops/ops.h"
#include "models/description.h"

namespace imago::models {

using training::Config;

namespace {

constexpr Index chunk_rows = 1000;

// He et al. 2015: what a relu halves is made up for.
nn::WeightOptions before_relu(Index fan_in) { return {.sigma = std::sqrt(2. / double(fan_in))}; }

const Tensor& labels_of(const Tensor& labels) {
  if (!labels)
    throw Error(ErrorKind::data, {"the rows have no labels", "classifier",
                                  "labels for every split that is used", "none"});
  return labels;
}

void settle(Config&, const DataInfo& d) {
  if (d.classes < 2)
    throw Error(ErrorKind::usage,
                {"the data have no labels to learn", "preset 'classifier'",
                 "a set with labels of two classes or more", d.name,
                 "`imago list` names the sets; .npz files and folders may hold labels"});
}

std::unique_ptr<GenerativeTask> make(const Config& c, const DataInfo& d, const nn::Init& init,
                                     Generator&) {
  return std::make_unique<ClassifierTask>(
      std::make_unique<Classifier>(
          ClassifierOptions{
              .data = d, .width = c.integer("width"), .features = c.integer("features")},
          init),
      std::uint64_t(c.integer("seed")));
}

}  // namespace

Classifier::Classifier(const ClassifierOptions& o, const nn::Init& init) : options_(o) {
  Index in = o.data.sample_shape.numel();
  if (o.data.kind == data::Kind::image) {
    Index h = o.data.sample_shape[0], w = o.data.sample_shape[1], channels = o.data.sample_shape[2];
    // Halved twice, and until the dense layer has no more than 8 x 8 pixels to look at.
    for (int stage = 0; std::min(h, w) >= 2 && (stage < 2 || std::max(h, w) > 8); stage++) {
      const Index wider = stage ? 2 * o.width : o.width;
      net_.add<nn::Conv2d>(channels, wider, 3, ops::ConvOptions{.padding = 1}, init, true,
                           before_relu(9 * channels));
      net_.add<nn::Activation>("relu");
      net_.add<nn::MaxPool2d>(2);
      channels = wider, h /= 2, w /= 2;
    }
    net_.add<nn::Flatten>();
    in = h * w * channels;
  } else {
    net_.add<nn::Linear>(in, o.features, init, true, before_relu(in));
    net_.add<nn::Activation>("relu");
    in = o.features;
  }
  net_.add<nn::Linear>(in, o.features, init, true, before_relu(in));
  net_.add<nn::Activation>("relu");
  net_.add<nn::Linear>(o.features, o.data.classes, init);
  child("net", net_);
}

Tensor Classifier::input(const Tensor& x) const {
  const Shape& s = options_.data.sample_shape;
  if (x.rank() != 2 || x.size(1) != s.numel())
    op_error("classifier", concat("rows [n, ", s.numel(), "]"), concat("shape ", x.shape()));
  return options_.data.kind == data::Kind::image
             ? ops::reshape(x, Shape{x.size(0), s[0], s[1], s[2]})
             : x;
}
Tensor Classifier::features(const Tensor& x) {
  return net_.forward_until(input(x), net_.size() - 1);
}
Tensor Classifier::logits(const Tensor& x) { return net_(input(x)); }

std::string Classifier::describe() const {
  return concat(describe_block("net", net_), "  all: ", parameter_count(), " parameters\n");
}

Tensor cross_entropy(const Tensor& logits, const Tensor& labels) {
  return -ops::mean(
      ops::gather(ops::log_softmax(logits), ops::reshape(labels, Shape{labels.size(0), 1})));
}

std::vector<training::Phase> ClassifierTask::phases() {
  return {{"main", model_->parameters(), [this](const training::Batch& b) -> training::Terms {
             return {{"loss", cross_entropy(model_->logits(b.x), labels_of(b.labels))}};
           }}};
}

Picture ClassifierTask::reconstruct(const data::DataSet&, const data::Split&, Index) {
  throw Error(ErrorKind::usage,
              {"a classifier reconstructs nothing", {}, {}, {}, "evaluate measures it"});
}
Picture ClassifierTask::interpolate(const data::DataSet&, const data::Split&, Index, Index) {
  throw Error(
      ErrorKind::usage,
      {"a classifier has no codes to interpolate between", {}, {}, {}, "evaluate measures it"});
}

training::Figures ClassifierTask::measure(const data::DataSet& data, const data::Split& split,
                                          const MeasureOptions& o) {
  const std::vector<std::string> names = metric_names(),
                                 wanted = checked_metrics(o.metrics, names, names);
  if (!split) throw Error(ErrorKind::data, {"the split is empty", data.name, "samples", "none"});
  const NoGrad no_grad;
  const Index n = o.limit > 0 ? std::min(o.limit, split.size()) : split.size();
  double loss = 0, right = 0;
  for (Index at = 0; at < n; at += chunk_rows) {
    if (o.stop && o.stop()) return {};
    const Index end = std::min(at + chunk_rows, n);
    const Tensor logits = model_->logits(rows(data, split, at, end, o.seed)),
                 labels = ops::slice(labels_of(split.labels), 0, at, end);
    loss += double(end - at) * cross_entropy(logits, labels).item();
    const std::vector<std::int64_t> found = ops::argmax(logits).to_vector<std::int64_t>(),
                                    truth = labels.to_vector<std::int64_t>();
    for (std::size_t i = 0; i < truth.size(); i++) right += found[i] == truth[i];
    if (o.progress) o.progress(double(end) / double(n));
  }
  training::Figures figures;
  for (const std::string& m : wanted)
    figures.emplace_back(m, (m == "loss" ? loss : right) / double(n));
  return figures;
}

Preset classifier_preset() {
  using namespace training::option;
  Preset p{.name = "classifier",
           .summary = "classifier of labelled data, a fixed judge of generated samples",
           .source = "LeCun et al. 1998",
           .options = {},
           .headline = "accuracy",
           .settle = settle,
           .make = make};
  p = with_options(std::move(p),
                   Options{integer("width", 32, {1, 4096},
                                   "channels of the first convolution; later ones have twice them"),
                           integer("features", 128, {1, 1 << 16}, "of the last hidden layer")});
  return with_defaults(std::move(p), {{"epochs", "6"}, {"lr", "2e-3"}, {"lr_decay", "auto"}});
}

}  // namespace imago::models
