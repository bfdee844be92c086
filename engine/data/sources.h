// Where the arrays of a data set come from: IDX sets by name, files and folders by path. For
// engine/data/data_set.cpp.
#pragma once
#include <string>

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

HostSet read_idx_set(const std::string& name, const std::string& dir);
HostSet read_npy_set(const std::string& path);
HostSet read_npz_set(const std::string& path);
HostSet read_image_folder(const std::string& path, io::Size resize);

}  // namespace imago::data
