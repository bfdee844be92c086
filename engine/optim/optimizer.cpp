#include "engine/optim/optimizer.h"

#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "engine/ops/pointwise.h"
#include "engine/optim/stored.h"
#include "kernels/optimizer.h"

namespace imago {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;  // which clang 14 does not derive

[[noreturn]] void fail(std::string what, std::string where, std::string expected,
                       std::string received, std::string remedy = {}) {
  throw Error(ErrorKind::usage, {"[Optimizer] " + std::move(what), std::move(where),
                                 std::move(expected), std::move(received), std::move(remedy)});
}
void check_range(const char* option, double v, double low, double high, const char* words) {
  if (!(v >= low && v <= high)) fail("option out of range", option, words, concat(v));
}
void check_positive(const char* option, double v) {
  check_range(option, v, 0, std::numeric_limits<double>::max(), "a finite number, 0 or more");
}
void check_decay(const char* option, double v) {
  if (!(v >= 0 && v < 1)) fail("option out of range", option, "a number in [0, 1)", concat(v));
}

void check_rule(const UpdateRule& rule) {
  std::visit(Overloaded{
                 [](const Sgd& r) {
                   check_positive("momentum", r.momentum);
                   check_range("dampening", r.dampening, 0, 1, "a number in [0, 1]");
                   if (r.nesterov && (r.momentum == 0 || r.dampening != 0))
                     fail("nesterov does not fit", "nesterov", "a momentum above 0 and dampening 0",
                          concat("momentum ", r.momentum, ", dampening ", r.dampening));
                 },
                 [](const Adagrad& r) {
                   check_positive("lr_decay", r.lr_decay);
                   check_positive("initial_accumulator", r.initial_accumulator);
                   check_positive("eps", r.eps);
                 },
                 [](const RmsProp& r) {
                   check_decay("alpha", r.alpha);
                   check_positive("eps", r.eps);
                   check_positive("momentum", r.momentum);
                 },
                 [](const Adam& r) {
                   check_decay("beta1", r.beta1);
                   check_decay("beta2", r.beta2);
                   check_positive("eps", r.eps);
                 },
             },
             rule);
}

// torch.optim's names of the buffers a rule keeps.
std::vector<std::string> buffer_names(const UpdateRule& rule) {
  return std::visit(Overloaded{
                        [](const Sgd& r) {
                          return r.momentum > 0 ? std::vector<std::string>{"momentum_buffer"}
                                                : std::vector<std::string>{};
                        },
                        [](const Adagrad&) { return std::vector<std::string>{"sum"}; },
                        [](const RmsProp& r) {
                          std::vector<std::string> names{"square_avg"};
                          if (r.centered) names.push_back("grad_avg");
                          if (r.momentum > 0) names.push_back("momentum_buffer");
                          return names;
                        },
                        [](const Adam&) {
                          return std::vector<std::string>{"exp_avg", "exp_avg_sq"};
                        },
                    },
                    rule);
}

template <class T>
T* pointer(const Tensor& t) {
  return t.defined() ? t.data<T>() : nullptr;
}

}  // namespace

Optimizer::Optimizer(std::vector<Parameter> parameters, UpdateRule rule, OptimizerOptions options)
    : parameters_(std::move(parameters)),
      rule_(std::move(rule)),
      options_(options),
      buffer_names_(buffer_names(rule_)) {
  check_rule(rule_);
  set_lr(options_.lr);
  check_positive("weight_decay", options_.weight_decay);
  check_positive("l1", options_.l1);
  check_positive("clip_norm", options_.clip_norm);
  check_positive("clip_value", options_.clip_value);
  check_decay("ema", options_.ema);
  check_positive("optimism", options_.optimism);
  if (parameters_.empty()) fail("nothing to optimise", {}, "at least one parameter", "none");
  std::set<std::string> names;
  const Tensor& like = parameters_[0].value;
  for (const auto& [name, value] : parameters_) {
    if (!names.insert(name).second)
      fail("two parameters of one name", name, "distinct names", "the same twice");
    if (!value.defined() || !is_floating(value.dtype()) || value.dtype() != like.dtype() ||
        value.device() != like.device())
      fail("parameter does not fit", name,
           concat("float32 or float64, all on one device like the first: ", like.dtype(), " on ",
                  like.device()),
           value.defined() ? concat(value.dtype(), " on ", value.device()) : "an undefined tensor");
  }
  const auto* adagrad = std::get_if<Adagrad>(&rule_);
  for (const auto& [name, value] : parameters_) {
    Slot slot;
    for (std::size_t k = 0; k < buffer_names_.size(); k++)
      slot.buffers.push_back(Tensor::full(value.shape(), adagrad ? adagrad->initial_accumulator : 0,
                                          value.dtype(), value.device()));
    if (options_.ema > 0) {
      slot.average = Tensor::empty(value.shape(), value.dtype(), value.device());
      slot.average.copy_(value);
    }
    if (options_.optimism > 0)
      slot.last = Tensor::full(value.shape(), 0, value.dtype(), value.device());
    slots_.push_back(std::move(slot));
  }
  clip_ = Tensor::full({2}, 1, like.dtype(), like.device());
}

