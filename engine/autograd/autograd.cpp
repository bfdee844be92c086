#include "engine/autograd/autograd.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <unordered_map>

#include "engine/autograd/node.h"

// The one op the walk itself needs, to add gradients that meet.
namespace imago::ops {
Tensor add(const Tensor& a, const Tensor& b);
}

namespace imago {
namespace {

thread_local bool recording = true;
std::atomic<Index> node_count{0};
std::atomic<std::uint64_t> next_id{1};
std::atomic<int> reference{-1};  // -1: ask the environment

[[noreturn]] void fail(std::string what, std::string expected = {}, std::string received = {},
                       std::string remedy = {}) {
  throw Error(ErrorKind::usage,
              {std::move(what), {}, std::move(expected), std::move(received), std::move(remedy)});
}

}  // namespace

bool grad_enabled() { return recording; }
NoGrad::NoGrad() : before_(recording) { recording = false; }
NoGrad::~NoGrad() { recording = before_; }
EnableGrad::EnableGrad() : before_(recording) { recording = true; }
EnableGrad::~EnableGrad() { recording = before_; }
Index live_nodes() { return node_count; }

bool reference_mode() {
  if (reference < 0) {
    const char* v = std::getenv("IMAGO_REFERENCE");
    reference = v && *v && std::strcmp(v, "0") != 0;
  }
  return reference > 0;
}
void set_reference_mode(bool on) { reference = on; }

Node::Node(const char* op, VjpFunction vjp) : op(op), id(next_id++), vjp(std::move(vjp)) {
  node_count++;
}

// A long chain of nodes is taken apart in a loop, not by recursion: whatever a dying node held
// waits in a list.
Node::~Node() {
  struct Held {
    std::vector<Edge> edges;
    std::vector<Saved> inputs, outputs;
    VjpFunction vjp;
  };
  thread_local std::vector<Held>* waiting = nullptr;
  node_count--;
  Held mine{std::move(edges), std::move(saved_inputs), std::move(saved_outputs), std::move(vjp)};
  if (waiting) {
    waiting->push_back(std::move(mine));
    return;
  }
  std::vector<Held> list;
  list.push_back(std::move(mine));
  waiting = &list;
  while (!list.empty()) {
    const Held held = std::move(list.back());
    list.pop_back();
  }
  waiting = nullptr;
}

// --- recording

std::vector<Tensor> record(std::vector<Tensor> outputs, const char* op, std::vector<Tensor> inputs,
                           Save save, VjpFunction vjp) {
  if (!recording) return outputs;
  if (std::none_of(inputs.begin(), inputs.end(), [](const Tensor& t) { return t.requires_grad(); }))
    return outputs;
  auto node = std::make_shared<Node>(op, std::move(vjp));
  node->edges.reserve(inputs.size());
  for (const Tensor& t : inputs) {
    Edge e;
    if (t.requires_grad()) {
      e.shape = t.shape(), e.dtype = t.dtype();
      e.node = t.impl().node, e.output = t.impl().output;
      if (!e.node) e.leaf = t.ptr();
    }
    node->edges.push_back(std::move(e));
  }
  node->saved_inputs.resize(std::min<std::size_t>(inputs.size(), 16));
  for (std::size_t i = 0; i < node->saved_inputs.size(); i++)
    if (save & save_input(int(i)) && inputs[i].defined())
      node->saved_inputs[i] = {inputs[i].ptr(), inputs[i].version()};
  node->saved_outputs.resize(std::min<std::size_t>(outputs.size(), 16));
  for (std::size_t k = 0; k < outputs.size(); k++) {
    const Tensor& t = outputs[k];
    if (t.impl().node)
      fail(concat("[", op, "] records a tensor that another op made"), "a fresh tensor",
           t.impl().node->op);
    node->outputs.push_back({t.shape(), t.dtype(), t.device()});
    if (k < 16 && save & save_output(int(k)))
      node->saved_outputs[k] = {t.detach().ptr(), t.version()};
    if (is_floating(t.dtype())) t.impl().node = node, t.impl().output = int(k);
  }
  return outputs;
}
Tensor record(Tensor output, const char* op, std::vector<Tensor> inputs, Save save,
              VjpFunction vjp) {
  return record(std::vector<Tensor>{std::move(output)}, op, std::move(inputs), save,
                std::move(vjp))[0];
}

// --- what a vjp sees

bool Vjp::has_grad(int k) const { return grads_[std::size_t(k)].defined(); }
Tensor Vjp::grad(int k) const {
  if (has_grad(k)) return grads_[std::size_t(k)];
  const Output& o = node_->outputs[std::size_t(k)];
  return Tensor::zeros(o.shape, o.dtype, o.device);
}
bool Vjp::needed(int i) const { return needed_[std::size_t(i)]; }

namespace {
const Saved& checked(const std::vector<Saved>& all, int i, const char* op, const char* kind) {
  if (i < 0 || std::size_t(i) >= all.size() || !all[std::size_t(i)].tensor)
    fail(concat("[", op, "] vjp reads ", kind, " ", i, ", which was not saved"));
  const Saved& s = all[std::size_t(i)];
  if (s.tensor->storage->version != s.version)
    fail(concat("[", op, "] ", kind, " ", i, " was changed in place after it was used"),
         concat("version ", s.version), concat("version ", s.tensor->storage->version),
         "take the gradient before the change, or change a copy");
  return s;
}
}  // namespace

Tensor Vjp::input(int i) const {
  return Tensor(checked(node_->saved_inputs, i, node_->op, "input").tensor);
}
Tensor Vjp::output(int k) const {
  const Tensor t = Tensor(checked(node_->saved_outputs, k, node_->op, "output").tensor).detach();
  t.impl().node = self_, t.impl().output = k;
  return t;
}
void Vjp::set(int i, Tensor g) {
  const Edge& e = node_->edges[std::size_t(i)];
  if (!g.defined()) fail(concat("[", node_->op, "] vjp gives no gradient for input ", i));
  if (g.shape() != e.shape || g.dtype() != e.dtype)
    fail(concat("[", node_->op, "] vjp gives a gradient of the wrong shape for input ", i),
         concat(e.shape, " ", e.dtype), concat(g.shape(), " ", g.dtype()));
  results_[std::size_t(i)] = std::move(g);
}

struct VjpRunner {
  static std::vector<Tensor> run(const std::shared_ptr<Node>& node, std::vector<Tensor> grads,
                                 std::vector<bool> needed) {
    if (!node->vjp) fail(concat("[", node->op, "] has no gradient"), "an op with a vjp", node->op);
    Vjp v;
    v.node_ = node.get(), v.self_ = node;
    v.grads_ = std::move(grads), v.needed_ = std::move(needed);
    v.results_.resize(node->edges.size());
    node->vjp(v);
    for (std::size_t i = 0; i < v.results_.size(); i++)
      if (v.needed_[i] && !v.results_[i].defined())
        fail(concat("[", node->op, "] vjp leaves the gradient of input ", i, " out"));
    return std::move(v.results_);
  }
};

// --- the walk

namespace {

// Gradients of one walk, keyed by what they belong to.
class Walk {
 public:
  Walk(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs) : inputs_(inputs) {
    for (std::size_t i = 0; i < inputs.size(); i++) {
      TensorImpl& t = inputs[i].impl();
      (t.node ? wanted_outputs_[t.node.get()] : wanted_leaves_[&t]).push_back(i);
    }
    collect(outputs);
    mark();
  }
  std::vector<Tensor> run(const std::vector<Tensor>& outputs, const std::vector<Tensor>& seeds) {
    results_.assign(inputs_.size(), {});
    for (std::size_t k = 0; k < outputs.size(); k++) {
      TensorImpl& t = outputs[k].impl();
      if (t.node)
        arrive(t.node.get(), t.output, seeds[k]);
      else if (t.requires_grad)
        arrive_leaf(&t, seeds[k]);
    }
    for (auto it = order_.rbegin(); it != order_.rend(); ++it) visit(*it);
    return std::move(results_);
  }

