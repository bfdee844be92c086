// The CUDA kernel language on the host: every thread of a block is a fiber, which barriers and warp
// collectives suspend. Not here: timing, the memory model's weak orders, and whatever else kernels/
// does not use.
//
// IMAGO_SIMT_ORDER (0 forward, 1 reverse, 2 and up a shuffle's seed) is the order in which blocks
// and threads run, so that a missing barrier shows as a changed result. Undefined behaviour of the
// device ends the program with one line: a divergent barrier, a deadlock, a lane outside its mask,
// a shuffle from a missing lane, collectives that do not match. Launches one at a time, from any
// host thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/emulation/runtime_api.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

// SHARED(float, tile, [8][32]): shared memory of a block. Here it is a heap block of the exact
// size, NaN when the block starts.
#define SHARED(T, name, extent) \
  using name##_type = T extent; \
  static char name##_tag;       \
  name##_type& name = *static_cast<name##_type*>(shared_memory(&name##_tag, sizeof(name##_type)))
// DYNAMIC_SHARED(float, buffer): T* to the launch's dynamic shared memory.
#define DYNAMIC_SHARED(T, name) T* const name = static_cast<T*>(dynamic_shared_memory())

namespace imago::emu {

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

// Set by the scheduler before a thread runs.
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;

// Runs body(argument) once for every thread. Refused launches set cudaGetLastError, as on the
// device.
void launch_emulated(const char* kernel, dim3 grid, dim3 block, std::size_t dynamic_shared,
                     cudaStream_t, void (*body)(void*), void* argument);
// Lets the named kernel's launches exceed 48 KiB of shared memory, up to the device's 227 KiB.
void allow_shared_emulated(const char* kernel, std::size_t bytes);
void* shared_memory(const void* tag, std::size_t bytes);
void* dynamic_shared_memory();

enum class BarrierKind : std::uint8_t { sync, count, all, any };
int block_barrier(BarrierKind, int predicate, const char* file, int line);
enum class WarpKind : std::uint8_t { shuffle, ballot, sync };
std::uint64_t warp_collective(std::uint32_t mask, WarpKind, std::uint64_t value, int source_lane);
int lane_of_thread();

// A barrier is known by its place in the source: threads that wait in different ones diverge.
inline void __syncthreads(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  block_barrier(BarrierKind::sync, 0, file, line);
}
inline int __syncthreads_count(int p, const char* file = __builtin_FILE(),
                               int line = __builtin_LINE()) {
  return block_barrier(BarrierKind::count, p, file, line);
}
inline int __syncthreads_and(int p, const char* file = __builtin_FILE(),
                             int line = __builtin_LINE()) {
  return block_barrier(BarrierKind::all, p, file, line);
}
inline int __syncthreads_or(int p, const char* file = __builtin_FILE(),
                            int line = __builtin_LINE()) {
  return block_barrier(BarrierKind::any, p, file, line);
}
inline void __syncwarp(unsigned mask = 0xffffffffu) { warp_collective(mask, WarpKind::sync, 0, 0); }
inline unsigned __ballot_sync(unsigned mask, int p) {
  return unsigned(warp_collective(mask, WarpKind::ballot, p != 0, 0));
}
inline int __any_sync(unsigned mask, int p) { return __ballot_sync(mask, p) != 0; }
inline int __all_sync(unsigned mask, int p) { return __ballot_sync(mask, !p) == 0; }

template <class T>
T shuffle_from(std::uint32_t mask, T v, int source) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
  std::uint64_t u = 0;
  std::memcpy(&u, &v, sizeof v);
  u = warp_collective(mask, WarpKind::shuffle, u, source);
  std::memcpy(&v, &u, sizeof v);
  return v;
}
// Lanes act in groups of width, a power of two; a source outside the group is the lane itself.
template <class T>
T __shfl_sync(unsigned mask, T v, int source, int width = 32) {
  const int lane = lane_of_thread();
  return shuffle_from(mask, v, (lane & ~(width - 1)) | (source & (width - 1)));
}
template <class T>
T __shfl_up_sync(unsigned mask, T v, unsigned delta, int width = 32) {
  const int lane = lane_of_thread(), source = lane - int(delta);
  return shuffle_from(mask, v, source < (lane & ~(width - 1)) ? lane : source);
}
template <class T>
T __shfl_down_sync(unsigned mask, T v, unsigned delta, int width = 32) {
  const int lane = lane_of_thread(), source = lane + int(delta);
  return shuffle_from(mask, v, source > (lane | (width - 1)) ? lane : source);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T v, int x, int width = 32) {
  const int lane = lane_of_thread(), source = lane ^ x;
  return shuffle_from(mask, v, source > (lane | (width - 1)) ? lane : source);
}

// Threads change only at barriers and collectives, so a plain read and write is atomic.
template <class T>
T atomicAdd(T* p, std::type_identity_t<T> v) {
  const T old = *p;
  *p = T(old + v);
  return old;
}
template <class T>
T atomicMax(T* p, std::type_identity_t<T> v) {
  const T old = *p;
  *p = old < v ? v : old;
  return old;
}
template <class T>
T atomicMin(T* p, std::type_identity_t<T> v) {
  const T old = *p;
  *p = v < old ? v : old;
  return old;
}
template <class T>
T atomicOr(T* p, std::type_identity_t<T> v) {
  const T old = *p;
  *p = T(old | v);
  return old;
}
template <class T>
T atomicExch(T* p, std::type_identity_t<T> v) {
  const T old = *p;
  *p = v;
  return old;
}
template <class T>
T atomicCAS(T* p, std::type_identity_t<T> expected, std::type_identity_t<T> v) {
  const T old = *p;
  if (old == expected) *p = v;
  return old;
}
inline void __threadfence() {}
inline void __threadfence_block() {}

template <class T>
T __ldg(const T* p) {
  return *p;
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return x ? __builtin_clz(unsigned(x)) : 32; }

}  // namespace imago::emu
