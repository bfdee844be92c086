// What control groups (a container, a service with a limit) leave of the machine's memory. Not
// here: how much memory the machine has; see kernels/cpu/runtime.cpp.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace imago::host {

struct GroupMemory {
  std::size_t limit = SIZE_MAX, left = SIZE_MAX;  // bytes; SIZE_MAX: no limit
};
// Of this process's group and those around it, of version 1 or 2. root stands before /proc and
// /sys.
GroupMemory group_memory(const std::string& root = {});

}  // namespace imago::host
