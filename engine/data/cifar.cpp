// CIFAR-10 in its binary version: records of a label and 3 x 32 x 32 bytes, colour by colour.
#include <array>
#include <cstring>

#include "engine/data/sources.h"
#include "engine/io/file.h"
#include "engine/io/inflate.h"

namespace imago::data {
namespace {

using io::fail;

constexpr std::size_t pixels = 32 * 32, record = 1 + 3 * pixels;
constexpr int classes = 10;

io::Bytes unpacked(const std::string& path) {
  io::Bytes file = io::read_file(path, "CIFAR-10 file");
  const bool gzipped = file.size() >= 2 && file[0] == std::byte{0x1f} && file[1] == std::byte{0x8b};
  if (!gzipped) return file;
  // The size stands in the last four bytes; the inflater checks what is really there.
  std::uint64_t size = 0;
  if (file.size() < 18)
    fail(path, {"truncated gzip file", "18 bytes or more", concat(file.size())});
  for (std::size_t i = 1; i <= 4; i++) size = size << 8 | std::uint64_t(file[file.size() - i]);
  if (!io::can_inflate_to(size, file.size()))
    fail(path, {"damaged gzip file", "a size that its bytes can hold", concat(size, " bytes")});
  io::Inflater inflater(file, io::Inflater::Format::gzip, path, 0);
  io::Bytes bytes(size);
  inflater.read(bytes.data(), bytes.size(), "the records");
  inflater.finish();
  return bytes;
}

HostSplit read_files(const std::vector<std::string>& paths) {
  std::vector<io::Bytes> files;
  std::size_t n = 0;
  for (const std::string& path : paths) {
    files.push_back(unpacked(path));
    const std::size_t size = files.back().size();
    if (size == 0 || size % record != 0)
      fail(path, {"truncated or no CIFAR-10 file", concat("whole records of ", record, " bytes"),
                  concat(size, " bytes"), "copy or download it again"});
    n += size / record;
  }
  HostSplit s{io::zeros(DType::u8, {Index(n), 32, 32, 3}), io::zeros(DType::u8, {Index(n)})};
  std::uint8_t* x = s.x.values<std::uint8_t>().data();
  std::uint8_t* label = s.labels.values<std::uint8_t>().data();
  for (std::size_t f = 0; f < files.size(); f++) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(files[f].data());
    for (std::size_t at = 0; at < files[f].size(); at += record, x += 3 * pixels) {
      if (bytes[at] >= classes)
        fail(paths[f], at,
             {"wrong label", "0 to 9", concat(int(bytes[at])),
              "is this the binary version of CIFAR-10?"});
      *label++ = bytes[at];
      for (std::size_t c = 0; c < 3; c++)
        for (std::size_t p = 0; p < pixels; p++) x[3 * p + c] = bytes[at + 1 + c * pixels + p];
    }
  }
  return s;
}

}  // namespace

HostSet read_cifar10(const std::string& dir) {
  std::vector<std::string> places;
  for (const std::string& root : data_roots(dir))
    for (const char* name : {"cifar10", "cifar-10-batches-bin"})
      places.push_back(root + "/" + name);
  std::vector<std::string> train;
  for (int i = 1; i <= 5; i++) train.push_back(concat("data_batch_", i, ".bin"));
  const std::string test = "test_batch.bin";
  for (const std::string& folder : places) {
    const auto there = [&](const std::string& file) { return plain_or_gz(folder + "/" + file); };
    bool any = !there(test).empty();
    for (const std::string& file : train) any = any || !there(file).empty();
    if (!any) continue;
    const auto find = [&](const std::string& file) {
      std::string path = there(file);
      if (path.empty())
        fail(folder, {"incomplete data set", file + " or " + file + ".gz", "neither",
                      "copy the missing file there"});
      return path;
    };
    std::vector<std::string> paths;
    for (const std::string& file : train) paths.push_back(find(file));
    const std::string last = find(test);
    return {read_files(paths), {}, read_files({last}), folder};
  }
  std::string looked;
  for (const std::string& p : places) looked += (looked.empty() ? "" : " and ") + p;
  fail(looked, {"data set cifar10 not found",
                {},
                {},
                concat("unpack the binary version (cifar-10-binary.tar.gz of "
                       "www.cs.toronto.edu/~kriz/cifar.html) there, its six .bin files plain or "
                       ".gz, or name another folder with --data-dir")});
}

}  // namespace imago::data