 private:
  struct State {
    std::shared_ptr<Node> node;
    bool leads = false;  // to a wanted tensor
    std::vector<Tensor> grads;
  };
  void collect(const std::vector<Tensor>& outputs) {
    std::vector<std::shared_ptr<Node>> stack;
    const auto add = [&](const std::shared_ptr<Node>& n) {
      if (!n || states_.count(n.get())) return;
      states_[n.get()].node = n;
      stack.push_back(n);
    };
    for (const Tensor& t : outputs) add(t.impl().node);
    while (!stack.empty()) {
      const auto n = std::move(stack.back());
      stack.pop_back();
      order_.push_back(n.get());
      for (const Edge& e : n->edges) add(e.node);
    }
    std::sort(order_.begin(), order_.end(),
              [](const Node* a, const Node* b) { return a->id < b->id; });
  }
  bool wanted(const Edge& e) const {
    if (e.leaf) return wanted_leaves_.count(e.leaf.get()) != 0;
    if (!e.node) return false;
    if (states_.at(e.node.get()).leads) return true;
    const auto it = wanted_outputs_.find(e.node.get());
    if (it == wanted_outputs_.end()) return false;
    return std::any_of(it->second.begin(), it->second.end(),
                       [&](std::size_t i) { return inputs_[i].impl().output == e.output; });
  }
  void mark() {
    for (Node* n : order_)
      states_[n].leads =
          std::any_of(n->edges.begin(), n->edges.end(), [&](const Edge& e) { return wanted(e); });
  }
  static void accumulate(Tensor& sum, const Tensor& g) {
    sum = sum.defined() ? ops::add(sum, g) : g;
  }
  void arrive(Node* n, int output, const Tensor& g) {
    auto& grads = states_.at(n).grads;
    grads.resize(n->outputs.size());
    accumulate(grads[std::size_t(output)], g);
  }
  void arrive_leaf(TensorImpl* leaf, const Tensor& g) {
    const auto it = wanted_leaves_.find(leaf);
    if (it == wanted_leaves_.end()) return;
    accumulate(results_[it->second[0]], g);
    for (std::size_t k = 1; k < it->second.size(); k++)
      results_[it->second[k]] = results_[it->second[0]];
  }
  void visit(Node* n) {
    State& s = states_.at(n);
    if (s.grads.empty()) return;
    if (const auto it = wanted_outputs_.find(n); it != wanted_outputs_.end())
      for (std::size_t i : it->second) results_[i] = s.grads[std::size_t(inputs_[i].impl().output)];
    if (!s.leads) return;
    std::vector<bool> needed(n->edges.size());
    for (std::size_t i = 0; i < needed.size(); i++) needed[i] = wanted(n->edges[i]);
    std::vector<Tensor> grads = std::move(s.grads);
    const std::vector<Tensor> to = VjpRunner::run(s.node, std::move(grads), needed);
    for (std::size_t i = 0; i < to.size(); i++) {
      if (!needed[i]) continue;
      const Edge& e = n->edges[i];
      if (e.leaf)
        arrive_leaf(e.leaf.get(), to[i]);
      else
        arrive(e.node.get(), e.output, to[i]);
    }
  }

