// Finding, checking, splitting and binarising data sets, on files this test writes.
#include <cmath>
#include <functional>

#include "engine/data/batches.h"
#include "engine/data/data_set.h"
#include "engine/io/idx.h"
#include "engine/io/npy.h"
#include "tests/io/files.h"

namespace imago::test {
namespace {

using data::DataSet;
using data::load;
using data::LoadOptions;
using io::host_array;
using io::HostArray;
using Pixels = std::vector<std::uint8_t>;
using Rows = std::vector<std::int64_t>;

// Sets a variable while it lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) before_ = old;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() {
    if (before_.empty())
      unsetenv(name_);
    else
      setenv(name_, before_.c_str(), 1);
  }

 private:
  const char* name_;
  std::string before_;
};

struct Sets : ::testing::Test {
  TemporaryFolder folder;
  // 6 training and 4 test images of 3 x 2.
  void write_idx_set(const std::string& name, const std::string& suffix, std::uint8_t first = 0) {
    std::filesystem::create_directories(folder / name);
    const auto put_part = [&](const std::string& part, Index n) {
      io::write_idx(folder / (name + "/" + part + "-images-idx3-ubyte" + suffix),
                    host_array(counting<std::uint8_t>(6 * n, first), {n, 3, 2}));
      io::write_idx(folder / (name + "/" + part + "-labels-idx1-ubyte" + suffix),
                    host_array(counting<std::uint8_t>(n), {n}));
    };
    put_part("train", 6);
    put_part("t10k", 4);
  }
  DataSet load_here(const std::string& name, LoadOptions o = {}) {
    o.dir = folder.path();
    return load(name, o);
  }
  std::string saved(const std::string& name, const HostArray& a) {
    io::write_npy(folder / name, a);
    return folder / name;
  }
};

TEST_F(Sets, IdxPlainAndCompressed) {
  for (const char* name : {"mnist", "fashion-mnist", "kmnist"}) {
    write_idx_set(name, name == std::string("mnist") ? "" : ".gz");
    const DataSet s = load_here(name);
    EXPECT_EQ(s.name, name);
    EXPECT_EQ(s.sample_shape, (Shape{3, 2, 1}));
    EXPECT_EQ(s.kind, data::Kind::image);
    EXPECT_EQ(s.levels, 256);
    EXPECT_EQ(s.classes, 6);
    EXPECT_EQ(s.train.x.shape(), (Shape{6, 3, 2, 1}));
    EXPECT_EQ(s.train.x.to_vector<std::uint8_t>(), counting<std::uint8_t>(36));
    EXPECT_EQ(s.train.labels.to_vector<std::int64_t>(), counting<std::int64_t>(6));
    EXPECT_EQ(s.test.size(), 4);
    EXPECT_FALSE(s.valid);
  }
}
TEST_F(Sets, WhereTheyAreFound) {
  write_idx_set("mnist", "");
  TemporaryFolder other;
  {
    const Variable variable("IMAGO_DATA", folder.path());
    EXPECT_EQ(load("mnist").train.size(), 6);
    // An explicit folder never falls back.
    expect_error(ErrorKind::data, {"mnist not found", other / "mnist", "four IDX files"},
                 [&] { load("mnist", {.dir = other.path()}); });
  }
  const Variable variable("IMAGO_DATA", other.path());
  expect_error(ErrorKind::data,
               {"kmnist not found", other / "kmnist", "/usr/share/datasets/kmnist", "codh"},
               [] { load("kmnist"); });
  expect_error(ErrorKind::data, {"apt install dataset-fashion-mnist"},
               [&] { load("fashion-mnist", {.dir = other.path()}); });
  expect_error(ErrorKind::data, {"no such data", "fashion-mnist", "four-patterns"},
               [] { load("fashon-mnist"); });
}
TEST_F(Sets, IncompleteOrInconsistent) {
  write_idx_set("mnist", "");
  std::filesystem::remove(folder / "mnist/t10k-labels-idx1-ubyte");
  expect_error(ErrorKind::data, {"incomplete", "t10k-labels-idx1-ubyte"},
               [&] { load_here("mnist"); });
  const std::string labels = folder / "mnist/t10k-labels-idx1-ubyte",
                    images = folder / "mnist/t10k-images-idx3-ubyte";
  io::write_idx(labels, host_array(counting<std::uint8_t>(5), {5}));
  expect_error(ErrorKind::data, {labels, "uint8 [4]", "uint8 [5]"}, [&] { load_here("mnist"); });
  io::write_idx(labels, host_array(counting<std::uint8_t>(4), {4}));
  io::write_idx(images, host_array(counting<std::uint8_t>(8), {4, 2}));
  expect_error(ErrorKind::data, {images, "[N, height, width]", "[4, 2]"},
               [&] { load_here("mnist"); });
  io::write_idx(images, host_array(counting<float>(24), {4, 3, 2}));
  expect_error(ErrorKind::data, {images, "uint8", "float32"}, [&] { load_here("mnist"); });
  io::write_idx(images, host_array(counting<std::uint8_t>(36), {4, 3, 3}));
  expect_error(ErrorKind::data, {"the splits differ"}, [&] { load_here("mnist"); });
  io::write_idx(images, host_array(counting<std::uint8_t>(24), {4, 3, 2}));
  EXPECT_EQ(load_here("mnist").test.size(), 4);
  put(images, contents(images).substr(0, 20));
  expect_error(ErrorKind::data, {images, "truncated"}, [&] { load_here("mnist"); });
}

