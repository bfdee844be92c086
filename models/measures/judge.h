// A trained classifier as a fixed judge of samples: its features and its labels. Not here: the
// figures made of them (models/measures/sample_figures.h) and the classifier (models/classifier.h).
#pragma once
#include <memory>
#include <string>

#include "engine/core/tensor.h"

namespace imago::models {

class Classifier;
class Run;
struct DataInfo;

class Judge {
 public:
  // A run of the preset `classifier`, its best weights or else its last. Error (data) where there
  // is no such run, Error (usage) for a run of another preset.
  static std::shared_ptr<const Judge> open(const std::string& run_directory,
                                           const std::string& device = "auto");
  ~Judge();
  // x [n, D] as data::take makes it, on any device. No gradients.
  Tensor features(const Tensor& x) const;  // [n, features]
  Tensor classify(const Tensor& x) const;  // int64 [n]: the class of the largest logit
  Index feature_count() const;
  Index classes() const;
  // Of its weights and their names, 16 hexadecimal digits: figures of two judges do not compare.
  const std::string& weights() const { return weights_; }
  // Error (usage) unless it can look at such data.
  void check(const DataInfo&) const;

 private:
  explicit Judge(Run&&, const std::string& directory);
  std::unique_ptr<Run> run_;
  Classifier* classifier_;
  std::string directory_, weights_;
};

}  // namespace imago::models
