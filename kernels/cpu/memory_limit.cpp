#include "kernels/cpu/memory_limit.h"

#include <algorithm>
#include <fstream>

namespace imago::host {
namespace {

// The number a file holds; `otherwise` where there is no such file or it says "max".
std::size_t number_in(const std::string& path, std::size_t otherwise) {
  std::size_t value = 0;
  std::ifstream file(path);
  return file >> value ? value : otherwise;
}

// The bytes of a line "name N" of a memory.stat; 0 where there is none.
std::size_t stat_in(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  std::string key;
  for (std::size_t value = 0; file >> key >> value;)
    if (key == name) return value;
  return 0;
}

// The group and those around it. In a container the names may be the host's, while the files are
// the container's own, at the top.
void narrow(GroupMemory& m, const std::string& top, std::string group, const char* limit_file,
            const char* used_file, const char* cache) {
  while (!group.empty() && group.back() == '/') group.pop_back();
  while (true) {
    const std::string folder = top + group + "/";
    const std::size_t limit = number_in(folder + limit_file, SIZE_MAX);
    if (limit != SIZE_MAX) {
      m.limit = std::min(m.limit, limit);
      // Files that were read once count as used, but make room.
      const std::size_t used = number_in(folder + used_file, 0),
                        kept = used - std::min(used, stat_in(folder + "memory.stat", cache));
      m.left = std::min(m.left, limit - std::min(limit, kept));
    }
    if (group.empty()) return;
    group.erase(group.rfind('/') == group.npos ? 0 : group.rfind('/'));
  }
}

}  // namespace

GroupMemory group_memory(const std::string& root) {
  GroupMemory m;
  const std::string top = root + "/sys/fs/cgroup";
  // Lines of "0::/group" for version 2, "4:memory:/group" for version 1.
  std::string line;
  for (std::ifstream f(root + "/proc/self/cgroup"); std::getline(f, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    std::string controllers = ",", group = line.substr(second + 1);
    controllers.append(line, first + 1, second - first - 1).append(",");
    if (controllers == ",,") narrow(m, top, group, "memory.max", "memory.current", "inactive_file");
    if (controllers.find(",memory,") != controllers.npos)
      narrow(m, top + "/memory", group, "memory.limit_in_bytes", "memory.usage_in_bytes",
             "total_inactive_file");
  }
  return m;
}

}  // namespace imago::host
