#include "engine/io/image.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "engine/io/file.h"
#include "engine/io/jpeg.h"
#include "engine/io/png.h"

namespace imago::io {

bool has_png() { return png::available(); }
bool has_jpeg() { return jpeg::available(); }

Image read_png(const std::string& path) {
  if (!has_png()) png::missing(path);
  return png::decode(read_file(path, "PNG file"), path);
}
Image read_image(const std::string& path) {
  const Bytes file = read_file(path, "image");
  const auto begins = [&](std::initializer_list<int> bytes) {
    return std::equal(bytes.begin(), bytes.end(), file.begin(),
                      file.begin() + std::ptrdiff_t(std::min(bytes.size(), file.size())),
                      [](int a, std::byte b) { return std::byte(a) == b; });
  };
  const bool is_png = begins({0x89, 'P', 'N', 'G'}), is_jpeg = begins({0xff, 0xd8});
  if (!is_png && !is_jpeg)
    fail(path, 0,
         {"not a PNG or JPEG file", "the signature of one",
          file.size() < 4 ? concat(file.size(), " bytes") : "other bytes"});
  if (is_png && !has_png()) png::missing(path);
  if (is_jpeg && !has_jpeg()) jpeg::missing(path);
  return is_png ? png::decode(file, path) : jpeg::decode(file, path);
}
void write_png(const std::string& path, const Image& image) {
  if (!has_png()) png::missing(path);
  const bool fits = image.height > 0 && image.width > 0 && image.height <= 1'000'000 &&
                    image.width <= 1'000'000 && (image.channels == 1 || image.channels == 3) &&
                    image.pixels.size() == std::size_t(image.height * image.width * image.channels);
  if (!fits)
    throw Error(ErrorKind::usage, {"cannot write the image", path,
                                   "1 or 3 channels and height x width x channels pixels",
                                   concat(image.height, " x ", image.width, " x ", image.channels,
                                          " and ", image.pixels.size(), " pixels")});
  write_file(path, png::encode(image, path));
}

namespace {

// Height, width and channels of the images in a tensor [N, ...].
struct Layout {
  Index height, width;
  int channels;
};
std::optional<Layout> layout_of(const Shape& s) {
  if (s.rank() == 4 && (s[3] == 1 || s[3] == 3)) return Layout{s[1], s[2], int(s[3])};
  if (s.rank() == 3) return Layout{s[1], s[2], 1};
  if (s.rank() == 2)
    for (const int channels : {1, 3}) {
      const Index side = Index(std::lround(std::sqrt(double(s[1]) / channels)));
      if (side && side * side * channels == s[1]) return Layout{side, side, channels};
    }
  return {};
}
std::vector<std::uint8_t> grey_levels(const Tensor& x) {
  if (x.dtype() == DType::u8) return x.to_vector<std::uint8_t>();
  std::vector<std::uint8_t> v;
  for (const double d : x.values())
    v.push_back(d >= 1 ? 255 : d > 0 ? std::uint8_t(std::lround(d * 255)) : 0);  // NaN: 0
  return v;
}

}  // namespace

Image image_grid(const Tensor& x, const GridOptions& options) {
  const auto layout = layout_of(x.shape());
  if (!layout || x.size(0) < 1 || layout->height < 1 || layout->width < 1 ||
      x.dtype() == DType::i64)
    throw Error(ErrorKind::usage, {"no images to draw",
                                   {},
                                   "[N, H, W, C] with C 1 or 3, [N, H, W], or [N, side * side]",
                                   concat(x.shape(), " ", x.dtype())});
  const auto [height, width, channels] = *layout;
  const Index n = x.size(0), gap = std::max<Index>(options.gap, 0);
  const Index columns =
      std::min(n, options.columns > 0 ? options.columns : Index(std::ceil(std::sqrt(double(n)))));
  const Index rows = (n + columns - 1) / columns;
  Image grid{rows * (height + gap) + gap, columns * (width + gap) + gap, channels, {}};
  grid.pixels.assign(std::size_t(grid.height * grid.width * channels), options.background);
  const std::vector<std::uint8_t> pixels = grey_levels(x);
  for (Index i = 0; i < n; i++)
    for (Index r = 0; r < height; r++) {
      const Index top = gap + i / columns * (height + gap) + r,
                  left = gap + i % columns * (width + gap);
      std::memcpy(&grid.pixels[std::size_t((top * grid.width + left) * channels)],
                  &pixels[std::size_t((i * height + r) * width * channels)],
                  std::size_t(width * channels));
    }
  return grid;
}

}  // namespace imago::io
