// What every fuzzed loader shares: its entry in the list of targets, and the promises that all of
// them keep. Not here: the drivers, which are replay.cpp (any compiler) and libfuzzer.cpp (clang).
#pragma once
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "engine/core/error.h"

namespace imago::fuzz {

using Random = std::minstd_rand;
using Mutation = std::function<void(std::string&)>;  // libFuzzer's own

struct Target {
  const char* name;
  // Hands the bytes to the loader; what must hold is checked by require() and accepts().
  void (*check)(const std::string& bytes);
  // Alters the bytes and repairs what the format computes of them (sizes, checksums), so that the
  // alteration is not refused at the door. Null: the plain mutation.
  std::string (*mutate)(std::string bytes, const Mutation&, Random&) = nullptr;
};
std::vector<Target>& targets();
struct Registered {
  explicit Registered(const Target& t) { targets().push_back(t); }
};

void require(bool holds, const std::string& what);  // says what, and aborts

// The promises of a loader: nothing but an Error of one of these kinds leaves it, in one printable
// line of bearable length, and it never holds more than `memory` bytes beyond those held before.
// True when it threw nothing.
bool accepts(const std::vector<ErrorKind>& kinds, std::size_t memory,
             const std::function<void()>& load);
inline bool accepts(ErrorKind kind, std::size_t memory, const std::function<void()>& load) {
  return accepts(std::vector{kind}, memory, load);
}

// A path in a folder of this process, which goes when it ends.
std::string file_of(const std::string& name);
// The same, holding these bytes.
std::string file_of(const std::string& name, const std::string& bytes);

// Bytes held through malloc from its construction on; beyond the limit the process aborts.
class MemoryLimit {
 public:
  explicit MemoryLimit(std::size_t bytes);
  ~MemoryLimit();
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;
};

}  // namespace imago::fuzz
