// From a run-time dtype to a compile-time type, for the sources of engine/ops. Not here: which
// dtypes an op accepts.
#pragma once
#include "engine/core/tensor.h"

namespace imago::ops {

// f(T{}) with T float or double; Error (usage) for other dtypes.
template <class F>
auto with_floating(const char* op, DType t, F f) {
  if (t == DType::f64) return f(double{});
  if (t != DType::f32)
    op_error(op, "a float32 or float64 tensor", name(t), "convert it with ops::cast");
  return f(float{});
}
// f(T{}) with T an unsigned type of the element's size: for movement, which is the same for all
// dtypes of a size.
template <class F>
auto with_bits(DType t, F f) {
  switch (size_of(t)) {
    case 1: return f(std::uint8_t{});
    case 4: return f(std::uint32_t{});
    default: return f(std::uint64_t{});
  }
}

}  // namespace imago::ops
