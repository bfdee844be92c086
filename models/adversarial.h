// The two-player game of a generator and a critic, composed of a loss, a penalty, stabilisers and a
// condition. The presets that are more than such a composition derive from it, a file each. Not
// here: losses (adversarial_loss.h), networks (networks.h), presets (adversarial_presets.cpp).
#pragma once
#include <optional>

#include "engine/nn/gradient_penalty.h"
#include "models/adversarial_loss.h"
#include "models/generative_task.h"
#include "models/networks.h"

namespace imago::models {

struct AdversarialOptions {
  GeneratorOptions generator;  // their sample is what the networks see, padding included
  CriticOptions critic;
  DataInfo data;

  const AdversarialLoss* loss = nullptr;
  GeneratorLoss generator_loss = GeneratorLoss::non_saturating;
  std::optional<nn::PenaltyOptions> penalty = {};
  double lambda = 10;       // weight of the penalty
  Index penalty_every = 1;  // critic steps; the weight is multiplied by it (Karras et al. 2020)
  double clip = 0;          // weights of the critic are cut to [-clip, clip]; 0: not
  bool conditional = false;

  // Critic steps for each of the generator; 1 / n: n of the generator for each of the critic.
  double d_steps = 1;
  double ttur = 1;  // the critic's learning rate over the generator's (Heusel et al. 2017)
  double feature_matching = 0, historical_averaging = 0;  // weights (Salimans et al. 2016)
  double label_smoothing = 1;                             // the label of data
  double instance_noise = 0;                              // standard deviation at step 0
  Index instance_noise_steps = 10000;                     // over which it falls to 0
  Index replay = 0;  // generated samples kept, of which half a critic's batch is drawn
};

class AdversarialModel : public nn::Module {
 public:
  // draws is drawn from in training and must outlive the model.
  AdversarialModel(const AdversarialOptions& options, const nn::Init& init, Generator& draws);

  // The phases of a training step; the default: critic, then generator.
  virtual std::vector<training::Phase> phases();
  // Rows of a batch that training needs: statistics of one row are none.
  virtual Index smallest_batch() const;
  // Samples [n, ...] as the networks see them. condition: int64 labels or rows, or undefined.
  virtual Tensor generate(const Tensor& z, const Tensor& condition);
  virtual Index latent() const { return options_.generator.latent; }
  // Classes that samples can be asked for; 0: none.
  virtual Index classes() const { return options_.conditional ? options_.data.classes : 0; }
  virtual bool codes() const { return false; }  // whether training found what classes mean
  // What samples are drawn under: of one class, or of each in turn for label -1. Undefined where
  // there is no condition. Error (usage) for a label the model has not.
  virtual Tensor condition(Index n, Index label, Generator& g);
  // The critic's value of each sample [n], where there is a critic.
  virtual bool has_critic() const { return true; }
  virtual Tensor value(const Tensor& x, const Tensor& condition);
  // The same of a pair of sample and code, for critics that are shown both; z is undefined where x
  // are data.
  virtual Tensor value_of_pair(const Tensor& x, const Tensor& z, const Tensor& condition);
  // Where there is none: how far two sets of samples [n, ...] and [m, ...] are apart, [].
  virtual Tensor discrepancy(const Tensor& x, const Tensor& y);
  // Models with an encoder: the codes [n, latent()] of samples as the networks see them, and
  // figures [n] of data, of which evaluations report the means.
  virtual bool encodes() const { return false; }
  virtual Tensor encode(const Tensor& x);
  using RowFigures = std::vector<std::pair<std::string, Tensor>>;
  virtual RowFigures row_figures(const Tensor& x, Generator& g);
  std::string describe() const override;

  // Data [n, D] as the networks see them, [n, ...sample], images in [-1, 1] and padded with black;
  // and back.
  Tensor to_network(const Tensor& x) const;
  Tensor from_network(const Tensor& x) const;
  const AdversarialOptions& options() const { return options_; }

