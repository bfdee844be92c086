// A file is the old one or the new one, and nothing else remains.
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "engine/io/file.h"
#include "tests/io/files.h"

namespace imago::test {
namespace {

TEST(AtomicFile, ReplacesAtCommitOnly) {
  TemporaryFolder folder;
  io::write_file(folder / "a", std::string("old"));
  {
    io::AtomicFile f(folder / "a");
    f.write("new", 3);
    EXPECT_EQ(contents(folder / "a"), "old");
    f.commit();
  }
  EXPECT_EQ(contents(folder / "a"), "new");
  EXPECT_EQ(folder.entries(), 1u);
}
TEST(AtomicFile, WithoutCommitNothingRemains) {
  TemporaryFolder folder;
  io::write_file(folder / "a", std::string("old"));
  {
    io::AtomicFile f(folder / "a");
    f.write("half", 4);
  }
  EXPECT_EQ(contents(folder / "a"), "old");
  EXPECT_EQ(folder.entries(), 1u);
}
TEST(AtomicFile, TakesOverWhatAKilledWriterLeft) {
  TemporaryFolder folder;
  put(folder / ".a.partial", "a longer rest of a killed process");
  io::write_file(folder / "a", std::string("new"));
  EXPECT_EQ(contents(folder / "a"), "new");
  EXPECT_EQ(folder.entries(), 1u);
}
TEST(AtomicFile, OneWriterAtATime) {
  TemporaryFolder folder;
  io::AtomicFile first(folder / "a");
  first.write("1", 1);
  expect_error(ErrorKind::internal, {"another process", folder / "a"},
               [&] { io::AtomicFile second(folder / "a"); });
  first.commit();
  EXPECT_EQ(contents(folder / "a"), "1");
}
TEST(AtomicFile, Unwritable) {
  TemporaryFolder folder;
  expect_error(ErrorKind::internal, {folder / "none/a", "No such file"},
               [&] { io::write_file(folder / "none/a", std::string("x")); });
  std::filesystem::create_directory(folder / "d");
  expect_error(ErrorKind::internal, {folder / "d", "directory"},
               [&] { io::write_file(folder / "d", std::string("x")); });
  EXPECT_EQ(folder.entries(), 1u);
}
TEST(AtomicFile, FailingInTheMiddleLeavesTheOldFile) {
  TemporaryFolder folder;
  io::write_file(folder / "a", std::string("old"));
  // A limit on the size of files makes write() fail after some bytes, as a full disk does.
  rlimit before, small;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  small = before;
  small.rlim_cur = 1000;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  expect_error(ErrorKind::internal, {folder / "a", "too large"},
               [&] { io::write_file(folder / "a", std::string(5000, 'x')); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(contents(folder / "a"), "old");
  EXPECT_EQ(folder.entries(), 1u);
}
TEST(AtomicFile, LinksAreNotFollowed) {
  TemporaryFolder folder;
  put(folder / "victim", "precious");
  std::filesystem::create_symlink(folder / "victim", folder / ".a.partial");
  expect_error(ErrorKind::internal, {folder / "a"},
               [&] { io::write_file(folder / "a", std::string("x")); });
  EXPECT_EQ(contents(folder / "victim"), "precious");
}
TEST(AtomicFile, OnlyFilesAreReplaced) {
  TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  std::filesystem::create_symlink("pipe", folder / "to pipe");
  for (const char* name : {"pipe", "to pipe"})
    expect_error(ErrorKind::internal, {folder / name, "a regular file", "pipe or socket"},
                 [&] { io::write_file(folder / name, std::string("x")); });
  EXPECT_TRUE(std::filesystem::is_fifo(folder / "pipe"));
  EXPECT_EQ(folder.entries(), 2u);
}
TEST(AtomicFile, ALinkStaysAndItsTargetIsReplaced) {
  namespace fs = std::filesystem;
  TemporaryFolder folder;
  fs::create_directory(folder / "d");
  put(folder / "d/a", "old");
  fs::create_symlink("a", folder / "d/b");
  fs::create_symlink("d/b", folder / "to file");
  fs::create_symlink(folder / "d/new", folder / "to nothing");
  fs::create_symlink("loop", folder / "loop");
  io::write_file(folder / "to file", std::string("1"));
  io::write_file(folder / "to nothing", std::string("2"));
  expect_error(ErrorKind::internal, {folder / "loop", "symbolic links"},
               [&] { io::write_file(folder / "loop", std::string("x")); });
  EXPECT_EQ(contents(folder / "d/a"), "1");
  EXPECT_EQ(contents(folder / "d/new"), "2");
  for (const char* link : {"to file", "to nothing", "d/b", "loop"})
    EXPECT_TRUE(fs::is_symlink(folder / link)) << link;
  fs::remove(folder / "loop");  // it cannot be counted
  EXPECT_EQ(folder.entries(), 3u);
}
TEST(ReadFile, PipesAndDevicesAreRefused) {
  TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  expect_error(ErrorKind::data, {"regular file"},
               [&] { io::read_file(folder / "pipe", "test file"); });
  expect_error(ErrorKind::data, {"/dev/zero", "regular file"},
               [&] { io::read_file("/dev/zero", "test file"); });
}

}  // namespace
}  // namespace imago::test
