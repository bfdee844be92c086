// Stands in for kernels/cuda/gemm.cpp in the emulation: plain loops, rows of the product in order.
// Says nothing about cuBLASLt.
#include "kernels/gemm.h"

#include <vector>

#include "kernels/backend.h"

namespace imago::emu {
namespace {

// One matrix of the batch: a row of c at a time, so that inner loops run along rows of b.
template <class T>
void multiply(const Gemm<T>& p, const T* a, const T* b, T* c) {
  std::vector<T> row(static_cast<std::size_t>(p.n)), packed;
  if (p.transpose_b) {
    packed.resize(static_cast<std::size_t>(p.k * p.n));
    for (Index j = 0; j < p.n; j++)
      for (Index l = 0; l < p.k; l++) packed[std::size_t(l * p.n + j)] = b[j * p.k + l];
    b = packed.data();
  }
  for (Index i = 0; i < p.m; i++) {
    row.assign(row.size(), T(0));
    for (Index l = 0; l < p.k; l++) {
      const T x = p.transpose_a ? a[l * p.m + i] : a[i * p.k + l];
      for (Index j = 0; j < p.n; j++) row[std::size_t(j)] += x * b[l * p.n + j];
    }
    for (Index j = 0; j < p.n; j++) {
      T& y = c[i * p.n + j];
      y = p.alpha * row[std::size_t(j)] + (p.beta == T(0) ? T(0) : p.beta * y);
    }
  }
}

}  // namespace

template <class T>
void gemm(Stream s, const Gemm<T>& p) {
  if (p.m == 0 || p.n == 0) return;  // a and b may be null
  for (Index i = 0; i < p.batch; i++) {
    T* c = p.c + i * p.stride_c;
    multiply(p, p.a + i * p.stride_a, p.b + i * p.stride_b, c);
    if (p.bias || p.activation != Epilogue::none)
      bias_activation(s, BiasActivation<T>{p.m, p.n, c, p.bias, p.activation});
  }
}
template void gemm<float>(Stream, const Gemm<float>&);
template void gemm<double>(Stream, const Gemm<double>&);

}  // namespace imago::emu