TEST_F(Sets, NpyShapes) {
  const auto shape_of = [&](const HostArray& a) { return load(saved("a.npy", a), {.test = 0}); };
  EXPECT_EQ(shape_of(host_array(counting<std::uint8_t>(24), {4, 3, 2})).sample_shape,
            (Shape{3, 2, 1}));
  EXPECT_EQ(shape_of(host_array(counting<std::uint8_t>(72), {4, 3, 2, 3})).sample_shape,
            (Shape{3, 2, 3}));
  EXPECT_EQ(shape_of(host_array(counting<std::uint8_t>(36), {4, 9})).sample_shape,
            (Shape{3, 3, 1}));
  EXPECT_EQ(shape_of(host_array(counting<std::uint8_t>(24), {4, 6})).sample_shape, (Shape{6}));
  const DataSet points = shape_of(host_array<double>({.5, -7, 1e6, 3}, {2, 2}));
  EXPECT_EQ(points.kind, data::Kind::vector);
  EXPECT_EQ(points.levels, 0);
  EXPECT_EQ(points.train.x.to_vector<float>(), (std::vector<float>{.5f, -7, 1e6f, 3}));
  EXPECT_EQ(points.classes, 0);
  EXPECT_FALSE(points.train.labels.defined());
  EXPECT_EQ(shape_of(host_array<std::uint8_t>({0, 1, 1, 0}, {1, 4})).levels, 2);
}
TEST_F(Sets, NpyRefused) {
  const auto refuse = [&](const HostArray& a, const std::vector<std::string>& parts) {
    const std::string path = saved("a.npy", a);
    expect_error(ErrorKind::data, parts, [&] { load(path, {.test = 0}); });
  };
  refuse(host_array<float>({0, .5, NAN, 1}, {2, 2}), {"not a number in row 1", "a.npy"});
  refuse(host_array<double>({0, 1e300, 1, 1}, {2, 2}), {"not a number in row 0"});
  refuse(host_array<float>({0, .5, 1.5, 1}, {4, 1, 1}), {"row 2", "[0, 1]", "1.5"});
  refuse(host_array<std::int64_t>({0, 1}, {2, 1}), {"element type", "int64"});
  refuse(host_array<float>({0, 1}, {2}), {"shape", "[2]"});
  refuse(host_array<float>({}, {0, 3}), {"no samples", "[0, 3]"});
  refuse(host_array(counting<std::uint8_t>(16), {2, 2, 2, 2}), {"C 1 or 3", "[2, 2, 2, 2]"});
  refuse(host_array<float>({0}, {1, 1, 1, 1, 1}), {"shape"});
  const std::string path = saved("one.npy", host_array<float>({0, 1}, {1, 2}));
  expect_error(ErrorKind::data, {"hold out a test split", "fewer than the 1"}, [&] { load(path); });
  put(folder / "a.txt", "x");
  expect_error(ErrorKind::data, {"unknown kind of data", "a.txt"}, [&] { load(folder / "a.txt"); });
}
TEST_F(Sets, Npz) {
  const auto rows = [](Index n) { return host_array(counting<float>(2 * n), {n, 2}); };
  const std::string path = folder / "a.npz";
  io::write_npz(path, {{"train", rows(5)},
                       {"valid", rows(3)},
                       {"test", rows(2)},
                       {"train_labels", host_array<std::int64_t>({0, 2, 1, 1, 0}, {5})}});
  const DataSet s = load(path);
  EXPECT_EQ(s.train.size(), 5);
  EXPECT_EQ(s.valid.size(), 3);
  EXPECT_EQ(s.test.size(), 2);
  EXPECT_EQ(s.classes, 3);
  expect_error(ErrorKind::usage, {"valid split of its own"}, [&] { load(path, {.valid = 1}); });
  expect_error(ErrorKind::usage, {"test split of its own"}, [&] { load(path, {.test = 1}); });
  io::write_npz(path, {{"x_train", rows(5)},
                       {"y_train", host_array<std::uint8_t>({0, 2, 1, 1, 0}, {5})},
                       {"x_test", rows(2)}});
  EXPECT_EQ(load(path).train.labels.to_vector<std::int64_t>(),
            (std::vector<std::int64_t>{0, 2, 1, 1, 0}));
  io::write_npz(path, {{"x", rows(50)}});
  EXPECT_EQ(load(path).test.size(), 5);
  EXPECT_EQ(load(path).train.size(), 45);
  io::write_npz(path, {{"images", rows(5)}});
  expect_error(ErrorKind::data, {"train, x_train or x", "received images"}, [&] { load(path); });
  io::write_npz(path, {{"train", rows(5)}, {"test", host_array(counting<float>(6), {2, 3})}});
  expect_error(ErrorKind::data, {"the splits differ", "[5, 2]", "[2, 3]"}, [&] { load(path); });
  io::write_npz(path, {{"train", rows(5)}, {"train_labels", rows(5)}});
  expect_error(ErrorKind::data, {"wrong labels", "integers [5]"}, [&] { load(path); });
  io::write_npz(path,
                {{"train", rows(2)}, {"train_labels", host_array<std::int64_t>({0, -1}, {2})}});
  expect_error(ErrorKind::data, {"label out of range", "-1"}, [&] { load(path); });
  io::write_npz(path, {{"train", host_array<float>({1}, {})}});
  expect_error(ErrorKind::data, {"a.npz:train", "wrong shape"}, [&] { load(path); });
}

