// NumPy's array files: .npy of versions 1 to 3 and .npz archives. Not here: object, string, complex
// or structured arrays, which are refused by name.
#pragma once
#include "engine/io/host_array.h"

namespace imago::io {

// Either byte order and either memory order. bool and uint8 become uint8; other integers int64;
// float16 becomes float32.
HostArray read_npy(const std::string& path);
void write_npy(const std::string& path, const HostArray& a);

// Keys without ".npy". Entries stored or deflated; their checksums are verified.
NamedArrays read_npz(const std::string& path);
void write_npz(const std::string& path, const NamedArrays& arrays, bool compress = true);

}  // namespace imago::io
