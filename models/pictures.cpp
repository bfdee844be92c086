#include "models/pictures.h"

#include <algorithm>
#include <cmath>

#include "engine/io/image.h"
#include "engine/io/npy.h"

namespace imago::models {

namespace {

bool ends_in(const std::string& text, const std::string& ending) {
  return text.size() >= ending.size() &&
         text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

// Points on a square centred at the origin that holds them all; where many fall it is darker.
io::Image scatter(const Tensor& points) {
  const Index side = 400;
  const std::vector<double> v = points.values();
  double reach = 0;
  for (double x : v)
    if (std::isfinite(x)) reach = std::max(reach, std::fabs(x));
  reach = std::max(0.5, std::ceil(reach * 2.1) / 2);
  io::Image image{side, side, 1, std::vector<std::uint8_t>(std::size_t(side * side), 255)};
  const double shade = std::clamp(4e5 / double(v.size() + 1), 24., 160.);
  for (std::size_t i = 0; i + 1 < v.size(); i += 2) {
    if (!std::isfinite(v[i]) || !std::isfinite(v[i + 1])) continue;
    const Index column =
        std::clamp(Index((v[i] / reach + 1) / 2 * double(side)), Index(0), side - 2);
    const Index row =
        std::clamp(Index((1 - v[i + 1] / reach) / 2 * double(side)), Index(0), side - 2);
    for (Index at : {row * side + column, row * side + column + 1, (row + 1) * side + column,
                     (row + 1) * side + column + 1}) {
      std::uint8_t& p = image.pixels[std::size_t(at)];
      p = std::uint8_t(std::max(0., p - shade));
    }
  }
  return image;
}

}  // namespace

bool can_draw(const Shape& sample_shape) {
  return sample_shape.rank() >= 2 || sample_shape == Shape{2};
}

void write_picture(const Picture& picture, const std::string& path) {
  if (ends_in(path, ".npy")) return io::write_npy(path, io::to_host(picture.x));
  if (!ends_in(path, ".png"))
    throw Error(ErrorKind::usage, {"unknown kind of picture", path, ".png or .npy", path});
  const std::vector<Index>& dims = picture.x.shape().dims();
  const Shape sample({dims.begin() + 1, dims.end()});
  if (!can_draw(sample))
    throw Error(ErrorKind::usage,
                {"these samples have no picture", path, "images, or points in the plane",
                 concat("samples of ", sample), "write a .npy"});
  io::write_png(path, sample.rank() >= 2 ? io::image_grid(picture.x, {.columns = picture.columns})
                                         : scatter(picture.x));
}

}  // namespace imago::models
