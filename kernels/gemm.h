// Matrix products: c = activation(alpha op(a) op(b) + beta c + bias), row-major, batched by
// strides, for float and double. Not here: layouts other than row-major without padding, and any
// knowledge of tensors.
#pragma once
#include "kernels/kernel.h"

namespace imago {

// What is applied to each element of c last. leaky_relu has slope 0.2.
enum class Epilogue : std::uint8_t { none, relu, leaky_relu, tanh, sigmoid };

// 2 batch m n k flops; reads batch (m k + k n) + n elements at least (+ batch m n when beta is not
// 0), writes batch m n. No size may be negative; when one of batch, m, n is 0 nothing is touched;
// when k is 0 the product is 0. c must not overlap a, b or bias. beta 0 means that c is not read:
// it may hold NaN. On cpu the result does not depend on the number of threads.
template <class T>
struct Gemm {
  Index batch = 1, m = 0, n = 0, k = 0;
  bool transpose_a = false, transpose_b = false;
  const T* a = nullptr;  // [m, k], or [k, m] when transpose_a
  Index stride_a = 0;    // elements from one matrix of the batch to the next; 0: one shared by all
  const T* b = nullptr;  // [k, n], or [n, k] when transpose_b
  Index stride_b = 0;
  T* c = nullptr;  // [m, n]
  Index stride_c = 0;
  T alpha = 1, beta = 0;
  const T* bias = nullptr;  // [n], added to every row; none when null
  Epilogue activation = Epilogue::none;
};

// Library calls, one implementation a back-end: kernels/cpu/gemm.cpp (oneDNN, BLAS),
// kernels/cuda/gemm.cpp (cuBLASLt), kernels/emulation/gemm.cpp (plain loops).
namespace host {
template <class T>
void gemm(Stream, const Gemm<T>&);
}
namespace cuda {
template <class T>
void gemm(Stream, const Gemm<T>&);
}
namespace emu {
template <class T>
void gemm(Stream, const Gemm<T>&);
}
namespace kernels {
template <class T>
inline void gemm(Stream s, const Gemm<T>& p) {
  switch (s.backend) {
    case Backend::cpu: return host::gemm(s, p);
    case Backend::cuda: return IMAGO_CUDA_CALL(gemm(s, p));
    case Backend::emulated: return IMAGO_EMULATED_CALL(gemm(s, p));
  }
}
}  // namespace kernels

// y[r, c] = activation(y[r, c] + bias[c]) in place: what a library's own epilogue cannot do. Reads
// and writes rows cols + cols. For a back-end's gemm, in its own namespace.
template <class T>
struct BiasActivation {
  Index rows = 0, cols = 0;
  T* y = nullptr;
  const T* bias = nullptr;  // [cols] or null
  Epilogue activation = Epilogue::none;
};
IMAGO_KERNEL(bias_activation, BiasActivation)

// The backward of it, from the output y (every activation's derivative is a function of it):
// grad_pre = grad activation'(y), and grad_bias[c] = sum over rows of grad_pre in the same pass,
// rows in order. Reads 2 rows cols, writes rows cols + cols.
template <class T>
struct BiasActivationBackward {
  Index rows = 0, cols = 0;
  const T* grad = nullptr;  // [rows, cols]
  const T* y = nullptr;     // [rows, cols]; not read when activation is none
  T* grad_pre = nullptr;    // [rows, cols], or null
  T* grad_bias = nullptr;   // [cols], or null
  Epilogue activation = Epilogue::none;
};
IMAGO_KERNEL(bias_activation_backward, BiasActivationBackward)

}  // namespace imago
