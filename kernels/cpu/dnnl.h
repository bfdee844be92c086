// oneDNN 2.6 and 3.x through one interface: engine, stream, errors, and a matrix product's
// descriptor. Not here: caching and threads, which are kernels/cpu/gemm.cpp.
#pragma once
#include <dnnl.hpp>
#include <string>

#include "kernels/kernel.h"

namespace imago::host {

inline const dnnl::engine& dnnl_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}
// One for each thread: executing on one stream from two threads is not promised to be safe.
inline const dnnl::stream& dnnl_stream() {
  thread_local const dnnl::stream stream(dnnl_engine());
  return stream;
}

// Runs f; a failure of the library becomes a DeviceError that names the call.
template <class F>
auto dnnl_call(const char* call, F f) {
  try {
    return f();
  } catch (const dnnl::error& e) {
    throw DeviceError(std::string("oneDNN ") + call + ": " + e.what());
  }
}

inline void append_eltwise(dnnl::post_ops& ops, dnnl::algorithm algorithm, float alpha,
                           float beta) {
#if DNNL_VERSION_MAJOR >= 3
  ops.append_eltwise(algorithm, alpha, beta);
#else
  ops.append_eltwise(1.f, algorithm, alpha, beta);
#endif
}

// bias may be null.
inline dnnl::matmul::primitive_desc matmul_descriptor(const dnnl::memory::desc& a,
                                                      const dnnl::memory::desc& b,
                                                      const dnnl::memory::desc* bias,
                                                      const dnnl::memory::desc& c,
                                                      const dnnl::primitive_attr& attributes) {
  using Descriptor = dnnl::matmul::primitive_desc;
#if DNNL_VERSION_MAJOR >= 3
  return bias ? Descriptor(dnnl_engine(), a, b, *bias, c, attributes)
              : Descriptor(dnnl_engine(), a, b, c, attributes);
#else
  return bias ? Descriptor({a, b, *bias, c}, attributes, dnnl_engine())
              : Descriptor({a, b, c}, attributes, dnnl_engine());
#endif
}

}  // namespace imago::host
