// IDX, plain and gzipped.
#include "engine/io/idx.h"

#include "tests/fuzz/packing.h"
#include "tests/fuzz/target.h"

namespace imago::fuzz {
namespace {

void check(const std::string& bytes) {
  const std::string path = file_of("in.idx", bytes);
  io::HostArray a;
  // Deflate expands 1032 to 1, an int8 becomes an int64, and both are there for a moment.
  const bool gzipped = bytes.starts_with("\x1f\x8b");
  if (!accepts(ErrorKind::data, (1 << 17) + bytes.size() * (gzipped ? 1032 * 9 + 2 : 12),
               [&] { a = io::read_idx(path); }))
    return;
  // An int64 is written as int32, which every int64 that came from an IDX file fits.
  for (const char* name : {"out.idx", "out.idx.gz"}) {
    io::write_idx(file_of(name), a);
    const io::HostArray b = io::read_idx(file_of(name));
    require(a.dtype == b.dtype && a.shape == b.shape && a.bytes == b.bytes,
            "an IDX file reads back different");
  }
}

std::string mutate(std::string bytes, const Mutation& change, Random& random) {
  const bool gzipped = bytes.starts_with("\x1f\x8b");
  const auto choice = random() % 8;
  if (gzipped && choice < 6) bytes = unpacked(bytes, Packing::gzip);
  change(bytes);
  if (gzipped ? choice < 5 : choice == 0) bytes = packed(bytes, Packing::gzip);
  return bytes;
}

const Registered registered({"idx", check, mutate});

}  // namespace
}  // namespace imago::fuzz
