// Convolution of images as one trilinear form, sum of x w y over all places where the kernel w
// joins a pixel of x to one of y, and its three derivatives: y from (x, w), x from (y, w), w from
// (x, y). Each one's derivatives are again of the three. Images are NHWC. Not here: which sizes a
// layer gives, and any knowledge of tensors.
#pragma once
#include "kernels/gemm.h"

namespace imago {

// Pixel (oy, ox) of y meets pixel (oy stride_h - pad_h + ky dilation_h, likewise) of x through (ky,
// kx) of the kernel, where that is inside. Both images' sizes are given: any that are positive.
// groups divides both numbers of channels; outputs of a group see that group of inputs only.
struct ConvShape {
  Index batch = 0, height = 0, width = 0, channels = 0;    // x [batch, height, width, channels]
  Index out_height = 0, out_width = 0, out_channels = 0;   // y, likewise
  Index kernel_h = 1, kernel_w = 1;                        // w [out_channels, kernel_h, kernel_w,
  Index stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0;  //    channels / groups]
  Index dilation_h = 1, dilation_w = 1, groups = 1;

  // On the host:
  Index group_channels() const { return channels / groups; }
  Index x_size() const { return batch * height * width * channels; }
  Index y_size() const { return batch * out_height * out_width * out_channels; }
  Index w_size() const { return out_channels * kernel_h * kernel_w * group_channels(); }
  double flops() const {
    return 2. * double(y_size()) * double(kernel_h * kernel_w) * double(group_channels());
  }
};

// Each of the three does flops() flops (fewer at borders), reads a and b and writes out once at
// least. bias and activation are for conv_forward and conv_input alone. No batch: nothing is
// touched, but conv_weight gives zeros. On cpu the result does not depend on the number of threads.
template <class T>
struct Conv {
  ConvShape shape;
  const T *a, *b;           // forward: x, w; input: y, w; weight: x, y
  T* out;                   // forward: y; input: x; weight: w
  const T* bias = nullptr;  // [channels of out], added to every pixel; none when null
  Epilogue activation = Epilogue::none;
};

// Library calls, one implementation a back-end: kernels/cpu/conv.cpp (oneDNN),
// kernels/cuda/conv.cpp (cuDNN), kernels/emulation/conv.cpp (the direct kernels).
#define IMAGO_DECLARE_CONV(B)                \
  namespace B {                              \
  template <class T>                         \
  void conv_forward(Stream, const Conv<T>&); \
  template <class T>                         \
  void conv_input(Stream, const Conv<T>&);   \
  template <class T>                         \
  void conv_weight(Stream, const Conv<T>&);  \
  }
IMAGO_DECLARE_CONV(host)
IMAGO_DECLARE_CONV(cuda)
IMAGO_DECLARE_CONV(emu)
#undef IMAGO_DECLARE_CONV
namespace kernels {
#define IMAGO_CONV(name)                                              \
  template <class T>                                                  \
  inline void name(Stream s, const Conv<T>& p) {                      \
    switch (s.backend) {                                              \
      case Backend::cpu: return host::name(s, p);                     \
      case Backend::cuda: return IMAGO_CUDA_CALL(name(s, p));         \
      case Backend::emulated: return IMAGO_EMULATED_CALL(name(s, p)); \
    }                                                                 \
  }
IMAGO_CONV(conv_forward)
IMAGO_CONV(conv_input)
IMAGO_CONV(conv_weight)
#undef IMAGO_CONV
}  // namespace kernels

// The same by plain loops, one output element a thread, on every device: for the types and
// geometries that a library lacks, and where there is no library. No bias, no activation.
IMAGO_KERNEL(direct_conv_forward, Conv)
IMAGO_KERNEL(direct_conv_input, Conv)
IMAGO_KERNEL(direct_conv_weight, Conv)

}  // namespace imago
