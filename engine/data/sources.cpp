#include "engine/data/sources.h"

#include <cstdlib>
#include <initializer_list>

#include "engine/io/file.h"
#include "engine/io/idx.h"
#include "engine/io/npy.h"

namespace imago::data {
namespace {

using io::fail;

std::string how_to_get(const std::string& name, const std::string& place) {
  const std::string put =
      concat("put its four IDX files (train-images-idx3-ubyte and so on, plain or .gz) into ",
             place, ", or name another folder with --data-dir");
  if (name == "fashion-mnist") return "`apt install dataset-fashion-mnist`, or " + put;
  if (name == "kmnist") return "download it from codh.rois.ac.jp/kmnist and " + put;
  return put;
}

HostSplit read_part(const std::string& folder, const std::string& part) {
  const auto find = [&](const std::string& file) {
    const std::string there = plain_or_gz(folder + "/" + file);
    if (there.empty())
      fail(folder, {"incomplete data set", file + " or " + file + ".gz", "neither",
                    "copy the missing file there"});
    return there;
  };
  const std::string images = find(part + "-images-idx3-ubyte"),
                    labels = find(part + "-labels-idx1-ubyte");
  HostSplit s{io::read_idx(images), io::read_idx(labels)};
  if (s.x.dtype != DType::u8 || s.x.shape.rank() != 3 || s.x.shape.numel() == 0)
    fail(images, {"wrong images", "uint8 [N, height, width]", concat(s.x.dtype, " ", s.x.shape)});
  if (s.labels.dtype != DType::u8 || s.labels.shape != Shape{s.x.shape[0]})
    fail(labels, {"wrong labels", concat("uint8 [", s.x.shape[0], "], one for each image"),
                  concat(s.labels.dtype, " ", s.labels.shape)});
  return s;
}

}  // namespace

std::vector<std::string> data_roots(const std::string& dir) {
  if (!dir.empty()) return {dir};
  std::vector<std::string> roots;
  if (const char* variable = std::getenv("IMAGO_DATA"); variable && *variable)
    roots.push_back(variable);
  roots.push_back("/usr/share/datasets");
  return roots;
}

std::string plain_or_gz(const std::string& path) {
  for (const char* suffix : {"", ".gz"})
    if (io::exists(path + suffix)) return path + suffix;
  return {};
}

HostSet read_idx_set(const std::string& name, const std::string& dir) {
  std::vector<std::string> places;
  for (const std::string& root : data_roots(dir)) places.push_back(root + "/" + name);
  for (const std::string& folder : places) {
    bool any = false;
    for (const char* part : {"train", "t10k"})
      for (const char* kind : {"-images-idx3-ubyte", "-labels-idx1-ubyte"})
        any = any || !plain_or_gz(folder + "/" + part + kind).empty();
    if (any) return {read_part(folder, "train"), {}, read_part(folder, "t10k"), folder};
  }
  std::string looked = places[0];
  if (places.size() > 1) looked += " and " + places[1];
  fail(looked, {"data set " + name + " not found", {}, {}, how_to_get(name, places[0])});
}

HostSet read_npy_set(const std::string& path) {
  io::HostArray x = io::read_npy(path);
  if (x.shape.rank() == 0)
    fail(path, {"wrong shape", "an array of one row for each sample", "a single value"});
  return {{std::move(x), {}}, {}, {}, path};
}

HostSet read_npz_set(const std::string& path) {
  io::NamedArrays arrays = io::read_npz(path);
  const auto take = [&](std::initializer_list<const char*> names) {
    for (const char* n : names)
      if (const auto found = arrays.find(n); found != arrays.end()) {
        io::HostArray a = std::move(found->second);
        arrays.erase(found);
        if (a.shape.rank() == 0)
          fail(path + ":" + n,
               {"wrong shape", "an array of one row for each sample", "a single value"});
        return a;
      }
    return io::HostArray{};
  };
  HostSet s;
  s.where = path;
  s.train = {take({"train", "x_train", "x"}), take({"train_labels", "y_train", "labels", "y"})};
  s.valid = {take({"valid", "x_valid"}), take({"valid_labels", "y_valid"})};
  s.test = {take({"test", "x_test"}), take({"test_labels", "y_test"})};
  if (s.train.empty()) {
    std::string there;
    for (const auto& [key, a] : arrays) there += (there.empty() ? "" : ", ") + key;
    fail(path,
         {"no training data in the npz file", "an array named train, x_train or x",
          there.empty() ? "none" : there, "save it with numpy.savez(path, train=..., test=...)"});
  }
  return s;
}

}  // namespace imago::data
