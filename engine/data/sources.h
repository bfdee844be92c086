// Where the arrays of a data set come from: IDX sets by name, files and folders by path. For
// engine/data/data_set.cpp.
#pragma once
#include <string>
#include <vector>

#include "engine/data/data_set.h"
#include "engine/io/host_array.h"

namespace imago::data {

struct HostSplit {
  io::HostArray x, labels;  // labels without dimensions: none
  bool empty() const { return x.shape.rank() == 0; }
};
struct HostSet {
  HostSplit train, valid, test;
  std::string where;  // for errors
};

// Where sets with files of their own are looked for: dir; or, where it is empty, $IMAGO_DATA and
// the distribution's folder.
std::vector<std::string> data_roots(const std::string& dir);
std::string plain_or_gz(const std::string& path);  // path or path.gz; empty when neither is there

HostSet read_idx_set(const std::string& name, const std::string& dir);
HostSet read_cifar10(const std::string& dir);
HostSet read_npy_set(const std::string& path);
HostSet read_npz_set(const std::string& path);
HostSet read_image_folder(const std::string& path, io::Size resize);

}  // namespace imago::data
