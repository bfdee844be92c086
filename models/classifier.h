// A classifier of labelled data: convolutions for images, hidden layers for points, trained on the
// cross-entropy. Its features are what models/measures/judge.h measures samples with.
#pragma once
#include "engine/nn/layers.h"
#include "models/generative_task.h"
#include "models/preset_rows.h"

namespace imago::models {

struct ClassifierOptions {
  DataInfo data;
  Index width = 32;      // channels of the first convolution, twice as many in those behind it
  Index features = 128;  // of the last hidden layer
};

class Classifier : public nn::Module {
 public:
  Classifier(const ClassifierOptions& options, const nn::Init& init);
  // x [n, D], as data::take makes it.
  Tensor features(const Tensor& x);  // [n, features]
  Tensor logits(const Tensor& x);    // [n, classes]
  const ClassifierOptions& options() const { return options_; }
  std::string describe() const override;

 private:
  Tensor input(const Tensor& x) const;
  ClassifierOptions options_;
  nn::Sequential net_;
};

// -E log softmax(logits)[label]. logits [n, classes], labels int64 [n].
Tensor cross_entropy(const Tensor& logits, const Tensor& labels);

// Figures of a split: loss, the cross-entropy in nats; accuracy, the share of rows whose largest
// logit is that of their label.
class ClassifierTask : public GenerativeTask {
 public:
  ClassifierTask(std::unique_ptr<Classifier> model, std::uint64_t seed)
      : GenerativeTask(seed), model_(std::move(model)) {}
  Classifier& classifier() { return *model_; }
  nn::Module& model() override { return *model_; }
  std::vector<training::Phase> phases() override;
  bool draw(const data::DataSet&, const std::string&) override { return false; }
  std::string describe() const override { return model_->describe(); }
  Picture reconstruct(const data::DataSet&, const data::Split&, Index n) override;
  Picture interpolate(const data::DataSet&, const data::Split&, Index rows, Index columns) override;
  std::vector<std::string> metric_names() const override { return {"loss", "accuracy"}; }
  training::Figures measure(const data::DataSet&, const data::Split&,
                            const MeasureOptions&) override;

 private:
  std::vector<std::string> scored_by() const override { return {"accuracy"}; }
  std::unique_ptr<Classifier> model_;
};

Preset classifier_preset();

}  // namespace imago::models
