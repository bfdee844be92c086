// Pictures: 8-bit grey or RGB images, PNG and JPEG in, PNG out, and grids of samples. Not here:
// colour management; bytes are bytes.
#pragma once
#include <cstdint>

#include "engine/io/host_array.h"

namespace imago::io {

struct Image {
  Index height = 0, width = 0;
  int channels = 1;                  // 1 grey, 3 RGB
  std::vector<std::uint8_t> pixels;  // [height, width, channels]
};

bool has_jpeg();  // the same of libjpeg
bool has_png();   // was libpng there when imago was built? Without it the two below are an Error
                  // (usage).
// Palettes and 1, 2, 4 and 16 bits become 8 bits; an alpha channel is dropped.
Image read_png(const std::string& path);
// A PNG or a JPEG, told apart by the first bytes and not by the name. A JPEG is grey or RGB,
// baseline or progressive, as libjpeg decodes it; CMYK, an arithmetic code and anything corrupt are
// an Error (data). Exif is not read.
Image read_image(const std::string& path);
void write_png(const std::string& path, const Image& image);  // atomic

struct GridOptions {
  Index columns = 0;            // 0: as square as can be
  Index gap = 2;                // pixels between images
  std::uint8_t background = 0;  // of gaps and missing images
};
// x: [N, H, W, C], [N, H, W], or [N, D] with D a square or three times one. uint8, or floating in
// [0, 1] (values beyond are clamped, NaN is black).
Image image_grid(const Tensor& x, const GridOptions& options = {});

}  // namespace imago::io
