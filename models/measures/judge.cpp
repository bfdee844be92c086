#include "models/measures/judge.h"

#include "engine/io/fingerprint.h"
#include "engine/ops/ops.h"
#include "models/classifier.h"
#include "models/run.h"

namespace imago::models {

std::shared_ptr<const Judge> Judge::open(const std::string& directory, const std::string& device) {
  return std::shared_ptr<const Judge>(new Judge(Run::open(directory, device), directory));
}

Judge::Judge(Run&& run, const std::string& directory)
    : run_(std::make_unique<Run>(std::move(run))), directory_(directory) {
  const auto task = dynamic_cast<ClassifierTask*>(&run_->task());
  if (!task)
    throw Error(ErrorKind::usage, {"the judge is no classifier", directory,
                                   "a run of `imago train classifier`", run_->preset()});
  classifier_ = &task->classifier();
  io::Fingerprint fingerprint;
  for (const Parameter& p : classifier_->state_dict()) {
    fingerprint.add(p.name.data(), p.name.size());
    fingerprint.add(io::to_host(p.value));
  }
  weights_ = fingerprint.str();
}
Judge::~Judge() = default;

Tensor Judge::features(const Tensor& x) const {
  const NoGrad no_grad;
  return classifier_->features(x.to(classifier_->parameters().at(0).value.device()));
}
Tensor Judge::classify(const Tensor& x) const {
  const NoGrad no_grad;
  return ops::argmax(classifier_->logits(x.to(classifier_->parameters().at(0).value.device())));
}
Seen Judge::look(const Tensor& x, const DataInfo&, bool logits) const {
  const NoGrad no_grad;
  const Tensor own = x.to(classifier_->parameters().at(0).value.device());
  return {classifier_->features(own), logits ? classifier_->logits(own) : Tensor()};
}
Index Judge::feature_count() const { return classifier_->options().features; }
Index Judge::classes() const { return classifier_->options().data.classes; }

void Judge::check(const DataInfo& d) const {
  const DataInfo& own = classifier_->options().data;
  if (d.sample_shape != own.sample_shape || d.kind != own.kind)
    throw Error(
        ErrorKind::usage,
        {"the judge cannot look at these data", directory_, concat("samples of ", own.sample_shape),
         concat("samples of ", d.sample_shape), "train a classifier on the same data"});
}

}  // namespace imago::models
