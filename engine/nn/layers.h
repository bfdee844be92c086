// Layers: Linear, Embedding, Activation, Dropout, Sequential. Not here: convolutions and norms,
// which have files of their own.
#pragma once
#include <memory>

#include "engine/nn/init.h"
#include "engine/nn/module.h"
#include "engine/ops/matmul.h"

namespace imago::nn {

// A layer that can apply the activation after it in the same pass.
class Joinable : public Layer {
 public:
  virtual Tensor forward(const Tensor& x, ops::Activation activation) = 0;
  Tensor forward(const Tensor& x) override { return forward(x, ops::Activation::none); }
};

// x W^T + b, weight [out, in]. Initialised as torch.nn.Linear: both uniform within 1 / sqrt(in).
class Linear : public Joinable {
 public:
  Linear(Index in, Index out, const Init& init, bool with_bias = true);
  using Joinable::forward;
  Tensor forward(const Tensor& x, ops::Activation activation) override {
    return ops::linear(x, weight_now(), bias, activation);
  }
  std::string describe() const override;
  Tensor weight_now() { return weight; }  // what a forward multiplies by

  Tensor weight, bias;  // bias undefined without one
};

// Rows of a table: int64 [...] to [..., dim]. Initialised N(0, 1).
class Embedding : public Layer {
 public:
  Embedding(Index count, Index dim, const Init& init);
  Tensor forward(const Tensor& index) override;
  std::string describe() const override;

  Tensor weight;
};

// An activation function by name, one of activation_names(). Sequential joins it to a Joinable
// before it where that can.
class Activation : public Layer {
 public:
  explicit Activation(const std::string& name);  // Error (usage) for an unknown name
  Tensor forward(const Tensor& x) override;
  std::string describe() const override { return name_; }
  ops::Activation fused() const { return fused_; }  // none where no layer can join it

 private:
  std::string name_;
  Tensor (*function_)(const Tensor&);
  ops::Activation fused_;
};
const std::vector<std::string>& activation_names();

// Zeroes elements with probability p while training and scales the others by 1 / (1 - p). Draws
// from the run's generator.
class Dropout : public Layer {
 public:
  Dropout(double p, Generator& generator);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

 private:
  double p_;
  Generator& generator_;
};

// Layers in turn, named "0", "1", ... An Activation right after a Joinable runs in its
// pass.
class Sequential : public Layer {
 public:
  template <class L, class... A>
  L& add(A&&... arguments) {
    auto layer = std::make_unique<L>(std::forward<A>(arguments)...);
    L& added = *layer;
    child(std::to_string(layers_.size()), added);
    layers_.push_back(std::move(layer));
    return added;
  }
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;  // one line a layer
  std::size_t size() const { return layers_.size(); }
  Layer& layer(std::size_t i) { return *layers_.at(i); }

 private:
  std::vector<std::unique_ptr<Layer>> layers_;
};

}  // namespace imago::nn
