// State dicts as PyTorch's torch.save writes them, zip archives and the older form. Read as data:
// nothing in the file is executed. Not here: whole modules, optimisers, TorchScript, which are
// refused by what they ask for.
#pragma once
#include "engine/io/host_array.h"

namespace imago::io {

// The tensors of a dict of names to tensors, contiguous whatever their strides in the file. float16
// and bfloat16 become float32, bool uint8, other integers int64. Error (data) naming what it is for
// a file that is damaged or holds anything else, and for tensors that overlap so much that they
// would need more than eight times the file (of packed storages, more than those unpacked).
NamedArrays read_pth(const std::string& path);

}  // namespace imago::io
