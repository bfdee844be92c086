// Pictures of samples: grids of images, scatter plots of points, arrays. Not here: what is drawn.
#pragma once
#include <string>

#include "engine/core/tensor.h"

namespace imago::models {

// Samples to look at: x [n, ...sample_shape] float32 on the cpu, images in [0, 1].
struct Picture {
  Tensor x;
  int columns = 0;  // of the grid it is meant for; 0: as square as can be
};
bool can_draw(const Shape& sample_shape);  // images, and points in the plane
// .png: a grid of images, or a scatter plot of points; .npy: the array. Error (usage) on another
// ending, or for samples that have no picture.
void write_picture(const Picture& picture, const std::string& path);

}  // namespace imago::models
