// Module: a tree of named parameters and buffers, named as in PyTorch ("encoder.0.weight").
// Not here: layers, which are engine/nn/layers.h; files, which are engine/train/checkpoint.h.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "engine/autograd/autograd.h"
#include "engine/optim/optimizer.h"

namespace imago::nn {

// Members register themselves in the constructor; a Module is therefore neither copied nor moved.
class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  std::vector<Parameter> parameters()
      const;  // those that are trained, in the order of registration
  // Parameters and buffers as engine/optim/stored.h says, sharing the module's memory but for those
  // of four dimensions.
  std::vector<Parameter> state_dict() const;
  // Copies values in place, between devices if need be. Every name must be there, with its shape
  // and dtype, and no other; otherwise Error (data) naming the tensor, with `where` (a file) as the
  // place. Nothing is changed by a failing call.
  void load_state_dict(const std::vector<Parameter>& values, const std::string& where = {}) const;
  Index parameter_count() const;

  void train(bool on = true);  // dropout and the like are active
  void eval() { train(false); }
  bool training() const { return training_; }
  virtual std::string describe() const { return {}; }  // "Linear(784, 400)"

 protected:
  void parameter(std::string name, Tensor& member,
                 Tensor value);  // keeps value in member, requiring a gradient
  void buffer(std::string name, Tensor& member, Tensor value);
  void child(std::string name, Module& member) { children_.emplace_back(std::move(name), &member); }

 private:
  template <class F>
  void visit(const std::string& prefix, const F& f) const;
  std::vector<Parameter> entries() const;  // of the state_dict, as they lie here

  std::vector<std::pair<std::string, const Tensor*>> parameters_, buffers_;
  std::vector<std::pair<std::string, Module*>> children_;
  bool training_ = true;
};

// A module of one tensor to one tensor.
class Layer : public Module {
 public:
  virtual Tensor forward(const Tensor& x) = 0;
  Tensor operator()(const Tensor& x) { return forward(x); }
};

}  // namespace imago::nn
