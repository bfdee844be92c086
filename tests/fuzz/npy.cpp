// One .npy file.
#include "engine/io/npy.h"

#include "tests/fuzz/target.h"

namespace imago::fuzz {
namespace {

void check(const std::string& bytes) {
  const std::string path = file_of("in.npy", bytes);
  io::HostArray a;
  // The file, its values in C order, and these as int64 where they were int8.
  if (!accepts(ErrorKind::data, (1 << 16) + bytes.size() * 12, [&] { a = io::read_npy(path); }))
    return;
  io::write_npy(file_of("out.npy"), a);
  const io::HostArray b = io::read_npy(file_of("out.npy"));
  require(a.dtype == b.dtype && a.shape == b.shape && a.bytes == b.bytes,
          "an npy file reads back different");
}

const Registered registered({"npy", check});

}  // namespace
}  // namespace imago::fuzz
