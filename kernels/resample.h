// Images [batch, height, width, channels] brought to another size, and the adjoint. Not here:
// corners aligned, antialiasing.
#pragma once
#include "kernels/kernel.h"

namespace imago {

// Pixels are areas: output o lies at (o + 1/2) size / out_size - 1/2 of the input, held inside.
// linear: a mean of the two nearest along each axis; else the one at o size / out_size rounded
// down. resample reads in, up to four pixels for each of out; resample_adjoint, with in of the
// output's size, gives each pixel of the input's size the sum over what it was used for.
template <class T>
struct Resample {
  Index batch, height, width, channels, out_height, out_width;
  bool linear;
  const T* in;
  T* out;
};
IMAGO_KERNEL(resample, Resample)
IMAGO_KERNEL(resample_adjoint, Resample)

}  // namespace imago
