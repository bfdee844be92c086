// Optimisers: one fused pass over all parameters a step, with torch.optim's formulas (clipping,
// decay and an average of the weights in the same pass). Not here: schedules, which are pure
// functions in schedule.h; files, which take state_dict().
#pragma once
#include <string>
#include <variant>
#include <vector>

#include "engine/core/tensor.h"

namespace imago {

// A tensor and its name; also an entry of a state_dict.
struct Parameter {
  std::string name;
  Tensor value;
};

// The update rules, defaults as in torch.optim.
struct Sgd {
  double momentum = 0, dampening = 0;
  bool nesterov = false;
};
struct Adagrad {
  double lr_decay = 0, initial_accumulator = 0, eps = 1e-10;
};
struct RmsProp {
  double alpha = 0.99, eps = 1e-8, momentum = 0;
  bool centered = false;
};
struct Adam {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  bool decoupled = false;  // AdamW: weight_decay shrinks the weights and stays out of the moments
};
using UpdateRule = std::variant<Sgd, Adagrad, RmsProp, Adam>;

struct OptimizerOptions {
  double lr = 1e-3;
  double weight_decay =
      0;  // L2: adds weight_decay * w to the gradient (decoupled Adam: w *= 1 - lr * weight_decay)
  double l1 = 0;         // adds l1 * sign(w) to the gradient
  double clip_norm = 0;  // scales all gradients so that their joint L2 norm is at most this; 0: off
  double clip_value = 0;  // then clamps each element to [-clip_value, clip_value]; 0: off
  double ema = 0;         // decay of the average of the weights kept beside them; 0: none kept
  double optimism = 0;    // g += optimism (g - the last step's g) before all else; 1: optimistic
                          // descent (Daskalakis et al. 2018, equation 6); 0: off
  bool allow_missing =
      false;  // an undefined gradient leaves its parameter as it is instead of an Error
};

// Parameters are float32 or float64, all of one dtype and device; their values change in place.
// Clipping comes before decay.
class Optimizer {
 public:
  // Error (usage) on an option out of range, a repeated name, or mixed dtypes or devices.
  Optimizer(std::vector<Parameter> parameters, UpdateRule rule, OptimizerOptions options = {});

  // One step. grads[i] belongs to parameters()[i]. Error (usage) naming the parameter whose
  // gradient is undefined (unless allow_missing) or of another shape, dtype or device. No
  // synchronisation with the device.
  void step(const std::vector<Tensor>& grads);
  void step();  // with the parameters' .grad()
  void zero_grad();

  double lr() const { return options_.lr; }
  void set_lr(double lr);
  Index steps() const { return steps_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  const OptimizerOptions& options() const { return options_; }

  // Joint L2 norm of the last step's gradients before clipping, on the device; undefined unless
  // clip_norm is set.
  Tensor gradient_norm() const;
  // The averaged weights, named as the parameters; empty unless options().ema is set.
  std::vector<Parameter> averaged() const;

  // Everything a bit-exact resume needs besides the parameters: "steps", and for each parameter
  // "<name>.step" and the rule's buffers under torch's names ("<name>.exp_avg", ...), "<name>.ema".
  // The tensors are the optimiser's own.
  std::vector<Parameter> state_dict() const;
  // Error (usage) naming the first entry that is missing, unexpected, or of another shape or dtype;
  // then nothing changed.
  void load_state_dict(const std::vector<Parameter>& state);

 private:
  struct Slot {
    std::vector<Tensor> buffers;  // one for each name of buffer_names_
    Tensor average;               // undefined without ema
    Tensor last;                  // gradient; undefined without optimism
    Index step = 0;  // of this parameter: fewer than steps() where gradients were missing
  };
  template <class T>
  void run(const std::vector<Tensor>& grads);
  void check(const std::vector<Tensor>& grads) const;
  std::vector<Tensor> optimistic(const std::vector<Tensor>& grads);

  std::vector<Parameter> parameters_;
  UpdateRule rule_;
  OptimizerOptions options_;
  std::vector<std::string> buffer_names_;
  std::vector<Slot> slots_;
  Tensor clip_;  // [scale, norm]: the factor the pass multiplies gradients by, and their joint norm
  Index steps_ = 0;
};

}  // namespace imago