void Optimizer::set_lr(double lr) {
  check_positive("lr", lr);
  options_.lr = lr;
}

void Optimizer::check(const std::vector<Tensor>& grads) const {
  if (grads.size() != parameters_.size())
    fail("wrong number of gradients", {}, concat(parameters_.size()), concat(grads.size()));
  for (std::size_t i = 0; i < grads.size(); i++) {
    const auto& [name, value] = parameters_[i];
    const Tensor& g = grads[i];
    if (!g.defined()) {
      if (!options_.allow_missing)
        fail("parameter without a gradient", name, "a gradient for every parameter", "none",
             "leave it out of the optimiser, or set allow_missing");
      continue;
    }
    if (g.shape() != value.shape() || g.dtype() != value.dtype() || g.device() != value.device())
      fail("gradient does not fit its parameter", name,
           concat(value.shape(), " ", value.dtype(), " on ", value.device()),
           concat(g.shape(), " ", g.dtype(), " on ", g.device()));
  }
}

// g + optimism (g - last); the first gradient of a parameter has none before it and stays as it is.
std::vector<Tensor> Optimizer::optimistic(const std::vector<Tensor>& grads) {
  const NoGrad no_grad;
  std::vector<Tensor> all;
  for (std::size_t i = 0; i < grads.size(); i++) {
    const Tensor& g = grads[i];
    Slot& slot = slots_[i];
    all.push_back(g.defined() && slot.step > 0
                      ? (1 + options_.optimism) * g - options_.optimism * slot.last
                      : g);
    if (g.defined()) slot.last.copy_(g);
  }
  return all;
}

void Optimizer::step(const std::vector<Tensor>& given) {
  check(given);
  const std::vector<Tensor> grads = options_.optimism > 0 ? optimistic(given) : given;
  clip_.dtype() == DType::f64 ? run<double>(grads) : run<float>(grads);
  steps_++;
}

void Optimizer::step() {
  std::vector<Tensor> grads;
  for (const auto& [name, value] : parameters_) grads.push_back(value.grad());
  step(grads);
}

void Optimizer::zero_grad() {
  for (const auto& [name, value] : parameters_) value.set_grad({});
}

template <class T>
void Optimizer::run(const std::vector<Tensor>& grads) {
  std::vector<OptimizerItem<T>> items;
  std::vector<Index> ages;  // each item's own step, from 1
  for (std::size_t i = 0; i < grads.size(); i++) {
    if (!grads[i].defined()) continue;
    Slot& slot = slots_[i];
    OptimizerItem<T> item;
    item.n = grads[i].numel();
    item.w = parameters_[i].value.data<T>(), item.g = grads[i].data<T>(),
    item.average = pointer<T>(slot.average);
    T** const places[] = {&item.first, &item.second, &item.third};
    // RMSprop without a mean keeps its momentum third.
    const bool skip_second =
        std::holds_alternative<RmsProp>(rule_) && !std::get<RmsProp>(rule_).centered;
    for (std::size_t k = 0; k < slot.buffers.size(); k++) {
      *places[k > 0 && skip_second ? k + 1 : k] = slot.buffers[k].data<T>();
      slot.buffers[k].bump_version();
    }
    parameters_[i].value.bump_version();
    items.push_back(item);
    ages.push_back(++slot.step);
  }
  if (items.empty()) return;
  const Stream s = clip_.stream();
  const Index count = Index(items.size());
  if (options_.clip_norm > 0)
    kernels::clip_norm(s, ClipNorm<T>{items.data(), count, T(options_.clip_norm), clip_.data<T>()});

  const auto launch = [&](auto pass, auto kernel) {
    pass.items = items.data(), pass.count = count, pass.scale = clip_.data<T>();
    pass.clip =
        options_.clip_value > 0 ? T(options_.clip_value) : std::numeric_limits<T>::infinity();
    const auto* adam = std::get_if<Adam>(&rule_);
    pass.l2 = adam && adam->decoupled ? T(0) : T(options_.weight_decay);
    pass.l1 = T(options_.l1), pass.average_step = T(1 - options_.ema);
    kernel(s, pass);
  };
  const double lr = options_.lr;
  std::visit(Overloaded{
                 [&](const Sgd& r) {
                   for (std::size_t i = 0; i < items.size(); i++)
                     items[i].a = T(ages[i] == 1 ? 0 : r.momentum),
                     items[i].b = T(ages[i] == 1 ? 1 : 1 - r.dampening);
                   SgdPass<T> pass;
                   pass.lr = T(lr), pass.momentum = T(r.momentum), pass.nesterov = r.nesterov;
                   launch(pass, kernels::sgd<T>);
                 },
                 [&](const Adagrad& r) {
                   for (std::size_t i = 0; i < items.size(); i++)
                     items[i].a = T(lr / (1 + double(ages[i] - 1) * r.lr_decay));
                   AdagradPass<T> pass;
                   pass.eps = T(r.eps);
                   launch(pass, kernels::adagrad<T>);
                 },
                 [&](const RmsProp& r) {
                   RmsPropPass<T> pass;
                   pass.lr = T(lr), pass.alpha = T(r.alpha), pass.rest = T(1 - r.alpha),
                   pass.eps = T(r.eps), pass.momentum = T(r.momentum);
                   launch(pass, kernels::rmsprop<T>);
                 },
                 [&](const Adam& r) {
                   for (std::size_t i = 0; i < items.size(); i++) {
                     items[i].a = T(lr / (1 - std::pow(r.beta1, double(ages[i]))));
                     items[i].b = T(1 / std::sqrt(1 - std::pow(r.beta2, double(ages[i]))));
                   }
                   AdamPass<T> pass;
                   pass.beta1 = T(r.beta1), pass.beta2 = T(r.beta2), pass.eps = T(r.eps);
                   pass.rest1 = T(1 - r.beta1), pass.rest2 = T(1 - r.beta2);
                   pass.shrink = r.decoupled ? T(1 - lr * options_.weight_decay) : T(1);
                   launch(pass, kernels::adam<T>);
                 },
             },
             rule_);
}

