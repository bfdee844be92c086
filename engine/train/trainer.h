// The training loop: phases with their optimisers, evaluation, best and last checkpoints, metrics,
// resume, stop, and the guard against non-finite losses. Not here: what is minimised; that is a
// Task, and the tasks are in models/.
#pragma once
#include <functional>
#include <memory>
#include <optional>

#include "engine/data/batches.h"
#include "engine/data/data_set.h"
#include "engine/nn/module.h"
#include "engine/optim/optimizer.h"
#include "engine/train/checkpoint.h"
#include "engine/train/metrics.h"
#include "engine/train/options.h"
#include "engine/train/run_directory.h"

namespace imago::training {

struct Term {
  std::string name;
  Tensor value;  // one element, on the device
};
using Terms = std::vector<Term>;

// The rows of one step, as the task sees them.
struct Batch {
  Tensor x;            // [B, D], network input
  Tensor labels = {};  // [B] int64; undefined where the data have none
  Index step = 0;      // steps done before this one
};

// Some parameters, and what they minimise. A step runs the phases in order, all on the same batch.
struct Phase {
  std::string name;  // of its optimiser in checkpoints: "main"
  std::vector<Parameter> parameters;
  // The first term is minimised, all are reported.
  std::function<Terms(const Batch&)> objective;
  Index every = 1;  // takes part in every so many steps, in the last of them
  double lr_factor = 1;
  // Of lr besides, at a step that comes after so many; 0: the phase takes no part in it. Empty: 1.
  std::function<double(Index done)> share = {};
  bool allow_unused = false;  // parameters that a step does not reach stay as they are
  bool averaged = true;       // keeps averaged weights where the run does
  // After the update of the parameters, without recording: clipped weights, controllers.
  std::function<void(const Batch&)> after = {};
};

class Task {
 public:
  virtual ~Task() = default;
  virtual nn::Module& model() = 0;
  virtual std::vector<Phase> phases() = 0;
  // Rows that a step needs. An epoch's last, smaller batch is left out where it has fewer.
  virtual Index smallest_batch() const { return 1; }
  // Figures of a split, all of it. Draws from generators of its own, so that evaluating never
  // changes training.
  virtual Figures evaluate(const data::DataSet& data, const data::Split& split) = 0;
  // Chooses the best checkpoint; larger is better. None: no figure of this task can.
  virtual std::optional<double> score(const Figures&) const = 0;
  // What that score is measured with, where that may vary: scores compare within it.
  virtual std::string units(const Figures&) const { return {}; }
  // Draws a picture of what the model makes now; false when this kind of data has none.
  virtual bool draw(const data::DataSet& data, const std::string& path) = 0;
};

struct Status {
  Index step = 0, steps = 0;  // done, and in all
  double epoch = 0;
  Figures terms;  // means over the epoch so far: loss, rate, distortion
  double samples_per_second = 0, seconds_left = 0;
  std::size_t memory_active = 0, memory_peak = 0;  // bytes on the run's device
};
// Called on the training thread; any may be empty.
struct Hooks {
  std::function<void(const Status&)>
      status;  // every status_interval seconds; reads the loss, so it waits for the device
  double status_interval = 0.25;
  std::function<void(const MetricsLine&)> line;     // each line as it goes into metrics.jsonl
  std::function<void(const std::string&)> message;  // one line: "resuming from step 500"
  std::function<bool()> stop;  // asked after every step; true: checkpoint and return
};
struct Outcome {
  enum class State { finished, stopped, already_finished } state = State::finished;
  std::string out;
  Index step = 0;
  Figures test;  // of the final test line; empty when stopped
};

// The options of optimisation and of the loop: batch, lr, optimizer, ..., epochs, eval_every,
// checkpoint_every, ...
std::vector<Option> trainer_options();

class Trainer {
 public:
  // config holds at least trainer_options() and seed; generator is the one the task's objectives
  // draw from. data, task and generator must outlive the trainer.
  Trainer(Task& task, const data::DataSet& data, const Config& config, Generator& generator,
          Device device);
  ~Trainer();

  Index steps() const;  // in all
  Index step() const;   // done
  Index steps_per_epoch() const;
  double epoch() const;  // done, with its fraction
  void advance();        // one step; nothing is read back from the device
  // Waits for the device and reads the terms of the steps since the last call. Their means over the
  // epoch so far. Error (diverged) naming the first that is not finite.
  Figures drain();
  Checkpoint checkpoint();  // drains first, so that no checkpoint holds a diverged step
  void restore(const Checkpoint&,
               const std::string& path);  // Error (data) when it does not fit the task

  // The whole loop in a run directory, from `from` on when given; config_json becomes its
  // config.json. A run that is finished is left as it is.
  Outcome run(const RunDirectory& directory, const std::string& config_json, const Hooks& hooks,
              const Checkpoint* from = nullptr);

  // While it lives the model has its averaged weights (when the run keeps them) and is in
  // evaluation mode.
  class Evaluating {
   public:
    explicit Evaluating(Trainer&);
    ~Evaluating();
    Evaluating(const Evaluating&) = delete;
    Evaluating& operator=(const Evaluating&) = delete;

   private:
    Trainer& trainer_;
    std::vector<Parameter> raw_;
  };
  // What goes into every checkpoint's metadata: JSON of the configuration and of the data.
  void describe(std::string config, std::string data);

 private:
  struct State;
  struct Loop;
  std::unique_ptr<State> state_;
};

}  // namespace imago::training