  const std::vector<Tensor>& inputs_;
  std::unordered_map<TensorImpl*, std::vector<std::size_t>> wanted_leaves_;
  std::unordered_map<Node*, std::vector<std::size_t>> wanted_outputs_;
  std::unordered_map<Node*, State> states_;
  std::vector<Node*> order_;
  std::vector<Tensor> results_;
};

std::vector<Tensor> seeds_for(const std::vector<Tensor>& outputs,
                              const std::vector<Tensor>& given) {
  if (!given.empty() && given.size() != outputs.size())
    fail("[grad] wrong number of grad_outputs", concat(outputs.size()), concat(given.size()));
  std::vector<Tensor> seeds;
  for (std::size_t k = 0; k < outputs.size(); k++) {
    const Tensor& o = outputs[k];
    if (!is_floating(o.dtype()))
      fail(concat("[grad] output ", k, " is not floating"), "float32 or float64", name(o.dtype()));
    if (given.empty()) {
      if (o.numel() != 1)
        fail(concat("[grad] output ", k, " is no scalar"), "one element",
             concat("shape ", o.shape()), "give grad_outputs, or sum it");
      seeds.push_back(Tensor::full(o.shape(), 1, o.dtype(), o.device()));
    } else {
      if (given[k].shape() != o.shape() || given[k].dtype() != o.dtype())
        fail(concat("[grad] grad_outputs ", k, " does not fit its output"),
             concat(o.shape(), " ", o.dtype()), concat(given[k].shape(), " ", given[k].dtype()));
      seeds.push_back(given[k]);
    }
  }
  return seeds;
}

}  // namespace

std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const GradOptions& options) {
  for (std::size_t i = 0; i < inputs.size(); i++)
    if (!inputs[i].requires_grad() && !options.allow_unused)
      fail(concat("[grad] input ", i, " requires no gradient"),
           "a tensor with requires_grad, or made from one", concat("shape ", inputs[i].shape()),
           "call requires_grad_() before the forward pass");
  const std::vector<Tensor> seeds = seeds_for(outputs, options.grad_outputs);
  Walk walk(outputs, inputs);
  std::vector<Tensor> results;
  if (options.create_graph) {
    const EnableGrad on;
    results = walk.run(outputs, seeds);
  } else {
    const NoGrad off;
    results = walk.run(outputs, seeds);
  }
  if (!options.allow_unused)
    for (std::size_t i = 0; i < results.size(); i++)
      if (!results[i].defined())
        fail(concat("[grad] input ", i, " is not reachable from the outputs"),
             "an input the outputs depend on differentiably", concat("shape ", inputs[i].shape()),
             "set allow_unused if this is meant");
  return results;
}

