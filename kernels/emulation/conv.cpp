// Stands in for kernels/cuda/conv.cpp in the emulation: the direct kernels. Says nothing about
// cuDNN.
#include "kernels/conv.h"

#include "kernels/backend.h"

namespace imago::emu {
namespace {
template <class T>
void finish(Stream s, const Conv<T>& p, Index size, Index channels) {
  if (channels > 0 && (p.bias || p.activation != Epilogue::none))
    bias_activation(s, BiasActivation<T>{size / channels, channels, p.out, p.bias, p.activation});
}
}  // namespace

template <class T>
void conv_forward(Stream s, const Conv<T>& p) {
  direct_conv_forward(s, p);
  finish(s, p, p.shape.y_size(), p.shape.out_channels);
}
template <class T>
void conv_input(Stream s, const Conv<T>& p) {
  direct_conv_input(s, p);
  finish(s, p, p.shape.x_size(), p.shape.channels);
}
template <class T>
void conv_weight(Stream s, const Conv<T>& p) {
  direct_conv_weight(s, p);
}
IMAGO_INSTANTIATE(conv_forward, Conv)
IMAGO_INSTANTIATE(conv_input, Conv)
IMAGO_INSTANTIATE(conv_weight, Conv)

}  // namespace imago::emu
