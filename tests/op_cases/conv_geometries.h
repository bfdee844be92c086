// The awkward convolutions that every test of them runs through, and the plain loops they are
// compared with.
#pragma once
#include <string>
#include <vector>

#include "tests/op_cases/op_case.h"

namespace imago::test {

struct ConvGeometry {
  std::string name;
  Index batch, height, width, in, out, kernel_h, kernel_w;
  ops::ConvOptions options = {};

  Shape weight() const { return {out, kernel_h, kernel_w, in / options.groups}; }
};

inline ops::ConvOptions conv_options(ops::Size2 stride, ops::Size2 padding, ops::Size2 dilation = 1,
                                     Index groups = 1, ops::Size2 output_padding = 0) {
  return {stride, padding, dilation, groups, output_padding};
}

// As layers of conv2d. A conv_transpose2d with output padding has rows of its own.
inline std::vector<ConvGeometry> conv_geometries() {
  return {
      {"one", 1, 1, 1, 1, 1, 1, 1},
      {"pointwise", 2, 3, 3, 3, 5, 1, 1},
      {"pointwise_strided", 2, 5, 4, 3, 2, 1, 1, conv_options(2, 0)},
      {"three", 2, 5, 5, 2, 3, 3, 3, conv_options(1, 1)},
      {"even", 2, 6, 6, 1, 3, 4, 4, conv_options(2, 1)},
      {"even_by_odd", 1, 4, 7, 2, 2, 2, 3, conv_options({1, 2}, {0, 1})},
      {"leftover", 1, 6, 7, 2, 3, 3, 2, conv_options(3, 0)},
      {"stride_beyond_kernel", 1, 7, 8, 3, 2, 2, 1, conv_options({3, 4}, {1, 0})},
      {"dilated", 1, 7, 6, 2, 2, 3, 2, conv_options(1, {2, 1}, {2, 3})},
      {"dilated_strided", 1, 8, 7, 1, 2, 3, 3, conv_options(2, 2, 2)},
      {"wide_padding", 1, 2, 3, 2, 2, 2, 2, conv_options(1, 3)},
      {"groups", 2, 4, 3, 6, 4, 2, 3, conv_options(1, 1, 1, 2)},
      {"groups_prime", 1, 4, 4, 15, 6, 3, 3, conv_options({2, 1}, 1, 1, 3)},
      {"depthwise", 2, 5, 4, 5, 5, 3, 3, conv_options(1, 1, 1, 5)},
      {"depthwise_twice", 1, 5, 5, 3, 6, 4, 4, conv_options(2, 1, 1, 3)},
      {"primes", 3, 11, 7, 5, 7, 3, 5, conv_options({2, 3}, {1, 2})},
      {"whole_image", 2, 4, 3, 3, 5, 4, 3},
      {"empty", 0, 4, 4, 2, 3, 3, 3, conv_options(1, 1)},
  };
}

// y[n, oy, ox, o] += x[n, iy, ix, i] w[o, ky, kx, i] for every meeting of pixels.
template <class F>
void for_each_meeting(const Shape& x, const Shape& y, const Shape& w, const ops::ConvOptions& o,
                      F f) {
  const Index ins = w[3], outs = w[0] / o.groups;
  for (Index n = 0; n < x[0]; n++)
    for (Index oy = 0; oy < y[1]; oy++)
      for (Index ox = 0; ox < y[2]; ox++)
        for (Index ky = 0; ky < w[1]; ky++)
          for (Index kx = 0; kx < w[2]; kx++) {
            const Index iy = oy * o.stride.h + ky * o.dilation.h - o.padding.h,
                        ix = ox * o.stride.w + kx * o.dilation.w - o.padding.w;
            if (iy < 0 || ix < 0 || iy >= x[1] || ix >= x[2]) continue;
            for (Index c = 0; c < w[0]; c++)
              for (Index i = 0; i < ins; i++)
                f(((n * x[1] + iy) * x[2] + ix) * x[3] + c / outs * ins + i,
                  ((n * y[1] + oy) * y[2] + ox) * y[3] + c,
                  ((c * w[1] + ky) * w[2] + kx) * ins + i);
          }
}

}  // namespace imago::test
