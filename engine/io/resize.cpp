#include "engine/io/resize.h"

#include <algorithm>
#include <cmath>

namespace imago::io {
namespace {

// The weights of pixels first, first + 1, ... in one pixel of the result.
struct Taps {
  Index first = 0;
  std::vector<double> weights;
};
// Along one dimension; step is the distance between pixels of the result in those of the image.
std::vector<Taps> taps(Index from, Index to, double step) {
  const double begin = (double(from) - double(to) * step) / 2, reach = std::max(step, 1.);
  std::vector<Taps> all;
  for (Index i = 0; i < to; i++) {
    const double centre = begin + (double(i) + .5) * step;
    Taps t;
    t.first = std::max(Index(0), Index(std::floor(centre - reach + .5)));
    const Index last = std::min(from, Index(std::floor(centre + reach + .5)));
    double sum = 0;
    for (Index k = t.first; k < last; k++) {
      t.weights.push_back(std::max(0., 1 - std::fabs(double(k) + .5 - centre) / reach));
      sum += t.weights.back();
    }
    for (double& w : t.weights) w /= sum;
    all.push_back(std::move(t));
  }
  return all;
}

}  // namespace

Image fitted(const Image& image, Size size) {
  const double step = std::min(double(image.height) / double(size.height),
                               double(image.width) / double(size.width));
  const std::vector<Taps> down = taps(image.height, size.height, step),
                          across = taps(image.width, size.width, step);
  const std::size_t channels = std::size_t(image.channels),
                    row = std::size_t(image.width) * channels;
  Image out{size.height, size.width, image.channels, {}};
  out.pixels.reserve(std::size_t(size.height * size.width) * channels);
  std::vector<double> blended(row);  // a row of the result at the image's width
  for (const Taps& d : down) {
    std::fill(blended.begin(), blended.end(), 0);
    const std::uint8_t* pixel = image.pixels.data() + std::size_t(d.first) * row;
    for (const double w : d.weights)
      for (std::size_t i = 0; i < row; i++) blended[i] += w * *pixel++;
    for (const Taps& a : across)
      for (std::size_t c = 0; c < channels; c++) {
        const double* from = blended.data() + std::size_t(a.first) * channels + c;
        double v = 0;
        for (std::size_t k = 0; k < a.weights.size(); k++) v += a.weights[k] * from[k * channels];
        out.pixels.push_back(std::uint8_t(std::floor(v + .5)));
      }
  }
  return out;
}

Image to_rgb(const Image& grey) {
  Image rgb{grey.height, grey.width, 3, {}};
  rgb.pixels.reserve(3 * grey.pixels.size());
  for (const std::uint8_t v : grey.pixels) rgb.pixels.insert(rgb.pixels.end(), 3, v);
  return rgb;
}

}  // namespace imago::io
