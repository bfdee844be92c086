// A latent-variable model as the trainer sees it, and what can be made with it: samples,
// reconstructions, interpolations. Not here: the objective, which is models/latent_variable.h.
#pragma once
#include "models/measures.h"
#include "models/pictures.h"

namespace imago::models {

// z ~ N(0, temperature^2 I), then the mean of p(x|z) for images and a draw from it for points.
// Error (usage) for an autoencoder, which has no prior.
Picture sample(LatentVariableModel& model, const Shape& sample_shape, Index n, std::uint64_t seed,
               double temperature = 1);
// The first n of a split, each followed by its reconstruction from the posterior mean.
Picture reconstruct(LatentVariableModel& model, const data::DataSet& data, const data::Split& split,
                    Index n, std::uint64_t seed);
// Each row leads from one sample of a split to the next in equal steps of the posterior mean.
Picture interpolate(LatentVariableModel& model, const data::DataSet& data, const data::Split& split,
                    Index rows, Index columns, std::uint64_t seed);

class LatentVariableTask : public training::Task {
 public:
  LatentVariableTask(LatentVariableModel& model, std::uint64_t seed) : model_(model), seed_(seed) {}
  nn::Module& model() override { return model_; }
  std::vector<training::Phase> phases() override;
  training::Figures evaluate(const data::DataSet& data, const data::Split& split) override;
  double score(const training::Figures&) const override;
  bool draw(const data::DataSet& data, const std::string& path) override;

 private:
  LatentVariableModel& model_;
  std::uint64_t seed_;
};

}  // namespace imago::models
