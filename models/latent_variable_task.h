// A latent-variable model as the trainer sees it, and what can be made with it: samples,
// reconstructions, interpolations. Not here: the objective, which is models/latent_variable.h.
#pragma once
#include "models/measures/bounds.h"
#include "models/pictures.h"

namespace imago::models {

// z ~ N(0, temperature^2 I), then the mean of p(x|z) for images and a draw from it for points.
// Error (usage) for an autoencoder, which has no prior.
Picture sample(LatentVariableModel& model, const Shape& sample_shape, Index n, std::uint64_t seed,
               double temperature = 1, const Watch& watch = {});
// The first n of a split, each followed by its reconstruction from the posterior mean.
Picture reconstruct(LatentVariableModel& model, const data::DataSet& data, const data::Split& split,
                    Index n, std::uint64_t seed);
// Each row leads from one sample of a split to the next in equal steps of the posterior mean.
Picture interpolate(LatentVariableModel& model, const data::DataSet& data, const data::Split& split,
                    Index rows, Index columns, std::uint64_t seed);

class LatentVariableTask : public GenerativeTask {
 public:
  LatentVariableTask(LatentVariableModel& model, Shape sample_shape, std::uint64_t seed)
      : GenerativeTask(seed), model_(model), sample_shape_(std::move(sample_shape)) {}
  // One that keeps its model.
  LatentVariableTask(std::unique_ptr<LatentVariableModel> model, Shape sample_shape,
                     std::uint64_t seed)
      : GenerativeTask(seed),
        own_(std::move(model)),
        model_(*own_),
        sample_shape_(std::move(sample_shape)) {}
  nn::Module& model() override { return model_; }
  std::vector<training::Phase> phases() override;
  bool draw(const data::DataSet& data, const std::string& path) override;
  std::string describe() const override { return model_.describe(); }
  bool generates() const override { return model_.options().bound != Bound::reconstruction; }
  Picture sample(const SampleOptions&) override;
  Picture reconstruct(const data::DataSet&, const data::Split&, Index n) override;
  Picture interpolate(const data::DataSet&, const data::Split&, Index rows, Index columns) override;
  Picture traverse(const TraverseOptions&, const data::DataSet&, const data::Split&) override;
  std::vector<std::string> metric_names() const override { return models::metric_names(model_); }
  training::Figures measure(const data::DataSet&, const data::Split&,
                            const MeasureOptions&) override;

 private:
  std::vector<std::string> scored_by() const override;
  std::unique_ptr<LatentVariableModel> own_;
  LatentVariableModel& model_;
  Shape sample_shape_;
};

}  // namespace imago::models