 protected:
  // For models with networks of their own: neither generator nor critic is made.
  struct Bare {};
  AdversarialModel(Bare, const AdversarialOptions& options, const nn::Init& init, Generator& draws);
  void add_generator(const GeneratorOptions&, const nn::Init&);
  void add_critic(const CriticOptions&, const nn::Init&);
  // After the networks are there: what replay and historical averaging keep. Their buffers go into
  // checkpoints.
  void add_stabilisers(const nn::Init&);
  // What describe() says of the critic, of the loss, and of the way to the penalty.
  virtual std::string describe_critic() const;

  virtual training::Terms critic_objective(const training::Batch&);
  virtual training::Terms generator_objective(const training::Batch&);
  // The condition a batch is trained under, and what the critic is told of it.
  virtual Tensor condition_of(const training::Batch&);
  virtual Tensor told(const Tensor& condition) const { return condition; }
  // What a model adds to a side's loss: each term is added and reported. Both and the judgement are
  // of samples made under the condition.
  struct Both;
  virtual training::Terms critic_parts(const Both&, const Tensor& condition,
                                       const training::Batch&);
  virtual training::Terms generator_parts(const CriticNetwork::Judgement& fake,
                                          const Tensor& condition, const training::Batch&);

  Tensor draw_code(Index n);                                     // z ~ N(0, I)
  Tensor noised(const Tensor& x, const training::Batch&) const;  // instance noise, annealed
  using Judgement = CriticNetwork::Judgement;
  virtual Judgement judgement(const Tensor& x, const Tensor& condition);
  // The critic's judgement of data and of samples, in one pass where no layer looks at a batch.
  struct Both {
    Judgement real, fake;
  };
  Both judge(const Tensor& real, const Tensor& fake, const Tensor& condition);
  // Samples without a graph, half of them old where a replay buffer is kept.
  Tensor fakes(const training::Batch&, const Tensor& condition);
  // lambda P as a critic's step of this batch has it; undefined when it has none.
  Tensor penalty(const Tensor& real, const Tensor& fake, const Tensor& condition,
                 const training::Batch&);
  // P itself; fake is undefined where the kind has no use for it.
  virtual Tensor gradient_penalty(const Tensor& real, const Tensor& fake, const Tensor& condition);
  Tensor generator_loss(const Tensor& l) const;  // of the critic's values of samples
  // w |E features(x) - E features(G)|^2, and w |parameters - their means so far|^2.
  Tensor feature_matching(const Tensor& real, const Judgement& fake, const Tensor& condition);
  Tensor historical(const std::string& side);
  // The terms of a phase whose loss is this: with penalty, feature matching, history.
  training::Terms critic_terms(Tensor loss, const Tensor& real, const Tensor& fake,
                               const Tensor& condition, const training::Batch&,
                               training::Terms parts = {});
  training::Terms generator_terms(Tensor loss, const Judgement& fake, const Tensor& condition,
                                  const training::Batch&, training::Terms parts = {});
  // The phases "critic" and "generator" of these parameters, at the pace of d_steps.
  training::Phase critic_phase(std::vector<Parameter> parameters);
  training::Phase generator_phase(std::vector<Parameter> parameters);
  // After a side's update: cut weights, means of the parameters.
  virtual void after(const std::string& side);

  AdversarialOptions options_;
  Generator& draws_;
  std::unique_ptr<GeneratorNetwork> generator_;
  std::unique_ptr<CriticNetwork> critic_;

 private:
  struct History {
    std::string side;
    Tensor parameter, mean;
  };
  std::vector<std::unique_ptr<History>> history_;
  Tensor history_count_;          // int64 on the cpu, critic and generator: steps so far
  Tensor replay_, replay_count_;  // samples; int64 on the cpu: how many were put in so far
  Tensor remember(const Tensor& fresh);
};

// Parameters of a part, named as in the whole.
std::vector<Parameter> parameters_under(const nn::Module& whole,
                                        const std::vector<std::string>& prefixes);

}  // namespace imago::models
