// The cpu as a device: memory is the heap, work is done when a call returns.
#include "kernels/runtime.h"

#include <omp.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "kernels/cpu/memory_limit.h"

namespace imago::host {

int device_count() { return 1; }

DeviceInfo device_info(int) {
  DeviceInfo info{"cpu", 0, 0, omp_get_max_threads()};
  std::string line;
  for (std::ifstream f("/proc/cpuinfo"); std::getline(f, line);)
    if (line.rfind("model name", 0) == 0 && line.find(": ") != line.npos) {
      info.name = line.substr(line.find(": ") + 2);
      break;
    }
  for (std::ifstream f("/proc/meminfo"); std::getline(f, line);) {
    const auto kib = [&] {
      return std::size_t(std::strtoull(line.c_str() + line.find(':') + 1, nullptr, 10)) << 10;
    };
    if (line.rfind("MemTotal:", 0) == 0) info.memory = kib();
    if (line.rfind("MemAvailable:", 0) == 0) info.memory_free = kib();
  }
  const GroupMemory group = group_memory();
  info.memory = std::min(info.memory, group.limit);
  info.memory_free = std::min(info.memory_free, group.left);
  return info;
}
Stream compute_stream(int) { return {}; }
Stream copy_stream(int) { return {}; }
void* allocate(int, std::size_t bytes) {
  constexpr std::size_t line = 64;
  if (bytes > SIZE_MAX - line) return nullptr;
  return std::aligned_alloc(line, (bytes + line - 1) / line * line);
}
void release(int, void* p) { std::free(p); }
void copy(Stream, void* to, bool, const void* from, bool, std::size_t bytes) {
  std::memcpy(to, from, bytes);
}
void fill(Stream, void* to, int byte, std::size_t bytes) { std::memset(to, byte, bytes); }
void synchronize(Stream) {}

}  // namespace imago::host
