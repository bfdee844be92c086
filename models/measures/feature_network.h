// A fixed network whose features samples are compared by: a judge, or Inception-v3. Not here: the
// figures made of them (models/measures/feature_figures.h).
#pragma once
#include <memory>
#include <string>

#include "engine/core/tensor.h"
#include "models/measures/inception_input.h"

namespace imago::models {

struct DataInfo;

// What a network makes of samples, on its device, without gradients.
struct Seen {
  Tensor features;  // [n, feature_count]
  Tensor logits;    // [n, classes], of which softmax is p(y|x); undefined where not asked for
};

class FeatureNetwork {
 public:
  virtual ~FeatureNetwork() = default;
  // x [n, D] as data::take makes it, on any device; samples of such data.
  virtual Seen look(const Tensor& x, const DataInfo&, bool logits) const = 0;
  virtual Index feature_count() const = 0;
  virtual Index batch() const = 0;  // rows to look at at once
  // What a Frechet distance of these features is called. FID only of the published weights, all
  // 2048 features; else FD-inception, FD-classifier.
  virtual std::string label() const = 0;
  // Hexadecimal digits: figures of two weights do not compare.
  virtual const std::string& weights() const = 0;
  virtual std::string pipeline() const { return {}; }  // how images become input, where that varies
  // Error (usage) unless it can look at such data.
  virtual void check(const DataInfo&) const = 0;
};

struct InceptionOptions {
  std::string weights;  // the file
  Pipeline pipeline = Pipeline::torch_fidelity;
  Index count = 2048;  // of its features
  bool bias = false;   // of the logits; torch-fidelity's and the first inception score have none
  std::string device = "auto";
};
// Inception-v3. Images are rounded to the 8 bits that the other programs read from files.
std::shared_ptr<const FeatureNetwork> open_inception(const InceptionOptions&);

}  // namespace imago::models
