// Checkpoint: everything a run needs to go on, in one safetensors file under PyTorch-like names.
// Its bytes depend on the model, the configuration, the data, the seed and the step, and on nothing
// else. Not here: when to write one, which is the trainer's business.
#pragma once
#include "engine/nn/module.h"
#include "engine/random/generator.h"

namespace imago::training {

struct Checkpoint {
  std::vector<Parameter> model;  // "encoder.0.weight"
  std::vector<Parameter>
      optimizer;        // "main.encoder.0.weight.exp_avg", stored as "imago.optimizer.main...."
  Generator generator;  // of the training draws
  Index step = 0, epoch = 0, step_in_epoch = 0;
  std::vector<std::string> terms;  // names of the terms
  // Of each, over the epoch so far, and how many values that is, so that its means survive a
  // resume.
  std::vector<double> sums;
  std::vector<Index> counts;
  std::string config;  // JSON of the model and training options, preset and seed
  std::string data;    // JSON: fingerprint, sample_shape, kind
  std::string score;   // JSON of the figures that chose it (best only)
  std::string units;   // what those were measured with, where that varies (best only)
};
// Averaged weights of a run with EMA, named as the model's; empty without.
std::vector<Parameter> averaged(const Checkpoint&);
// Where a tensor of the file goes is told by its prefix; anything without "imago." is the model's.
// Atomic; before_commit as in write_safetensors.
void write_checkpoint(const std::string& path, const Checkpoint&,
                      const std::function<void()>& before_commit = {});
Checkpoint read_checkpoint(
    const std::string& path);  // on the cpu. Error (data) naming the file and what is wrong with it
// Weights alone, as other programs write them: is the file without imago's metadata, and its
// tensors. Error (data) as above.
bool holds_weights_only(const std::string& path);
std::vector<Parameter> read_weights(const std::string& path);

}  // namespace imago::training
