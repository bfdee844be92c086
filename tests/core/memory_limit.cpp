// What control groups leave of the machine's memory, read from folders made like the kernel's.
#include "kernels/cpu/memory_limit.h"

#include "kernels/runtime.h"
#include "tests/io/files.h"

namespace imago::host {
namespace {

using test::TemporaryFolder;

struct Machine {
  void file(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(root / path).parent_path());
    test::put(root / path, text);
  }
  void groups(const std::string& text) const { file("proc/self/cgroup", text); }
  GroupMemory memory() const { return group_memory(root.path()); }
  TemporaryFolder root;
};

TEST(GroupMemory, WithoutGroupsThereIsNoLimit) {
  const Machine m;
  EXPECT_EQ(m.memory().limit, SIZE_MAX);
  m.groups("0::/\n");
  m.file("sys/fs/cgroup/cgroup.controllers", "memory\n");
  EXPECT_EQ(m.memory().limit, SIZE_MAX);
  EXPECT_EQ(m.memory().left, SIZE_MAX);
}
TEST(GroupMemory, Version2) {
  const Machine m;
  m.groups("0::/user.slice/run.scope\n");
  m.file("sys/fs/cgroup/user.slice/run.scope/memory.max", "max\n");
  EXPECT_EQ(m.memory().limit, SIZE_MAX);
  m.file("sys/fs/cgroup/user.slice/memory.max", "1000\n");  // of the group around it
  m.file("sys/fs/cgroup/user.slice/memory.current", "300\n");
  EXPECT_EQ(m.memory().limit, 1000u);
  EXPECT_EQ(m.memory().left, 700u);
  m.file("sys/fs/cgroup/user.slice/run.scope/memory.max", "400\n");
  EXPECT_EQ(m.memory().limit, 400u);
  EXPECT_EQ(m.memory().left, 400u);
  m.file("sys/fs/cgroup/user.slice/run.scope/memory.current", "500\n");
  EXPECT_EQ(m.memory().left, 0u);
  // The cache of files that nobody uses makes room.
  m.file("sys/fs/cgroup/user.slice/run.scope/memory.stat",
         "anon 200\nfile 300\nactive_file 50\ninactive_file 250\n");
  EXPECT_EQ(m.memory().left, 150u);
  m.file("sys/fs/cgroup/user.slice/run.scope/memory.stat", "inactive_file 600\n");  // just grown
  EXPECT_EQ(m.memory().left, 400u);
}
TEST(GroupMemory, AContainerNamesTheHostsGroup) {
  const Machine m;
  m.groups("0::/docker/4f2a\n");
  m.file("sys/fs/cgroup/memory.max", "5000\n");
  EXPECT_EQ(m.memory().limit, 5000u);
}
TEST(GroupMemory, Version1) {
  const Machine m;
  m.groups("9:name=systemd:/\n4:cpu,memory:/job\n3:cpuset:/\n0::/\n");
  m.file("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  m.file("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "2000\n");
  m.file("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "500\n");
  EXPECT_EQ(m.memory().limit, 2000u);
  EXPECT_EQ(m.memory().left, 1500u);
  m.file("sys/fs/cgroup/memory/job/memory.stat", "inactive_file 7\ntotal_inactive_file 200\n");
  EXPECT_EQ(m.memory().left, 1700u);
}
TEST(GroupMemory, TheCpuObeysIt) {
  const DeviceInfo cpu = device_info(0);
  EXPECT_GT(cpu.memory, 0u);
  EXPECT_LE(cpu.memory, group_memory().limit);
  EXPECT_LE(cpu.memory_free, group_memory().left);
}

}  // namespace
}  // namespace imago::host
