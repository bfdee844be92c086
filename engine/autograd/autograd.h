// Gradients of any order. grad() is the primitive; backward() writes detached gradients into the
// leaves. A vjp calls public differentiable ops only, so that its own gradient exists; recording is
// on inside it only under create_graph. A missing vjp or an unreachable input throws; it never
// yields zeros.
#pragma once
#include <functional>
#include <vector>

#include "engine/core/tensor.h"

namespace imago {

// Is the graph being recorded on this thread?
bool grad_enabled();
class NoGrad {  // turns recording off while it lives
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};
class EnableGrad {  // turns it on again inside a NoGrad
 public:
  EnableGrad();
  ~EnableGrad();
  EnableGrad(const EnableGrad&) = delete;
  EnableGrad& operator=(const EnableGrad&) = delete;

 private:
  bool before_;
};

struct GradOptions {
  std::vector<Tensor> grad_outputs =
      {};  // one for each output; empty: ones, and every output must have one element
  bool create_graph = false;  // record the gradient itself, for the next order
  bool allow_unused = false;  // an unreachable input yields an undefined Tensor instead of an Error
};
// d(sum over k of outputs[k] . grad_outputs[k]) / d(inputs[i]), each of its input's shape.
std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const GradOptions& = {});
// Adds the gradient of a one-element output to .grad() of every leaf that requires it, detached.
void backward(const Tensor& output);

// What a vjp sees while it runs.
class Vjp {
 public:
  Tensor grad(int output = 0) const;  // gradient of an output; zeros where none arrived
  bool has_grad(int output) const;
  bool needed(int input) const;
  Tensor input(int i) const;       // saved input; Error (usage) if it was changed in place since
  Tensor output(int i = 0) const;  // saved output, attached to the graph
  // The gradient of input i is make(), called only when it is needed.
  template <class F>
  void give(int input, F make) {
    if (needed(input)) set(input, make());
  }
  void set(int input, Tensor gradient);  // shape and dtype must be the input's

 private:
  friend struct VjpRunner;
  Node* node_ = nullptr;
  std::shared_ptr<Node> self_;
  std::vector<Tensor> grads_;
  std::vector<Tensor> results_;
  std::vector<bool> needed_;
};
using VjpFunction = std::function<void(Vjp&)>;

// Which tensors a vjp will read: save_input(0) | save_output(0).
using Save = std::uint32_t;
constexpr Save save_nothing = 0;
constexpr Save save_input(int i) { return Save(1) << i; }
constexpr Save save_output(int i = 0) { return Save(1) << (16 + i); }

// Records outputs as made by op from inputs and returns them, or returns them untouched when
// recording is off or no input requires a gradient. outputs must be fresh tensors. At most 16
// inputs are savable; any number may be recorded.
Tensor record(Tensor output, const char* op, std::vector<Tensor> inputs, Save save,
              VjpFunction vjp);
std::vector<Tensor> record(std::vector<Tensor> outputs, const char* op, std::vector<Tensor> inputs,
                           Save save, VjpFunction vjp);

// Gradient of a function written in public ops: the fallback of fused ops for orders without a
// kernel. Returns d(sum f(primals)[k] . cotangents[k]) / d primals[i] for each i with needed[i],
// differentiable if recording is on.
std::vector<Tensor> reference_vjp(
    const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& f,
    const std::vector<Tensor>& primals, const std::vector<Tensor>& cotangents,
    const std::vector<bool>& needed);
// IMAGO_REFERENCE=1, or set_reference_mode(true): fused ops run their composite of plain ops.
bool reference_mode();
void set_reference_mode(bool);

// Nodes alive in this process: zero after a training step, or there is a leak.
Index live_nodes();

}  // namespace imago
