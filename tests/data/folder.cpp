// Folders of images: which files are read, as which split and class, and what is refused.
#include "engine/core/allocator.h"
#include "engine/data/data_set.h"
#include "engine/io/image.h"
#include "tests/io/files.h"
#include "tests/io/jpegs.h"

namespace imago::test {
namespace {

using data::DataSet;
using data::load;
using Pixels = std::vector<std::uint8_t>;
using Labels = std::vector<std::int64_t>;

struct ImageFolder : ::testing::Test {
  void SetUp() override {
    if (!io::has_png()) GTEST_SKIP() << "built without libpng";
  }
  // An image of one value.
  void add(const std::string& name, int value, Index height = 2, Index width = 3,
           int channels = 3) {
    const std::string path = images + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    io::write_png(path, {height, width, channels,
                         Pixels(std::size_t(height * width * channels), std::uint8_t(value))});
  }
  // The first value of each image, in order.
  static Pixels firsts(const data::Split& s) {
    const Pixels all = s.x.to_vector<std::uint8_t>();
    const std::size_t size = all.size() / std::size_t(s.size());
    Pixels v;
    for (std::size_t i = 0; i < all.size(); i += size) v.push_back(all[i]);
    return v;
  }
  static Labels labels(const data::Split& s) { return s.labels.to_vector<std::int64_t>(); }
  DataSet whole(io::Size resize = {}) { return load(images, {.test = 0, .resize = resize}); }
  void refuse(const std::vector<std::string>& parts, io::Size resize = {}) {
    expect_error(ErrorKind::data, parts, [&] { whole(resize); });
  }
  TemporaryFolder folder;
  const std::string images = folder / "images";
};

TEST_F(ImageFolder, ReadsImagesInOrderOfTheirNames) {
  std::filesystem::create_directory(images);
  refuse({"no images in the folder", ".png, .jpg or .jpeg"});
  for (const int i : {2, 0, 1}) add(concat(i, ".png"), 10 * i);
  add("5.PNG", 50);
  add("4.JPeg", 40);  // its bytes are a PNG
  put(images + "/3.txt", "not an image");
  put(images + "/.6.png", "hidden");
  put(images + "/7png", "no suffix");
  std::filesystem::create_directory(images + "/runs");  // a folder without images is left alone
  add("runs/one/samples.png", 9, 7, 7);
  const DataSet s = whole();
  EXPECT_EQ(s.sample_shape, (Shape{2, 3, 3}));
  EXPECT_EQ(firsts(s.train), (Pixels{0, 10, 20, 40, 50}));
  EXPECT_EQ(s.classes, 0);
  EXPECT_FALSE(s.train.labels.defined());
}
TEST_F(ImageFolder, MixedSizesNameBothFiles) {
  add("0.png", 0);
  add("1.png", 0);
  add("2.png", 0, 3, 3);
  refuse({"images/2.png", "different sizes", "2 x 3 x 3 as " + images + "/0.png", "3 x 3 x 3",
          "--resize"});
  add("2.png", 0, 2, 3, 1);
  refuse({"images/2.png", "2 x 3 x 1", "--resize"});
  put(images + "/2.png", "rubbish");
  refuse({"images/2.png", "not a PNG or JPEG"});
  put(images + "/2.png", "");
  refuse({"images/2.png", "received 0 bytes"});
  std::filesystem::remove(images + "/2.png");
  std::filesystem::create_symlink("nowhere", images + "/2.png");
  refuse({"images/2.png", "nothing there"});
}
TEST_F(ImageFolder, ResizeBringsThemToOneSize) {
  add("0.png", 10, 2, 3, 1);
  add("1.png", 20, 9, 4, 1);
  const DataSet grey = whole({4, 5});
  EXPECT_EQ(grey.sample_shape, (Shape{4, 5, 1}));
  EXPECT_EQ(firsts(grey.train), (Pixels{10, 20}));
  // Where one is RGB all are: those before it and those after it.
  add("2.png", 30, 40, 40, 3);
  add("3.png", 40, 1, 1, 1);
  const DataSet rgb = whole({4, 5});
  EXPECT_EQ(rgb.sample_shape, (Shape{4, 5, 3}));
  Pixels expected;
  for (const std::uint8_t v : {10, 20, 30, 40}) expected.insert(expected.end(), 60, v);
  EXPECT_EQ(rgb.train.x.to_vector<std::uint8_t>(), expected);
  // Pixels go where io::fitted puts them.
  const io::Image picture{3, 5, 1, counting<std::uint8_t>(15, 100)};
  std::filesystem::remove_all(images);
  std::filesystem::create_directory(images);
  io::write_png(images + "/0.png", picture);
  EXPECT_EQ(whole({2, 2}).train.x.to_vector<std::uint8_t>(), io::fitted(picture, {2, 2}).pixels);
}
TEST_F(ImageFolder, WideningKeepsEveryPixelAndSplit) {
  std::filesystem::create_directories(images + "/train");
  std::filesystem::create_directories(images + "/valid");
  io::write_png(images + "/train/0.png", {2, 2, 1, {1, 2, 3, 4}});
  io::write_png(images + "/train/1.png", {2, 2, 1, {5, 6, 7, 8}});
  io::write_png(images + "/valid/0.png", {2, 2, 3, Pixels(12, 9)});
  refuse({"valid/0.png", "2 x 2 x 1 as " + images + "/train/0.png", "2 x 2 x 3"});
  const DataSet s = whole({2, 2});
  EXPECT_EQ(s.train.x.to_vector<std::uint8_t>(),
            (Pixels{1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8}));
  EXPECT_EQ(s.valid.x.to_vector<std::uint8_t>(), Pixels(12, 9));
}
TEST_F(ImageFolder, SubfoldersAreClasses) {
  add("dog/a.png", 3);
  add("cat/b.png", 2);
  add("cat/a.png", 1);
  std::filesystem::create_directory(images + "/empty");
  add(".thumbnails/x.png", 0);
  const DataSet s = whole();
  EXPECT_EQ(firsts(s.train), (Pixels{1, 2, 3}));
  EXPECT_EQ(labels(s.train), (Labels{0, 0, 1}));
  EXPECT_EQ(s.classes, 2);
  add("c.png", 9);
  refuse({"images beside folders of images", "c.png beside cat/"});
}
TEST_F(ImageFolder, SplitsHaveFolders) {
  for (int i = 0; i < 4; i++) add(concat("train/", i, ".png"), i);
  add("test/0.png", 100);
  const DataSet two = load(images);
  EXPECT_EQ(firsts(two.train), (Pixels{0, 1, 2, 3}));
  EXPECT_EQ(firsts(two.test), Pixels{100});
  EXPECT_EQ(two.valid.size(), 0);
  add("valid/0.png", 50);
  const DataSet three = load(images);
  EXPECT_EQ(firsts(three.valid), Pixels{50});
  EXPECT_EQ(firsts(three.test), Pixels{100});

  add("test/1.png", 100, 4, 4);
  refuse({"test/1.png", "2 x 3 x 3 as " + images + "/train/0.png", "4 x 4 x 3", "--resize"});
  EXPECT_EQ(load(images, {.resize = {3, 3}}).test.size(), 2);
  std::filesystem::remove(images + "/test/1.png");
  // Nothing is left out in silence.
  add("val/a/0.png", 1);
  refuse({"more than the splits", "val/", "rename"});
  std::filesystem::remove_all(images + "/val");
  add("more/0.png", 1);
  refuse({"more than the splits", "more/"});
  std::filesystem::remove_all(images + "/more");
  add("0.png", 1);
  refuse({"more than the splits", "0.png"});
  std::filesystem::remove(images + "/0.png");
  std::filesystem::rename(images + "/train", images + "/.train");
  refuse({"no training data", "no train/"});
  std::filesystem::create_directory(images + "/train");
  refuse({"images/train", "no images in the folder"});
}
TEST_F(ImageFolder, ClassesOfTrainAreThoseOfEverySplit) {
  add("train/bird/0.png", 1);
  add("train/cat/0.png", 2);
  add("train/dog/0.png", 3);
  add("test/dog/0.png", 4);
  add("test/bird/0.png", 5);
  const DataSet s = load(images);
  EXPECT_EQ(labels(s.train), (Labels{0, 1, 2}));
  EXPECT_EQ(firsts(s.test), (Pixels{5, 4}));
  EXPECT_EQ(labels(s.test), (Labels{0, 2}));
  EXPECT_EQ(s.classes, 3);
  add("test/cow/0.png", 6);
  refuse({"images/test", "a class that train has not", "cow/"});
  std::filesystem::remove_all(images + "/test");
  add("test/0.png", 6);
  refuse({"images/test", "the splits differ", "images without classes"});
}
TEST_F(ImageFolder, MoreThanTheMemoryHoldsIsRefusedFirst) {
  const std::size_t before = memory_stats(cpu_device).limit;
  const auto refused = [&](std::size_t limit, const std::string& what, io::Size resize) {
    set_memory_limit(cpu_device, limit);
    expect_error(ErrorKind::device,
                 {"the images do not fit into memory, in " + images,
                  concat("at most ", limit, " bytes"), what},
                 [&] { whole(resize); });
    set_memory_limit(cpu_device, before);
  };
  for (const char* name : {"train/0.png", "train/1.png", "test/0.png"}) add(name, 7, 50, 40, 1);
  refused(3999, "2 images of 50 x 40 x 1", {});
  refused(5999, "3 images of 50 x 40 x 1", {});  // both splits together
  refused(3 * 512 * 512 - 1, "3 images of 512 x 512 x 1", {512, 512});
  add("test/1.png", 7, 50, 40, 3);
  refused(23999, "4 images of 50 x 40 x 3", {50, 40});  // grey images become three times as large
  set_memory_limit(cpu_device, memory_stats(cpu_device).active + (1 << 20));
  EXPECT_EQ(whole({50, 40}).sample_shape, (Shape{50, 40, 3}));
  set_memory_limit(cpu_device, before);
}
TEST_F(ImageFolder, DamageIsAnErrorWhereverItIs) {
  for (int i = 0; i < 5; i++) add(concat("train/a/", i, ".png"), i);
  add("test/a/0.png", 1);
  const std::string path = images + "/test/a/0.png", good = contents(path);
  for (const std::size_t n : {std::size_t(0), std::size_t(9), good.size() / 2, good.size() - 1}) {
    put(path, good.substr(0, n));
    refuse({"test/a/0.png"});
    refuse({"test/a/0.png"}, {2, 2});
  }
}

#if IMAGO_TEST_JPEG
TEST_F(ImageFolder, JpegAndPngTogether) {
  add("1.png", 20, 8, 8, 1);
  put(images + "/0.jpg", jpeg(8, 8, 1, Pixels(64, 10)));
  put(images + "/2.JPEG", jpeg(8, 8, 1, Pixels(64, 30), JpegKind::progressive));
  EXPECT_EQ(firsts(whole().train), (Pixels{10, 20, 30}));
  const std::string rgb = jpeg(9, 8, 3, Pixels(216, 40));
  put(images + "/3.jpg", rgb);
  refuse({"3.jpg", "8 x 8 x 1 as " + images + "/0.jpg", "9 x 8 x 3", "--resize"});
  const DataSet s = whole({8, 8});
  EXPECT_EQ(s.sample_shape, (Shape{8, 8, 3}));
  EXPECT_EQ(firsts(s.train), (Pixels{10, 20, 30, 40}));
  put(images + "/3.jpg", rgb.substr(0, rgb.size() / 2) + "\xff\xd9");
  refuse({"3.jpg"}, {8, 8});
}
#endif

}  // namespace
}  // namespace imago::test
