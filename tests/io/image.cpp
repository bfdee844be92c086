// PNG out and in, and where each image of a grid lands.
#include "engine/io/image.h"

#include <cmath>

#include "tests/io/files.h"

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
