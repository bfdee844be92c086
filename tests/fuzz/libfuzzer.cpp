// libFuzzer's entry points for the one target that is linked with them.
#include <cstdint>
#include <cstring>

#include "tests/fuzz/target.h"

using imago::fuzz::targets;

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t limit);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  targets().at(0).check({reinterpret_cast<const char*>(data), size});
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t limit, unsigned seed) {
  const auto& target = targets().at(0);
  if (!target.mutate) return LLVMFuzzerMutate(data, size, limit);
  const auto plain = [&](std::string& s) {
    const std::size_t before = s.size(), room = std::max(limit, before + 64);
    s.resize(room);
    s.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(s.data()), before, room));
  };
  imago::fuzz::Random random(seed);
  const std::string s = target.mutate({reinterpret_cast<const char*>(data), size}, plain, random);
  if (s.size() > limit || s.empty()) return LLVMFuzzerMutate(data, size, limit);
  std::memcpy(data, s.data(), s.size());
  return s.size();
}
