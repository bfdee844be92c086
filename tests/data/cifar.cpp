// CIFAR-10 in its binary version, on files this test writes.
#include "engine/data/data_set.h"
#include "engine/io/inflate.h"
#include "tests/io/files.h"

namespace imago::test {
namespace {

using data::DataSet;

struct Cifar : ::testing::Test {
  TemporaryFolder folder;
  // Pixel p of colour c in record r of a file is r + c + p, so that planes and pixels differ.
  static std::string records(const std::vector<int>& labels, int first = 0) {
    std::string bytes;
    for (std::size_t r = 0; r < labels.size(); r++) {
      bytes += char(labels[r]);
      for (int c = 0; c < 3; c++)
        for (int p = 0; p < 1024; p++) bytes += char((first + int(r) + 50 * c + p) & 255);
    }
    return bytes;
  }
  std::string place(const std::string& name, int file) const {
    return folder / (name + (file ? concat("/data_batch_", file, ".bin") : "/test_batch.bin"));
  }
  void write(const std::string& name, bool compressed = false) {
    std::filesystem::create_directories(folder / name);
    for (int f = 0; f <= 5; f++) {
      const std::string bytes = records({f, 9 - f}, 10 * f);
      if (!compressed) {
        put(place(name, f), bytes);
        continue;
      }
      const io::Bytes packed = io::deflate_gzip(std::as_bytes(std::span(bytes)));
      put(place(name, f) + ".gz", {reinterpret_cast<const char*>(packed.data()), packed.size()});
    }
  }
  DataSet load() const { return data::load("cifar10", {.dir = folder.path()}); }
  void refuse(const std::vector<std::string>& words) const {
    expect_error(ErrorKind::data, words, [&] { load(); });
  }
};

TEST_F(Cifar, PlainAndCompressed) {
  for (const bool compressed : {false, true}) {
    const std::string name = compressed ? "cifar-10-batches-bin" : "cifar10";
    write(name, compressed);
    const DataSet s = load();
    EXPECT_EQ(s.sample_shape, (Shape{32, 32, 3}));
    EXPECT_EQ(s.kind, data::Kind::image);
    EXPECT_EQ(s.levels, 256);
    EXPECT_EQ(s.classes, 10);
    EXPECT_EQ(s.train.x.shape(), (Shape{10, 32, 32, 3}));
    EXPECT_EQ(s.test.x.shape(), (Shape{2, 32, 32, 3}));
    EXPECT_EQ(s.train.labels.to_vector<std::int64_t>(),
              (std::vector<std::int64_t>{1, 8, 2, 7, 3, 6, 4, 5, 5, 4}));
    EXPECT_EQ(s.test.labels.to_vector<std::int64_t>(), (std::vector<std::int64_t>{0, 9}));
    const auto x = s.train.x.to_vector<std::uint8_t>();
    for (std::size_t i = 0; i < x.size(); i++) {
      const std::size_t image = i / 3072, p = i / 3 % 1024, c = i % 3;
      ASSERT_EQ(x[i], (10 * (image / 2 + 1) + image % 2 + 50 * c + p) % 256) << i;
    }
    std::filesystem::remove_all(folder / name);
  }
}
TEST_F(Cifar, MissingOrDamaged) {
  refuse({"cifar10 not found", folder / "cifar10", folder / "cifar-10-batches-bin", "--data-dir"});
  write("cifar10");
  std::filesystem::remove(place("cifar10", 3));
  refuse({"incomplete", "data_batch_3.bin or data_batch_3.bin.gz"});
  put(place("cifar10", 3), records({1, 2}).substr(0, 3073 + 3072));
  refuse({place("cifar10", 3), "truncated", "records of 3073 bytes", "6145 bytes"});
  put(place("cifar10", 3), "");
  refuse({place("cifar10", 3), "0 bytes"});
  put(place("cifar10", 3), records({1, 10}));
  refuse({place("cifar10", 3), "byte 3073", "0 to 9", "10"});
  put(place("cifar10", 3), records({1}));
  EXPECT_EQ(load().train.size(), 9);
}
TEST_F(Cifar, DamagedGzip) {
  write("cifar10", true);
  const std::string path = place("cifar10", 0) + ".gz", whole = contents(path);
  for (const std::size_t length :
       {std::size_t(3), std::size_t(17), whole.size() / 2, whole.size() - 1}) {
    put(path, whole.substr(0, length));
    refuse({path});
  }
  std::string wrong = whole;
  wrong[whole.size() / 2] = char(wrong[whole.size() / 2] ^ 64);
  put(path, wrong);
  refuse({path});
  wrong = whole;
  wrong[whole.size() - 6] = char(wrong[whole.size() - 6] ^ 1);  // of the checksum
  put(path, wrong);
  refuse({path, "checksum"});
  for (const std::string& behind : {std::string("x"), whole}) {
    put(path, whole + behind);
    refuse({path});
  }
  put(path, whole);
  EXPECT_EQ(load().test.size(), 2);
}

}  // namespace
}  // namespace imago::test
