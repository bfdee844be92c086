// oneDNN 2.6 and 3.x through one interface: engine, stream, errors, and the descriptors
// of matrix products and convolutions. Not here: caching and threads, which are kernels/cpu/jobs.h
// and its users.
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

// The operands of a convolution and how they meet. w may have any format.
struct ConvolutionOf {
  dnnl::memory::desc x, w, y;
  dnnl::memory::dims stride, dilation, pad_before, pad_behind;  // dilation 0: none
};
inline dnnl::convolution_forward::primitive_desc forward_descriptor(
    const ConvolutionOf& c, const dnnl::primitive_attr& attributes) {
  using Descriptor = dnnl::convolution_forward::primitive_desc;
  constexpr auto direct = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
  return Descriptor(dnnl_engine(), dnnl::prop_kind::forward_training, direct, c.x, c.w, c.y,
                    c.stride, c.dilation, c.pad_before, c.pad_behind, attributes);
#else
  return Descriptor({dnnl::prop_kind::forward_training, direct, c.x, c.w, c.y, c.stride, c.dilation,
                     c.pad_before, c.pad_behind},
                    attributes, dnnl_engine());
#endif
}
// P: dnnl::convolution_backward_data or dnnl::convolution_backward_weights.
template <class P>
typename P::primitive_desc backward_descriptor(
    const ConvolutionOf& c, const dnnl::primitive_attr& attributes,
    const dnnl::convolution_forward::primitive_desc& forward) {
  using Descriptor = typename P::primitive_desc;
  constexpr auto direct = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
  return Descriptor(dnnl_engine(), direct, c.x, c.w, c.y, c.stride, c.dilation, c.pad_before,
                    c.pad_behind, forward, attributes);
#else
  return Descriptor({direct, c.x, c.w, c.y, c.stride, c.dilation, c.pad_before, c.pad_behind},
                    attributes, dnnl_engine(), forward);
#endif
}

}  // namespace imago::host
