// One small kernel for each parallel pattern, and the raw random words, built for every back-end as
// kernels/ is. Not here: what they should compute, which is patterns.cpp.
#pragma once
#include "kernels/kernel.h"

namespace imago {

// Data are small whole numbers, so that every sum is exact in any order.
template <class T>
struct Probe {
  Index outer = 1, rows = 0, cols = 0;
  PhiloxKey key{};
  const T* x = nullptr;  // [outer, rows, cols]
  T* y = nullptr;
};
// Lists of tensors, in host memory.
template <class T>
struct ProbeItem {
  Index n;
  T* p;
  double payload[4];  // wide, so that a list needs several tables
};
template <class T>
struct ProbeList {
  const ProbeItem<T>* items = nullptr;
  Index count = 0;
  T* y = nullptr;
};
struct Words {
  Index blocks = 0;
  PhiloxKey key{};
  std::uint32_t* words = nullptr;  // [blocks, 4]
};

IMAGO_KERNEL(probe_for_each, Probe)                 // y[i] += x[i] + 1
IMAGO_KERNEL(probe_for_each_2d, Probe)              // y[r, c] += x[r, c] + 3 r + c
IMAGO_KERNEL(probe_normal, Probe)                   // y[i] = e
IMAGO_KERNEL(probe_uniform, Probe)                  // y[i] = u
IMAGO_KERNEL(probe_normal_groups, Probe)            // [outer, rows, cols]: y = e + 4 b
IMAGO_KERNEL(probe_row_normal, Probe)               // y[b rows + r] = sum of floor(4 e) + b
IMAGO_KERNEL(probe_group_normal, Probe)             // y[b, c] = sum over r of floor(4 e) x
IMAGO_KERNEL(probe_row_reduce, Probe)               // y[r]
IMAGO_KERNEL(probe_row_vec, Probe)                  // y[r, 3]: sums of x, x^2, 1
IMAGO_KERNEL(probe_row_max, Probe)                  // y[r]
IMAGO_KERNEL(probe_for_each_row, Probe)             // y[r, c] = x[r, c] + sum of the row
IMAGO_KERNEL(probe_column_reduce, Probe)            // y[c]
IMAGO_KERNEL(probe_column_reduce_outer, Probe)      // y[o, c]
IMAGO_KERNEL(probe_reduce_all, Probe)               // y[0]
IMAGO_KERNEL(probe_multi_tensor, ProbeList)         // p[i] += 1 + payload[0]
IMAGO_KERNEL(probe_multi_tensor_reduce, ProbeList)  // y[0] = sum of all p

IMAGO_KERNEL_DECLARE_(void probe_words(Stream, const Words&);)
IMAGO_KERNEL_DECLARE_(int probe_level();)  // x86-64-v4 or -v3: what it is compiled for; 0 otherwise
namespace kernels {
inline int probe_level() { return IMAGO_CPU_CALL(probe_level()); }
inline void probe_words(Stream s, const Words& p) { IMAGO_DISPATCH(s.backend, probe_words(s, p)) }
}  // namespace kernels

}  // namespace imago