// A folder's images alone can be resized; see folder.cpp.
TEST_F(Sets, OnlyFoldersAreResized) {
  write_idx_set("mnist", "");
  const std::string npy = saved("a.npy", host_array(counting<std::uint8_t>(24), {4, 3, 2}));
  io::write_npz(folder / "a.npz", {{"x", host_array(counting<std::uint8_t>(24), {4, 3, 2})}});
  for (const std::string& name :
       {npy, folder / "a.npz", std::string("mnist"), std::string("ring8")})
    expect_error(ErrorKind::usage, {"cannot resize", "a folder of PNG or JPEG files", name}, [&] {
      load_here(name, {.resize = {2, 2}});
    });
  expect_error(ErrorKind::data, {"no such data"}, [&] {
    load(folder / "none", {.resize = {2, 2}});
  });
}
TEST_F(Sets, SizesAreRead) {
  const auto size = [](const std::string& text) {
    const io::Size s = data::resize_from(text);
    return std::pair(s.height, s.width);
  };
  EXPECT_EQ(size(""), std::pair(Index(0), Index(0)));
  EXPECT_EQ(size("64"), std::pair(Index(64), Index(64)));
  EXPECT_EQ(size("48x16384"), std::pair(Index(48), Index(16384)));
  for (const char* wrong : {"0", "-3", "x", "64x", "x64", "64x0", "64x64x3", "64 x 64", "16385",
                            "6.5", "99999999999999999999", "64X64", " 64"})
    expect_error(ErrorKind::usage, {"option 'resize'", "HEIGHTxWIDTH", concat("'", wrong, "'")},
                 [&] { data::resize_from(wrong); });
}

