// Named tensors in one file, readable by every safetensors reader. Not here: what the names mean;
// checkpoints are engine/train's.
#pragma once
#include <functional>
#include <utility>

#include "engine/io/host_array.h"

namespace imago::io {

using Metadata = std::map<std::string, std::string>;
using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

struct SafeTensors {
  NamedArrays tensors;
  Metadata metadata;
};

// F32 F64 I64 U8 as they are; BOOL becomes uint8, other integers int64, F16 and BF16 float32.
SafeTensors read_safetensors(const std::string& path);
// Atomic. The bytes depend on names, values and metadata only: sorted by element size, then name,
// as the reference writer does, so that every tensor is aligned. Error (usage) on a name used twice
// or "__metadata__".
void write_safetensors(const std::string& path, const NamedArrays& tensors,
                       const Metadata& metadata = {});
// before_commit is called when all is written and nothing replaced yet; where it throws, nothing
// is.
void write_safetensors(const std::string& path, const NamedTensors& tensors,
                       const Metadata& metadata = {},
                       const std::function<void()>& before_commit = {});

}  // namespace imago::io
