// PyTorch's state dicts: zip archives and the older form.
#include "engine/io/pth.h"

#include "tests/fuzz/archive.h"

namespace imago::fuzz {
namespace {

void check(const std::string& bytes) {
  // An opcode of one byte becomes a value of some hundred; storages inflate 1032 to 1, are held
  // beside as many bytes of tensors, and an int8 becomes an int64.
  const bool archive = bytes.starts_with("PK");
  io::NamedArrays all;
  if (!accepts(ErrorKind::data, (1 << 17) + bytes.size() * (archive ? 1032 * 12 : 300),
               [&] { all = io::read_pth(file_of("in.pth", bytes)); }))
    return;
  for (const auto& [name, a] : all)
    require(a.bytes.size() == std::size_t(a.shape.numel()) * size_of(a.dtype),
            "a tensor without its bytes");
}

std::string mutate(std::string bytes, const Mutation& change, Random& random) {
  if (bytes.starts_with("PK")) return mutated_archive(std::move(bytes), change, random);
  change(bytes);
  return bytes;
}

const Registered registered({"pth", check, mutate});

}  // namespace
}  // namespace imago::fuzz
