// Launches of kernels with one fault each, for the tests of the emulation. Never part of the
// library.
#pragma once
#include "kernels/runtime.h"

namespace imago::emu {

// y = x with every 256 elements reversed; right only with the second barrier.
void reverse(Stream, const float* x, float* y, int rounds, bool second_barrier);
void fresh_shared(Stream, float* y, unsigned blocks);  // y[b] = shared memory that nobody wrote

enum class WarpFault {
  divergent_barrier,
  barrier_and_shuffle,
  exited_lane,
  lane_never_there,
  source_outside_mask,
  lane_outside_mask,
  mixed_collectives
};
void warp_fault(Stream, float* y, WarpFault);                        // y of 32
void large_shared(Stream, float* y);                                 // 52 KiB
void dynamic_shared(Stream, float* y, std::size_t bytes, int last);  // writes element last; y of 32
void allow_dynamic_shared(std::size_t bytes);

void global_overrun(Stream, float* y, int n);  // writes y[0, n]
void shared_overrun(Stream, float* y,
                    int shift);  // writes shared [shift, shift + 256) of 256; y of 256
void launch_shape(Stream, float* y, unsigned grid, unsigned block);
void launch_nothing(Stream, float* y);

}  // namespace imago::emu
