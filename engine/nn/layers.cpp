#include "engine/nn/layers.h"

#include <cmath>

#include "engine/ops/index.h"
#include "engine/ops/layout.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"

namespace imago::nn {

Linear::Linear(Index in, Index out, const Init& init, bool with_bias,
               const WeightOptions& options) {
  // torch.nn.Linear: kaiming_uniform with slope sqrt(5) is U(-1 / sqrt(in), 1 / sqrt(in)), and so
  // is its bias.
  const Tensor w = kaiming_uniform({out, in}, init, std::sqrt(5.));
  const double bound = in > 0 ? 1 / std::sqrt(double(in)) : 0;
  adopt(options, w, with_bias ? uniform({out}, -bound, bound, init) : Tensor(), ops::Rows::first,
        double(in), init);
}
std::string Linear::describe() const {
  return concat("Linear(", weight.size(1), ", ", weight.size(0), bias.defined() ? "" : ", no bias",
                rule_text(), ")");
}

Embedding::Embedding(Index count, Index dim, const Init& init) {
  parameter("weight", weight, normal({count, dim}, 0, 1, init));
}
Tensor Embedding::forward(const Tensor& index) {
  std::vector<Index> dims = index.shape().dims();
  dims.push_back(weight.size(1));
  return ops::reshape(ops::gather_rows(weight, ops::flatten(index, 0)), Shape(dims));
}
std::string Embedding::describe() const {
  return concat("Embedding(", weight.size(0), ", ", weight.size(1), ")");
}

namespace {
struct ActivationRow {
  const char* name;
  Tensor (*function)(const Tensor&);
  ops::Activation fused;
};
constexpr double leaky_slope = 0.2;
const ActivationRow activations[] = {
    {"relu", [](const Tensor& x) { return ops::relu(x); }, ops::Activation::relu},
    {"leaky_relu", [](const Tensor& x) { return ops::leaky_relu(x, leaky_slope); },
     ops::Activation::leaky_relu},
    {"tanh", [](const Tensor& x) { return ops::tanh(x); }, ops::Activation::tanh},
    {"sigmoid", [](const Tensor& x) { return ops::sigmoid(x); }, ops::Activation::sigmoid},
    {"softplus", [](const Tensor& x) { return ops::softplus(x); }, ops::Activation::none},
    {"elu", [](const Tensor& x) { return ops::elu(x, 1); }, ops::Activation::none},
    {"gelu", [](const Tensor& x) { return ops::gelu(x); }, ops::Activation::none},
    {"silu", [](const Tensor& x) { return ops::silu(x); }, ops::Activation::none},
    {"identity", [](const Tensor& x) { return x; }, ops::Activation::none},
};
}  // namespace

const std::vector<std::string>& activation_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& row : activations) all.emplace_back(row.name);
    return all;
  }();
  return names;
}

Activation::Activation(const std::string& name) : name_(name) {
  std::string choices;
  for (const auto& row : activations) {
    if (name == row.name) {
      function_ = row.function;
      fused_ = row.fused;
      return;
    }
    choices += (choices.empty() ? "" : ", ") + std::string(row.name);
  }
  throw Error(ErrorKind::usage, {"unknown activation", {}, "one of " + choices, name});
}
Tensor Activation::forward(const Tensor& x) { return function_(x); }

Dropout::Dropout(double p, Generator& generator) : p_(p), generator_(generator) {
  if (!(p >= 0 && p < 1))
    throw Error(ErrorKind::usage,
                {"dropout out of range", {}, "a probability in [0, 1)", concat(p)});
}
Tensor Dropout::forward(const Tensor& x) {
  return training() && p_ > 0 ? ops::dropout(x, p_, generator_) : x;
}
std::string Dropout::describe() const { return concat("Dropout(", p_, ")"); }

Tensor Sequential::forward_until(const Tensor& x, std::size_t end) {
  Tensor y = x;
  for (std::size_t i = 0; i < end; i++) {
    auto* const first = dynamic_cast<Joinable*>(layers_[i].get());
    const auto* next =
        first && i + 1 < end ? dynamic_cast<Activation*>(layers_[i + 1].get()) : nullptr;
    if (next && next->fused() != ops::Activation::none) {
      y = first->forward(y, next->fused());
      i++;
    } else {
      y = layers_[i]->forward(y);
    }
  }
  return y;
}
std::string Sequential::describe() const {
  std::string text;
  for (std::size_t i = 0; i < layers_.size(); i++)
    text += concat(i ? "\n" : "", i, ": ", layers_[i]->describe());
  return text;
}

Residual::Residual() {
  child("residual", residual);
  child("shortcut", shortcut);
}
Tensor Residual::forward(const Tensor& x) { return residual(x) + shortcut(x); }
std::string Residual::describe() const {
  const auto inner = [](const Sequential& net) {
    std::string text = net.describe();
    for (std::size_t at = 0; (at = text.find('\n', at)) != text.npos;) text.replace(at, 1, "; ");
    return text.empty() ? "identity" : text;
  };
  return concat("Residual(", inner(residual), " | ", inner(shortcut), ")");
}

}  // namespace imago::nn
