// An adversarial game whose critic is an autoencoder: its energy A of a sample is the error of the
// reconstruction, low for data. Not here: what the two sides minimise, which is ebgan.cpp and
// began.cpp.
#pragma once
#include "models/adversarial.h"

namespace imago::models {

// A critic's network down to a code, and a generator's from there back to samples.
class AutoencoderCritic : public nn::Module {
 public:
  AutoencoderCritic(const AdversarialOptions& options, Index code, const nn::Init& init,
                    Generator& draws);
  Tensor encode(const Tensor& x, const Tensor& condition);     // [n, code]
  Tensor decode(const Tensor& code, const Tensor& condition);  // [n, ...sample]
  std::string describe() const override;

 private:
  CriticNetwork encoder_;
  GeneratorNetwork decoder_;
};

class EnergyModel : public AdversarialModel {
 public:
  // A(x), one value a sample.
  Tensor value(const Tensor& x, const Tensor& condition) override;

 protected:
  enum class Energy { squared, absolute };  // of an element; A is its mean over a sample
  EnergyModel(Energy energy, const AdversarialOptions& options, Index code, const nn::Init& init,
              Generator& draws);
  // Features are the code, the output is A.
  Judgement judgement(const Tensor& x, const Tensor& condition) override;
  std::string describe_critic() const override;

 private:
  Energy energy_;
  AutoencoderCritic autoencoder_;
};

// Refuses what a game of energies has no use for: Error (usage).
void settle_energy(training::Config& config, const DataInfo& data);
// Size of the code: option "code".
training::Option code_option(Index size);

}  // namespace imago::models
