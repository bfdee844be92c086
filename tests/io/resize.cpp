// Resizing against a plain loop over all pixels, and against another program's numbers.
#include "engine/io/resize.h"

#include <cmath>

#include "tests/io/files.h"

namespace imago::test {
namespace {

io::Image pattern(Index height, Index width, int channels) {
  io::Image image{height, width, channels, {}};
  for (Index i = 0; i < height * width * channels; i++)
    image.pixels.push_back(std::uint8_t((37 * i * i + 11 * i) % 256));
  return image;
}

// One value of the result: every pixel of the image weighted by its distance in each direction.
double plain(const io::Image& image, io::Size size, Index y, Index x, int channel) {
  const double step = std::min(double(image.height) / double(size.height),
                               double(image.width) / double(size.width));
  const double reach = step > 1 ? step : 1;
  const double centre_y = double(image.height) / 2 + (y + .5 - double(size.height) / 2) * step,
               centre_x = double(image.width) / 2 + (x + .5 - double(size.width) / 2) * step;
  double sum = 0, weights = 0;
  for (Index r = 0; r < image.height; r++)
    for (Index c = 0; c < image.width; c++) {
      const double dy = std::fabs(r + .5 - centre_y) / reach,
                   dx = std::fabs(c + .5 - centre_x) / reach;
      if (dy >= 1 || dx >= 1) continue;
      const double w = (1 - dy) * (1 - dx);
      sum += w * image.pixels[std::size_t((r * image.width + c) * image.channels + channel)];
      weights += w;
    }
  return sum / weights;
}

TEST(Resize, EqualsAPlainLoop) {
  const std::vector<io::Size> sizes = {{1, 1}, {3, 3},  {5, 7},  {7, 5},
                                       {2, 9}, {16, 4}, {30, 1}, {20, 20}};
  for (const io::Size from : {io::Size{1, 1}, {5, 7}, {16, 16}, {33, 10}, {2, 40}})
    for (const int channels : {1, 3})
      for (const io::Size to : sizes) {
        const io::Image image = pattern(from.height, from.width, channels),
                        out = io::fitted(image, to);
        ASSERT_EQ(out.height, to.height);
        ASSERT_EQ(out.width, to.width);
        ASSERT_EQ(out.channels, channels);
        ASSERT_EQ(out.pixels.size(), std::size_t(to.height * to.width * channels));
        std::size_t i = 0;
        for (Index y = 0; y < to.height; y++)
          for (Index x = 0; x < to.width; x++)
            for (int c = 0; c < channels; c++, i++)
              ASSERT_NEAR(out.pixels[i], plain(image, to, y, x, c), .5 + 1e-9)
                  << from.height << " x " << from.width << " to " << to.height << " x " << to.width;
      }
}
// Pillow 9.4: ImageOps.fit(image, (width, height), Image.BILINEAR), where image is pattern(5, 7, 1)
// in mode "F", so that Pillow does not round.
TEST(Resize, EqualsPillow) {
  struct Case {
    io::Size size;
    std::vector<double> expected;
  };
  const std::vector<Case> cases = {
      {{2, 3}, {101.61, 150.84, 178.09, 161.44, 114.3, 170.49}},
      {{3, 2}, {120.18, 168.03, 127.49, 163.29, 111.09, 108.32}},
      {{4, 4},
       {83.92, 135.79, 148.04, 171.92, 105.68, 128.1, 198.29, 171.94, 152.26, 121.29, 112.54,
        198.41, 179.35, 83.38, 82.79, 177.5}},
      {{9, 6},
       {122.56, 160.0,  126.67, 113.89, 121.67, 158.22, 106.3,  125.89, 141.07, 153.11, 162.0,
        166.48, 79.2,   69.04,  165.09, 218.48, 229.22, 180.25, 96.05,  106.7,  157.2,  188.74,
        201.33, 187.4,  123.89, 168.0,  141.33, 135.22, 149.67, 192.89, 143.46, 134.11, 109.3,
        105.04, 121.33, 166.41, 156.63, 104.89, 81.93,  79.52,  97.67,  144.59, 144.22, 94.33,
        73.22,  72.67,  92.67,  141.44, 136.78, 88.0,   68.0,   68.56,  89.67,  139.56}},
      {{1, 1}, {142.12}},
  };
  for (const Case& c : cases) {
    const io::Image out = io::fitted(pattern(5, 7, 1), c.size);
    ASSERT_EQ(out.pixels.size(), c.expected.size());
    for (std::size_t i = 0; i < c.expected.size(); i++)
      EXPECT_NEAR(out.pixels[i], c.expected[i], .5 + .005) << c.size.height << ", value " << i;
  }
}
TEST(Resize, KeepsWhatFitsAndRoundsHalfUp) {
  const io::Image image = pattern(6, 4, 3);
  EXPECT_EQ(io::fitted(image, {6, 4}).pixels, image.pixels);
  EXPECT_EQ(io::fitted({1, 3, 1, {9, 50, 70}}, {1, 1}).pixels,
            (std::vector<std::uint8_t>{50}));  // the centre alone, not the mean
  // The mean of 2 and 3.
  EXPECT_EQ(io::fitted({2, 2, 1, {2, 2, 3, 3}}, {1, 1}).pixels, (std::vector<std::uint8_t>{3}));
  const std::vector<std::uint8_t> white(49 * 3, 255);
  for (const Index side : {1, 3, 20})
    for (const std::uint8_t v : io::fitted({7, 7, 3, white}, {side, side}).pixels)
      ASSERT_EQ(v, 255);
}
TEST(Resize, GreyToRgb) {
  const io::Image rgb = io::to_rgb({1, 2, 1, {7, 9}});
  EXPECT_EQ(rgb.channels, 3);
  EXPECT_EQ(rgb.pixels, (std::vector<std::uint8_t>{7, 7, 7, 9, 9, 9}));
}

}  // namespace
}  // namespace imago::test