TEST_F(Sets, HeldOutRowsAreTheSameForEveryRun) {
  std::vector<float> values = counting<float>(200);
  const std::string path = saved("a.npy", host_array(values, {100, 2}));
  const DataSet s = load(path, {.valid = 20, .test = 10}),
                again = load(path, {.valid = 20, .test = 10, .seed = 9});
  EXPECT_EQ(s.fingerprint, again.fingerprint);
  std::vector<float> all;
  for (const data::Split* part : {&s.train, &s.valid, &s.test}) {
    const auto x = part->x.to_vector<float>();
    EXPECT_TRUE(std::is_sorted(x.begin(), x.end()));
    all.insert(all.end(), x.begin(), x.end());
  }
  EXPECT_EQ(s.train.size(), 70);
  EXPECT_EQ(s.valid.size(), 20);
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, values);
  // Not the first or last rows, but some of all.
  EXPECT_LT(s.valid.x.values()[0], 60);
  EXPECT_GT(s.valid.x.values()[38], 140);
  expect_error(ErrorKind::data, {"hold out a valid split", "fewer than the 90", "95"},
               [&] { load(path, {.valid = 95}); });
  expect_error(ErrorKind::usage, {"-2"}, [&] { load(path, {.valid = -2}); });
}
TEST_F(Sets, FingerprintSeesEveryValue) {
  std::vector<float> values = counting<float>(20);
  const auto print = [&] { return load(saved("a.npy", host_array(values, {10, 2}))).fingerprint; };
  const std::string before = print();
  EXPECT_EQ(before.size(), 16u);
  EXPECT_EQ(print(), before);
  for (const std::size_t i : {std::size_t(0), std::size_t(19)}) {
    values[i] += 1;
    EXPECT_NE(print(), before);
    values[i] -= 1;
  }
  std::swap(values[0], values[2]);
  EXPECT_NE(print(), before);
  EXPECT_NE(load("ring8").fingerprint, load("ring8", {.seed = 1}).fingerprint);
}

