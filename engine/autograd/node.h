// The graph behind autograd.h: a node is one executed op. Private to engine/autograd.
// No cycles by construction: a node holds its inputs; its outputs hold the node; a saved output
// holds no node.
#pragma once
#include "engine/autograd/autograd.h"

namespace imago {

// Where the gradient of an input goes: another node's output, a leaf, or nowhere.
struct Edge {
  std::shared_ptr<Node> node;
  int output = 0;
  std::shared_ptr<TensorImpl> leaf;
  Shape shape;  // of the input; its gradient must match
  DType dtype = DType::f32;
};

struct Saved {
  std::shared_ptr<TensorImpl> tensor;
  std::uint32_t version = 0;
};

struct Output {
  Shape shape;
  DType dtype;
  Device device;
};

struct Node {
  Node(const char* op, VjpFunction vjp);
  ~Node();
  const char* op;
  std::uint64_t id;  // grows with time: inputs have smaller ids than the nodes that use them
  VjpFunction vjp;
  std::vector<Edge> edges;  // one for each input
  std::vector<Saved> saved_inputs, saved_outputs;
  std::vector<Output> outputs;
};

}  // namespace imago
