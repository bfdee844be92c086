// IDX, the format of MNIST and its relatives, plain or gzipped. Not here: where data sets live;
// engine/data knows.
#pragma once
#include "engine/io/host_array.h"

namespace imago::io {

// uint8 stays, signed integers become int64, floats stay. Gzip is recognised by content, not by
// name.
HostArray read_idx(const std::string& path);
// uint8, int64 (as int32; Error (usage) when a value does not fit), float32 or float64; gzipped
// when path ends in .gz.
void write_idx(const std::string& path, const HostArray& a);

}  // namespace imago::io