TEST_F(Sets, StaticBinarisation) {
  const Index n = 4000;
  std::vector<std::uint8_t> values;
  for (Index i = 0; i < n; i++)
    for (const int v : {0, 1, 64, 128, 254, 255}) values.push_back(std::uint8_t(v));
  const std::string path = saved("a.npy", host_array(values, {n, 2, 3}));
  const LoadOptions o{.test = 0, .binarize = data::Binarize::fixed};
  const DataSet s = load(path, o);
  EXPECT_EQ(s.levels, 2);
  EXPECT_EQ(s.scale(), 1);
  const auto x = s.train.x.to_vector<std::uint8_t>();
  double mean[6] = {};
  for (std::size_t i = 0; i < x.size(); i++) {
    ASSERT_LE(x[i], 1);
    mean[i % 6] += x[i] / double(n);
  }
  const double p[6] = {0, 1 / 255., 64 / 255., 128 / 255., 254 / 255., 1};
  for (int k = 0; k < 6; k++)
    EXPECT_NEAR(mean[k], p[k], 1e-9 + 4 * std::sqrt(p[k] * (1 - p[k]) / double(n))) << k;
  EXPECT_EQ(load(path, o).fingerprint, s.fingerprint);
  // Held-out rows carry the same draw: the noise belongs to the row, not to the split.
  LoadOptions split = o;
  split.valid = 1000;
  const DataSet held = load(path, split);
  const Rows order = data::permutation(n, 0, std::uint64_t(1) << 40);
  Rows out(order.end() - 1000, order.end());
  std::sort(out.begin(), out.end());
  const auto v = held.valid.x.to_vector<std::uint8_t>();
  for (std::size_t i = 0; i < out.size(); i++)
    for (std::size_t k = 0; k < 6; k++) ASSERT_EQ(v[6 * i + k], x[6 * std::size_t(out[i]) + k]);
}
TEST_F(Sets, Threshold) {
  const LoadOptions o{.test = 0, .binarize = data::Binarize::threshold};
  EXPECT_EQ(load(saved("a.npy", host_array<std::uint8_t>({0, 127, 128, 255}, {1, 2, 2})), o)
                .train.x.to_vector<std::uint8_t>(),
            (Pixels{0, 0, 1, 1}));
  EXPECT_EQ(load(saved("a.npy", host_array<float>({0, .49999997f, .5, 1}, {1, 2, 2})), o)
                .train.x.to_vector<std::uint8_t>(),
            (Pixels{0, 0, 1, 1}));
  expect_error(ErrorKind::usage, {"cannot binarise", "ring8"}, [&] { load("ring8", o); });
  EXPECT_EQ(data::binarize_from("static"), data::Binarize::fixed);
  expect_error(ErrorKind::usage, {"none, static, dynamic or threshold", "fixed"},
               [] { data::binarize_from("fixed"); });
}

TEST_F(Sets, TakeScalesAndDraws) {
  const std::string path =
      saved("a.npy", host_array<std::uint8_t>({0, 51, 102, 255, 255, 255, 0, 0}, {2, 2, 2}));
  const Tensor index = Tensor::from(std::vector<std::int64_t>{1, 0, 1}, {3});
  Generator g{1, 0};
  const DataSet grey = load(path, {.test = 0});
  const Tensor x = data::take(grey, grey.train, index, g);
  EXPECT_EQ(x.shape(), (Shape{3, 2, 2, 1}));
  EXPECT_EQ(g, (Generator{1, 0}));
  const std::vector<double> v = x.values(), expected = {1, 1, 0, 0, 0, .2, .4, 1, 1, 1, 0, 0};
  for (std::size_t i = 0; i < v.size(); i++) EXPECT_NEAR(v[i], expected[i], 1e-6);
  const DataSet dynamic = load(path, {.test = 0, .binarize = data::Binarize::dynamic});
  double mean = 0;
  for (int k = 0; k < 4000; k++) {
    const std::vector<double> b = data::take(dynamic, dynamic.train, index, g).values();
    for (std::size_t i = 0; i < b.size(); i++) {
      ASSERT_TRUE(b[i] == 0 || b[i] == 1);
      if (expected[i] == 0 || expected[i] == 1) {
        ASSERT_EQ(b[i], expected[i]);
      }
    }
    mean += b[5] / 4000;
  }
  EXPECT_NEAR(mean, .2, 4 * std::sqrt(.16 / 4000));
  EXPECT_GT(g.offset, 0u);
}
// Rows, shuffles and draws are the same on every device.
TEST_F(Sets, EveryDeviceTakesTheSameRows) {
  const std::string path = saved("a.npy", host_array(counting<std::uint8_t>(200), {50, 2, 2}));
  std::vector<std::vector<double>> taken;
  for (const Device device : devices()) {
    const DataSet s = load(path, {.binarize = data::Binarize::dynamic, .device = device});
    data::Batches batches(s.train.size(), {.batch = 7, .seed = 3, .device = device});
    Generator g{5, 0};
    taken.emplace_back();
    for (int step = 0; step < 9; step++) {
      const Tensor x = data::take(s, s.train, batches.next(), g);
      EXPECT_EQ(x.device(), device);
      const std::vector<double> v = x.values();
      taken.back().insert(taken.back().end(), v.begin(), v.end());
    }
    EXPECT_EQ(taken.back(), taken.front()) << device;
  }
}

}  // namespace
}  // namespace imago::test
