// The part of the CUDA runtime API that kernels/cuda uses, on the host: device memory is heap
// blocks of the exact size, so that the address sanitizer sees every bound. Included by simt.h; no
// asynchrony here: every call is done when it returns.
#pragma once
#include <cstddef>

namespace imago::emu {

// Numbers and texts are CUDA's.
enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInvalidDeviceFunction = 98,
  cudaErrorInvalidDevice = 101,
  cudaErrorInvalidResourceHandle = 400,
};
enum cudaMemcpyKind {
  cudaMemcpyHostToHost,
  cudaMemcpyHostToDevice,
  cudaMemcpyDeviceToHost,
  cudaMemcpyDeviceToDevice
};
enum { cudaStreamNonBlocking = 1 };
struct EmulatedStream;
using cudaStream_t = EmulatedStream*;
struct cudaDeviceProp {
  char name[256];
  std::size_t totalGlobalMem;
};

const char* cudaGetErrorString(cudaError_t);
// The first error since the last call, which clears it.
cudaError_t cudaGetLastError();
cudaError_t cudaGetDeviceCount(int*);
cudaError_t cudaSetDevice(int);
cudaError_t cudaGetDevice(int*);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp*, int device);
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total);
// Fresh memory is filled with 0xFF: NaN in every floating type.
cudaError_t cudaMalloc(void**, std::size_t bytes);
cudaError_t cudaFree(void*);
// Pointers must be on the side that kind says.
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind,
                            cudaStream_t);
cudaError_t cudaMemsetAsync(void* to, int byte, std::size_t bytes, cudaStream_t);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t*, unsigned flags);
cudaError_t cudaStreamSynchronize(cudaStream_t);

// For simt.cpp: sets what cudaGetLastError returns, and returns it.
cudaError_t set_last_error(cudaError_t);
// The engine never uses the default stream, so the emulation refuses it.
bool is_stream(cudaStream_t);

}  // namespace imago::emu
