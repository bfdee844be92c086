// An adversarial model as a run sees it: samples, interpolations between codes, and how good the
// samples are. Not here: the game, which is models/adversarial.h.
#pragma once
#include "models/adversarial.h"

namespace imago::models {

// Figures of a split and as many samples:
//   critic_real, critic_fake   the critic's mean value of data and of samples
//   w1        exact Wasserstein-1 distance of 1000 samples from 1000 of the split; points only
//   energy    mean of -log p of as many samples, p unnormalised; density:NAME only
//   modes_covered, high_quality   of 2500 samples (models/measures/modes.h); mixtures only
//   mse and what else the model has to say of data it encodes (models/adversarial.h); metric
//   "encoder"
class AdversarialTask : public GenerativeTask {
 public:
  AdversarialTask(std::unique_ptr<AdversarialModel> model, std::uint64_t seed)
      : GenerativeTask(seed), model_(std::move(model)) {}
  nn::Module& model() override { return *model_; }
  std::vector<training::Phase> phases() override { return model_->phases(); }
  Index smallest_batch() const override { return model_->smallest_batch(); }
  bool draw(const data::DataSet& data, const std::string& path) override;
  std::string describe() const override { return model_->describe(); }
  bool generates() const override { return true; }
  Choices choices() const override { return {model_->classes(), model_->codes()}; }
  Picture sample(const SampleOptions&) override;
  Picture reconstruct(const data::DataSet&, const data::Split&, Index n) override;
  Picture interpolate(const data::DataSet&, const data::Split&, Index rows, Index columns) override;
  Picture traverse(const TraverseOptions&, const data::DataSet&, const data::Split&) override;
  std::vector<std::string> metric_names() const override;
  training::Figures measure(const data::DataSet&, const data::Split&,
                            const MeasureOptions&) override;

  AdversarialModel& adversary() { return *model_; }

 private:
  std::vector<std::string> scored_by() const override { return {"fd", "w1", "mmd2"}; }
  // Samples as data are, [n, D], on the model's device.
  Tensor samples(Index n, std::uint64_t seed, double temperature, Index label,
                 const Watch& watch = {});
  std::unique_ptr<AdversarialModel> model_;
};

}  // namespace imago::models
