// Safetensors, and the same bytes as a checkpoint.
#include "engine/io/safetensors.h"

#include "engine/train/checkpoint.h"
#include "tests/fuzz/target.h"

namespace imago::fuzz {
namespace {

void check(const std::string& bytes) {
  const std::string path = file_of("in.safetensors", bytes);
  // The header's JSON, of which "0," is a node of 16 bytes in a vector that may be twice as long;
  // of the data, int8 becomes int64.
  const std::size_t memory = (1 << 17) + bytes.size() * 64;
  io::SafeTensors a;
  if (!accepts(ErrorKind::data, memory, [&] { a = io::read_safetensors(path); })) return;
  io::write_safetensors(file_of("out.safetensors"), a.tensors, a.metadata);
  const io::SafeTensors b = io::read_safetensors(file_of("out.safetensors"));
  require(a.metadata == b.metadata, "the metadata read back different");
  require(a.tensors.size() == b.tensors.size(), "tensors are lost");
  for (const auto& [name, x] : a.tensors) {
    const io::HostArray& y = b.tensors.at(name);
    require(x.dtype == y.dtype && x.shape == y.shape && x.bytes == y.bytes,
            "a safetensors file reads back different");
  }
  training::Checkpoint c;
  if (!accepts(ErrorKind::data, (1 << 20) + 2 * memory,
               [&] { c = training::read_checkpoint(path); }))
    return;
  require(training::averaged(c).size() <= c.optimizer.size(), "averages out of nothing");
  require(c.step >= 0 && c.epoch >= 0 && c.step_in_epoch >= 0, "a negative counter");
  training::write_checkpoint(file_of("out.safetensors"), c);
  const training::Checkpoint d = training::read_checkpoint(file_of("out.safetensors"));
  require(c.step == d.step && c.config == d.config && c.data == d.data && c.score == d.score &&
              c.model.size() == d.model.size() && c.optimizer.size() == d.optimizer.size() &&
              c.sums.size() == d.sums.size() && c.counts == d.counts &&
              c.generator.seed == d.generator.seed,
          "a checkpoint reads back different");
}

// The header altered by itself, its size told truly.
std::string mutate(std::string bytes, const Mutation& change, Random& random) {
  std::size_t size = 0;
  for (std::size_t i = 8; i-- > 0;)
    size = size << 8 | (i < bytes.size() ? (unsigned char)bytes[i] : 0);
  if (bytes.size() < 8 || size > bytes.size() - 8 || random() % 4 == 0) {
    change(bytes);
    return bytes;
  }
  std::string header = bytes.substr(8, size), data = bytes.substr(8 + size);
  change(random() % 4 ? header : data);
  std::string out;
  for (int i = 0; i < 8; i++) out += char(std::uint64_t(header.size()) >> (8 * i));
  return out + header + data;
}

const Registered registered({"safetensors", check, mutate});

}  // namespace
}  // namespace imago::fuzz
