// Kernels with one fault each, launched in the emulation; faults.cpp expects every fault to be
// caught.
#include "tests/kernels/planted_faults.h"

#include "kernels/backend.h"

namespace imago::emu {
namespace {

constexpr int kThreads = 256;

// Each round reverses a piece of x through shared memory; the second barrier keeps a round from
// overwriting the one before.
template <bool kSecondBarrier>
__global__ void reverse_kernel(const float* x, float* y, int rounds) {
  SHARED(float, tile, [kThreads]);
  const int t = int(threadIdx.x);
  for (int r = 0; r < rounds; r++) {
    tile[t] = x[r * kThreads + t];
    __syncthreads();
    y[r * kThreads + t] = tile[kThreads - 1 - t];
    if (kSecondBarrier) __syncthreads();
  }
}
__global__ void fresh_shared_kernel(float* y) {
  SHARED(float, tile, [4]);
  y[blockIdx.x] = tile[1];
  tile[1] = 1;
}
__global__ void divergent_barrier_kernel(float* y) {
  if (threadIdx.x < 16) {
    y[0] = 1;
    __syncthreads();
  } else {
    __syncthreads();
  }
}
__global__ void barrier_and_shuffle_kernel(float* y) {
  if (threadIdx.x < 16)
    __syncthreads();
  else
    y[0] = __shfl_sync(0xffffffffu, 1.f, 0);
}
__global__ void exited_lane_kernel(float* y) {
  if (threadIdx.x == 5) return;
  y[threadIdx.x] = __shfl_sync(0xffffffffu, float(threadIdx.x), 5);
}
__global__ void lane_never_there_kernel(float* y) {
  y[threadIdx.x] = __shfl_down_sync(0xffffffffu, float(threadIdx.x), 16);
}
__global__ void source_outside_mask_kernel(float* y) {
  if (threadIdx.x < 16) y[threadIdx.x] = __shfl_sync(0x0000ffffu, 1.f, 20);
}
__global__ void lane_outside_mask_kernel(float* y) {
  y[threadIdx.x] = __shfl_sync(0x0000ffffu, 1.f, 0);
}
__global__ void mixed_collectives_kernel(float* y) {
  if (threadIdx.x < 16)
    y[0] = float(__ballot_sync(0xffffffffu, 1));
  else
    y[1] = __shfl_sync(0xffffffffu, 1.f, 0);
}
__global__ void large_shared_kernel(float* y) {
  SHARED(float, tile, [13 * 1024]);
  tile[threadIdx.x] = 1;
  y[threadIdx.x] = tile[threadIdx.x];
}
__global__ void dynamic_shared_kernel(float* y, int last) {
  DYNAMIC_SHARED(float, tile);
  if (threadIdx.x == 0) tile[last] = 1;
  __syncthreads();
  y[threadIdx.x] = tile[last];
}
__global__ void global_overrun_kernel(float* y, int n) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i <= n) y[i] = 1;  // not < n
}
__global__ void shared_overrun_kernel(float* y, int shift) {
  SHARED(float, tile, [kThreads]);
  float* first =
      tile;  // a pointer: not the array type that the undefined-behaviour sanitizer knows
  first[int(threadIdx.x) + shift] = 1;
  __syncthreads();
  y[threadIdx.x] = tile[threadIdx.x];
}

using Kernel = void (*)(float*);
Kernel warp_kernel(WarpFault fault) {
  switch (fault) {
    case WarpFault::divergent_barrier: return divergent_barrier_kernel;
    case WarpFault::barrier_and_shuffle: return barrier_and_shuffle_kernel;
    case WarpFault::exited_lane: return exited_lane_kernel;
    case WarpFault::lane_never_there: return lane_never_there_kernel;
    case WarpFault::source_outside_mask: return source_outside_mask_kernel;
    case WarpFault::lane_outside_mask: return lane_outside_mask_kernel;
    case WarpFault::mixed_collectives: return mixed_collectives_kernel;
  }
  return nullptr;
}

}  // namespace

void reverse(Stream s, const float* x, float* y, int rounds, bool second_barrier) {
  if (second_barrier)
    IMAGO_LAUNCH(reverse_kernel<true>, 1, kThreads, 0, s, x, y, rounds);
  else
    IMAGO_LAUNCH(reverse_kernel<false>, 1, kThreads, 0, s, x, y, rounds);
}
void fresh_shared(Stream s, float* y, unsigned blocks) {
  IMAGO_LAUNCH(fresh_shared_kernel, blocks, 1, 0, s, y);
}
void warp_fault(Stream s, float* y, WarpFault fault) {
  const unsigned threads = fault == WarpFault::lane_never_there ? 24 : 32;
  IMAGO_LAUNCH(warp_kernel(fault), 1, threads, 0, s, y);
}
void large_shared(Stream s, float* y) { IMAGO_LAUNCH(large_shared_kernel, 1, 1, 0, s, y); }
void dynamic_shared(Stream s, float* y, std::size_t bytes, int last) {
  IMAGO_LAUNCH(dynamic_shared_kernel, 1, 32, bytes, s, y, last);
}
void allow_dynamic_shared(std::size_t bytes) {
  IMAGO_ALLOW_SHARED(dynamic_shared_kernel, int(bytes));
}
void global_overrun(Stream s, float* y, int n) {
  IMAGO_LAUNCH(global_overrun_kernel, unsigned(n / kThreads + 1), kThreads, 0, s, y, n);
}
void shared_overrun(Stream s, float* y, int shift) {
  IMAGO_LAUNCH(shared_overrun_kernel, 1, kThreads, 0, s, y, shift);
}
void launch_shape(Stream s, float* y, unsigned grid, unsigned block) {
  IMAGO_LAUNCH(fresh_shared_kernel, grid, block, 0, s, y);
}
void launch_nothing(Stream s, float* y) {
  Kernel none = nullptr;
  IMAGO_LAUNCH(none, 1, 1, 0, s, y);
}

}  // namespace imago::emu
