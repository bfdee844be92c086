// .npz: a zip archive of .npy files.
#include "engine/io/npy.h"
#include "tests/fuzz/archive.h"
#include "tests/fuzz/target.h"

namespace imago::fuzz {
namespace {

void check(const std::string& bytes) {
  const std::string path = file_of("in.npz", bytes);
  io::NamedArrays all;
  // Deflate expands 1032 to 1, an int8 becomes an int64, and an entry is there up to three times.
  if (!accepts(ErrorKind::data, (1 << 17) + bytes.size() * 1032 * 11,
               [&] { all = io::read_npz(path); }))
    return;
  for (const bool compress : {false, true}) {
    io::write_npz(file_of("out.npz"), all, compress);
    const io::NamedArrays again = io::read_npz(file_of("out.npz"));
    require(again.size() == all.size(), "arrays are lost");
    for (const auto& [key, a] : all) {
      const io::HostArray& b = again.at(key);
      require(a.dtype == b.dtype && a.shape == b.shape && a.bytes == b.bytes,
              "an npz file reads back different");
    }
  }
}

const Registered registered({"npz", check, mutated_archive});

}  // namespace
}  // namespace imago::fuzz