void backward(const Tensor& output) {
  if (!output.requires_grad())
    fail("[backward] the output depends on no tensor that requires a gradient");
  // Every leaf that the output reaches.
  std::vector<Tensor> leaves;
  std::unordered_map<const void*, bool> seen;
  std::vector<std::shared_ptr<Node>> stack;
  const auto visit = [&](const std::shared_ptr<Node>& n) {
    if (n && !std::exchange(seen[n.get()], true)) stack.push_back(n);
  };
  if (output.is_leaf()) leaves.push_back(output);
  visit(output.impl().node);
  while (!stack.empty()) {
    const auto n = std::move(stack.back());
    stack.pop_back();
    for (const Edge& e : n->edges) {
      if (e.leaf && !std::exchange(seen[e.leaf.get()], true)) leaves.push_back(Tensor(e.leaf));
      visit(e.node);
    }
  }
  const std::vector<Tensor> grads = grad({output}, leaves, {.allow_unused = true});
  const NoGrad off;
  for (std::size_t i = 0; i < leaves.size(); i++)
    if (grads[i].defined())
      leaves[i].set_grad(leaves[i].grad().defined() ? ops::add(leaves[i].grad(), grads[i])
                                                    : grads[i].detach());
}

std::vector<Tensor> reference_vjp(
    const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& f,
    const std::vector<Tensor>& primals, const std::vector<Tensor>& cotangents,
    const std::vector<bool>& needed) {
  // Each primal gets an alias, so that the walk ends there whatever made the primal.
  const bool differentiable = grad_enabled();
  std::vector<Tensor> aliases, wanted;
  for (std::size_t i = 0; i < primals.size(); i++) {
    Tensor alias = primals[i].defined() ? primals[i].detach() : Tensor();
    if (needed[i]) {
      if (differentiable && primals[i].requires_grad())
        alias = record(std::move(alias), "alias", {primals[i]}, save_nothing,
                       [](Vjp& v) { v.give(0, [&] { return v.grad(); }); });
      else
        alias.requires_grad_();
      wanted.push_back(alias);
    } else if (alias.defined() && differentiable && primals[i].requires_grad()) {
      alias = primals[i];
    }
    aliases.push_back(std::move(alias));
  }
  const EnableGrad on;
  std::vector<Tensor> outputs = f(aliases), seeds;
  // A constant output contributes nothing.
  std::vector<Tensor> live;
  for (std::size_t k = 0; k < outputs.size(); k++)
    if (outputs[k].requires_grad()) live.push_back(outputs[k]), seeds.push_back(cotangents[k]);
  std::vector<Tensor> got(wanted.size());
  if (!live.empty())
    got = grad(live, wanted,
               {.grad_outputs = seeds, .create_graph = differentiable, .allow_unused = true});
  std::vector<Tensor> results(primals.size());
  for (std::size_t i = 0, k = 0; i < primals.size(); i++)
    if (needed[i]) {
      // The composite states the whole function: what it does not depend on has derivative zero.
      results[i] = got[k].defined()
                       ? got[k]
                       : Tensor::zeros(primals[i].shape(), primals[i].dtype(), primals[i].device());
      k++;
    }
  return results;
}

}  // namespace imago
