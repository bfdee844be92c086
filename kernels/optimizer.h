// One optimiser step over a list of tensors in one pass: clipping, decay, the rule, and an average
// of the weights. Formulas are torch.optim's. Not here: which rule, steps and learning rates;
// engine/optim decides them.
#pragma once
#include "kernels/kernel.h"

namespace imago {

// One parameter. The list stands in host memory and is read during the call only. Unused pointers
// are null.
template <class T>
struct OptimizerItem {
  Index n = 0;
  T* w = nullptr;
  const T* g = nullptr;
  T *first = nullptr, *second = nullptr, *third = nullptr;  // the rule's buffers
  T* average = nullptr;                                     // average of the weights
  T a = 0, b = 0;  // what the rule derives from this parameter's own step count
};
// What every rule does to a gradient before anything else: g = clamp(*scale g, +-clip) + l2 w + l1
// sign(w).
template <class T>
struct OptimizerPass {
  const OptimizerItem<T>* items = nullptr;
  Index count = 0;
  const T* scale = nullptr;  // on the device
  T clip = 0, l2 = 0, l1 = 0;
  T average_step =
      0;  // 1 - decay; average += average_step (w - average) where items have one (all or none)
};

// buffer = a buffer + b g, w -= lr (nesterov ? g + momentum buffer : buffer); a, b = 0, 1 on a
// parameter's first step. buffers first: momentum or none. Without momentum w -= lr g. 3 transfers
// an element, 5 with momentum.
template <class T>
struct SgdPass : OptimizerPass<T> {
  T lr = 0, momentum = 0;
  bool nesterov = false;
};
// first += g^2, w -= a g / (sqrt(first) + eps). 5 transfers an element.
template <class T>
struct AdagradPass : OptimizerPass<T> {
  T eps = 0;
};
// first = alpha first + (1 - alpha) g^2; second (or none): running mean of g, its square taken off;
// third (or none): momentum.
template <class T>
struct RmsPropPass : OptimizerPass<T> {
  T lr = 0, alpha = 0, eps = 0, momentum = 0;
  T rest = 1;  // 1 - alpha, rounded once: in float 1 - 0.99f is off by 1e-6 of itself, 1 - 0.999f
               // by 1e-5
};
// first, second: moments; w = shrink w - a first / (sqrt(second) b + eps), with a = lr / (1 -
// beta1^t) and b = 1 / sqrt(1 - beta2^t). 7 transfers an element (28 bytes in float), 9 with an
// average: memory is the limit.
template <class T>
struct AdamPass : OptimizerPass<T> {
  T beta1 = 0, beta2 = 0, eps = 0, shrink = 1;
  T rest1 = 1, rest2 = 1;  // 1 - beta1, 1 - beta2, rounded once
};
IMAGO_KERNEL(sgd, SgdPass)
IMAGO_KERNEL(adagrad, AdagradPass)
IMAGO_KERNEL(rmsprop, RmsPropPass)
IMAGO_KERNEL(adam, AdamPass)

// clip[0] = min(1, max_norm / (norm + 1e-6)), clip[1] = norm, the joint L2 norm of all g, summed in
// double. 1 read an element.
template <class T>
struct ClipNorm {
  const OptimizerItem<T>* items = nullptr;
  Index count = 0;
  T max_norm = 0;
  T* clip = nullptr;  // on the device
};
IMAGO_KERNEL(clip_norm, ClipNorm)

}  // namespace imago
