// PNG out and in, JPEG in, and where each image of a grid lands.
#include "engine/io/image.h"

#include <cmath>

#include "tests/io/files.h"
#include "tests/io/jpegs.h"

namespace imago::test {
namespace {

TEST(Png, RoundTrip) {
  TemporaryFolder folder;
  if (!io::has_png()) {
    expect_error(ErrorKind::usage, {"no PNG", "libpng-dev"}, [&] {
      io::write_png(folder / "a.png", {1, 1, 1, {0}});
    });
    expect_error(ErrorKind::usage, {"no PNG"}, [&] { io::read_png(folder / "a.png"); });
    return;
  }
  for (const int channels : {1, 3}) {
    const io::Image image{7, 5, channels, counting<std::uint8_t>(35 * channels, 100)};
    io::write_png(folder / "a.png", image);
    const io::Image back = io::read_png(folder / "a.png");
    EXPECT_EQ(back.height, 7);
    EXPECT_EQ(back.width, 5);
    EXPECT_EQ(back.channels, channels);
    EXPECT_EQ(back.pixels, image.pixels);
  }
  EXPECT_EQ(folder.entries(), 1u);
}
TEST(Png, WrongSizeIsRefused) {
  TemporaryFolder folder;
  if (!io::has_png()) GTEST_SKIP() << "built without libpng";
  for (const io::Image& bad :
       {io::Image{2, 2, 1, {0, 0, 0}}, io::Image{0, 2, 1, {}}, io::Image{1, 1, 2, {0, 0}}})
    expect_error(ErrorKind::usage, {"channels"}, [&] { io::write_png(folder / "a.png", bad); });
  EXPECT_EQ(folder.entries(), 0u);
}

// A smooth picture, so that quality 100 is within a few levels of it.
std::vector<std::uint8_t> gradient(int height, int width, int channels) {
  std::vector<std::uint8_t> v;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      for (int c = 0; c < channels; c++) v.push_back(std::uint8_t(40 * c + 5 * x + 3 * y));
  return v;
}
TEST(Jpeg, Decodes) {
  TemporaryFolder folder;
  if (!io::has_jpeg()) {
    put(folder / "a.jpg", "\xff\xd8\xff");
    expect_error(ErrorKind::usage, {"no JPEG", "libjpeg-dev"},
                 [&] { io::read_image(folder / "a.jpg"); });
    return;
  }
#if IMAGO_TEST_JPEG
  for (const int channels : {1, 3})
    for (const JpegKind kind : {JpegKind::baseline, JpegKind::progressive, JpegKind::separate}) {
      const auto pixels = gradient(11, 18, channels);
      put(folder / "a.jpg", jpeg(11, 18, channels, pixels, kind));
      const io::Image image = io::read_image(folder / "a.jpg");
      EXPECT_EQ(image.height, 11);
      EXPECT_EQ(image.width, 18);
      ASSERT_EQ(image.channels, channels);
      ASSERT_EQ(image.pixels.size(), pixels.size());
      for (std::size_t i = 0; i < pixels.size(); i++)
        EXPECT_NEAR(image.pixels[i], pixels[i], 3) << channels << " channels, value " << i;
    }
#endif
}
// The first bytes decide; a name does not.
TEST(Jpeg, NamesDoNotMatter) {
  TemporaryFolder folder;
  if (!io::has_jpeg() || !io::has_png()) GTEST_SKIP() << "built without libjpeg or libpng";
  io::write_png(folder / "a.jpg", {1, 2, 1, {7, 8}});
  EXPECT_EQ(io::read_image(folder / "a.jpg").pixels, (std::vector<std::uint8_t>{7, 8}));
#if IMAGO_TEST_JPEG
  put(folder / "a.png", jpeg(8, 8, 1, std::vector<std::uint8_t>(64, 77)));
  EXPECT_EQ(io::read_image(folder / "a.png").pixels, std::vector<std::uint8_t>(64, 77));
  expect_error(ErrorKind::data, {"not a PNG"}, [&] { io::read_png(folder / "a.png"); });
#endif
  put(folder / "a.gif", "GIF89a and so on");
  expect_error(ErrorKind::data, {"a.gif", "at byte 0", "not a PNG or JPEG"},
               [&] { io::read_image(folder / "a.gif"); });
}

TEST(Grid, Places) {
  // Three images of 2 x 1, values 10 i + row.
  const Tensor x = Tensor::from(std::vector<std::uint8_t>{0, 1, 10, 11, 20, 21}, {3, 2, 1, 1});
  const io::Image g = io::image_grid(x, {.columns = 2, .gap = 1, .background = 99});
  EXPECT_EQ(g.height, 7);
  EXPECT_EQ(g.width, 5);
  const std::vector<std::uint8_t> expected = {99, 99, 99, 99, 99,  //
                                              99, 0,  99, 10, 99,  //
                                              99, 1,  99, 11, 99,  //
                                              99, 99, 99, 99, 99,  //
                                              99, 20, 99, 99, 99,  //
                                              99, 21, 99, 99, 99,  //
                                              99, 99, 99, 99, 99};
  EXPECT_EQ(g.pixels, expected);
}
TEST(Grid, FloatingValuesAreClamped) {
  const Tensor x = Tensor::from(std::vector<float>{-1, 0, .5f, 1, 2, NAN}, {6, 1, 1});
  const io::Image g = io::image_grid(x, {.columns = 6, .gap = 0});
  EXPECT_EQ(g.pixels, (std::vector<std::uint8_t>{0, 0, 128, 255, 255, 0}));
}
TEST(Grid, RowsOfPixels) {
  const io::Image grey = io::image_grid(Tensor::zeros({4, 9}), {.gap = 0});
  EXPECT_EQ(grey.channels, 1);
  EXPECT_EQ(grey.width, 6);
  const io::Image colour = io::image_grid(Tensor::zeros({1, 12}), {.gap = 0});
  EXPECT_EQ(colour.channels, 3);
  EXPECT_EQ(colour.width, 2);
  expect_error(ErrorKind::usage, {"no images to draw", "[4, 7]"}, [] {
    io::image_grid(Tensor::zeros({4, 7}));
  });
  expect_error(ErrorKind::usage, {"no images to draw"}, [] {
    io::image_grid(Tensor::zeros({2, 3, 3, 2}));
  });
}

}  // namespace
}  // namespace imago::test
