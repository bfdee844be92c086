// Images of one size from images of many. Not here: files, which are engine/io/image.h.
#pragma once
#include "engine/io/image.h"

namespace imago::io {

struct Size {
  Index height = 0, width = 0;
  explicit operator bool() const { return height > 0; }
};
// The image scaled by one factor until it just covers the size, what stands out cropped off evenly:
// the largest centred part of that shape. Antialiased: a triangle filter as wide as a pixel of the
// coarser grid on each side, normalised at the borders, in double precision, rounded half up: PIL's
// ImageOps.fit with BILINEAR, within its rounding. The bytes are the same on every machine.
Image fitted(const Image& image, Size size);
Image to_rgb(const Image& grey);

}  // namespace imago::io