Tensor Optimizer::gradient_norm() const {
  if (!(options_.clip_norm > 0) || steps_ == 0) return {};
  Tensor norm = clip_.detach();
  norm.impl().shape = {}, norm.impl().offset += 1;
  return norm;
}

std::vector<Parameter> Optimizer::averaged() const {
  std::vector<Parameter> list;
  if (options_.ema > 0)
    for (std::size_t i = 0; i < slots_.size(); i++)
      list.push_back({parameters_[i].name, slots_[i].average});
  return list;
}

std::vector<Parameter> Optimizer::state_dict() const {
  const auto count = [](Index v) { return Tensor::from(std::vector<std::int64_t>{v}, {}); };
  std::vector<Parameter> state{{"steps", count(steps_)}};
  for (std::size_t i = 0; i < slots_.size(); i++) {
    const std::string& name = parameters_[i].name;
    state.push_back({name + ".step", count(slots_[i].step)});
    for (std::size_t k = 0; k < buffer_names_.size(); k++)
      state.push_back({name + "." + buffer_names_[k], stored(slots_[i].buffers[k])});
    if (options_.ema > 0) state.push_back({name + ".ema", stored(slots_[i].average)});
    if (options_.optimism > 0) state.push_back({name + ".last_grad", stored(slots_[i].last)});
  }
  return state;
}

void Optimizer::load_state_dict(const std::vector<Parameter>& state) {
  const std::vector<Parameter> mine = state_dict();
  std::map<std::string, Tensor> given;
  for (const auto& [name, value] : state)
    if (!given.emplace(name, value).second)
      fail("two state entries of one name", name, "distinct names", "the same twice");
  for (const auto& [name, value] : mine) {
    const auto it = given.find(name);
    if (it == given.end())
      fail("state entry missing", name, "the state of the same rule and parameters", "none");
    if (!it->second.defined() || it->second.shape() != value.shape() ||
        it->second.dtype() != value.dtype())
      fail("state entry does not fit", name, concat(value.shape(), " ", value.dtype()),
           it->second.defined() ? concat(it->second.shape(), " ", it->second.dtype())
                                : "an undefined tensor");
  }
  if (given.size() != mine.size()) {
    for (const auto& [name, value] : mine) given.erase(name);
    fail("unexpected state entry", given.begin()->first,
         "the state of the same rule and parameters", "one more");
  }
  for (std::size_t i = 0; i < slots_.size(); i++) {
    const std::string& name = parameters_[i].name;
    for (std::size_t k = 0; k < buffer_names_.size(); k++)
      load_stored(slots_[i].buffers[k], given.at(name + "." + buffer_names_[k]));
    if (options_.ema > 0) load_stored(slots_[i].average, given.at(name + ".ema"));
    if (options_.optimism > 0) load_stored(slots_[i].last, given.at(name + ".last_grad"));
  }
  steps_ = Index(given.at("steps").item());
  for (std::size_t i = 0; i < slots_.size(); i++)
    slots_[i].step = Index(given.at(parameters_[i].name + ".step").item());
}

}  // namespace imago
