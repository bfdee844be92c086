// A trained classifier as a fixed judge of samples: its features and its labels. Not here: the
// figures made of them (models/measures/sample_figures.h) and the classifier (models/classifier.h).
#pragma once
#include <memory>
#include <string>

#include "models/measures/feature_network.h"

namespace imago::models {

class Classifier;
class Run;

class Judge : public FeatureNetwork {
 public:
  // A run of the preset `classifier`, its best weights or else its last. Error (data) where there
  // is no such run, Error (usage) for a run of another preset.
  static std::shared_ptr<const Judge> open(const std::string& run_directory,
                                           const std::string& device = "auto");
  ~Judge() override;
  // x [n, D] as data::take makes it, on any device. No gradients.
  Tensor features(const Tensor& x) const;  // [n, features]
  Tensor classify(const Tensor& x) const;  // int64 [n]: the class of the largest logit
  Index classes() const;

  Seen look(const Tensor& x, const DataInfo&, bool logits) const override;
  Index feature_count() const override;
  Index batch() const override { return 1000; }
  std::string label() const override { return "FD-classifier"; }
  // Of its weights and their names, 16 hexadecimal digits.
  const std::string& weights() const override { return weights_; }
  void check(const DataInfo&) const override;

 private:
  explicit Judge(Run&&, const std::string& directory);
  std::unique_ptr<Run> run_;
  Classifier* classifier_;
  std::string directory_, weights_;
};

}  // namespace imago::models
