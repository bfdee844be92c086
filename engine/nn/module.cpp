#include "engine/nn/module.h"

#include <unordered_map>

#include "engine/optim/stored.h"

namespace imago::nn {

void Module::parameter(std::string name, Tensor& member, Tensor value) {
  member = std::move(value);
  member.requires_grad_();
  parameters_.emplace_back(std::move(name), &member);
}
void Module::buffer(std::string name, Tensor& member, Tensor value) {
  member = std::move(value);
  buffers_.emplace_back(std::move(name), &member);
}

// f(prefix, module) for this module and all below it, in the order of registration.
template <class F>
void Module::visit(const std::string& prefix, const F& f) const {
  f(prefix, *this);
  for (const auto& [name, module] : children_) module->visit(prefix + name + ".", f);
}

std::vector<Parameter> Module::parameters() const {
  std::vector<Parameter> all;
  visit("", [&](const std::string& prefix, const Module& m) {
    for (const auto& [name, tensor] : m.parameters_) all.push_back({prefix + name, *tensor});
  });
  return all;
}

std::vector<Parameter> Module::entries() const {
  std::vector<Parameter> all;
  visit("", [&](const std::string& prefix, const Module& m) {
    for (const auto& [name, tensor] : m.parameters_)
      all.push_back({prefix + name, tensor->detach()});
    for (const auto& [name, tensor] : m.buffers_) all.push_back({prefix + name, *tensor});
  });
  return all;
}
std::vector<Parameter> Module::state_dict() const {
  std::vector<Parameter> all = entries();
  for (Parameter& p : all) p.value = stored(p.value);
  return all;
}

Index Module::parameter_count() const {
  Index n = 0;
  for (const auto& p : parameters()) n += p.value.numel();
  return n;
}

void Module::load_state_dict(const std::vector<Parameter>& values, const std::string& where) const {
  const auto fail = [&](std::string what, std::string expected, std::string received) {
    throw Error(ErrorKind::data, {std::move(what), where, std::move(expected), std::move(received),
                                  "use weights saved from a model of the same configuration"});
  };
  std::unordered_map<std::string, const Tensor*> given;
  for (const auto& v : values)
    if (!given.emplace(v.name, &v.value).second)
      fail("weights hold '" + v.name + "' twice", "", "");
  const std::vector<Parameter> own = entries();
  for (const auto& [name, tensor] : own) {
    const Shape shape = stored_shape(tensor.shape());
    const auto found = given.find(name);
    if (found == given.end())
      fail("weights lack '" + name + "'", concat("a tensor ", shape), "none");
    const Tensor& value = *found->second;
    if (value.shape() != shape || value.dtype() != tensor.dtype())
      fail("weight '" + name + "' does not fit the model", concat(tensor.dtype(), " ", shape),
           concat(value.dtype(), " ", value.shape()));
    given.erase(found);
  }
  for (const auto& v : values)
    if (given.count(v.name))
      fail("weights hold '" + v.name + "', which the model has not", "no such tensor",
           concat(v.value.shape()));
  for (const auto& v : values) given.emplace(v.name, &v.value);
  for (const auto& [name, tensor] : own) load_stored(tensor, *given.at(name));
}

void Module::train(bool on) {
  training_ = on;
  for (const auto& [name, module] : children_) module->train(on);
}

}  // namespace imago::nn
