// Replays files through one target: fuzz_replay TARGET FOLDER. What a file must not do aborts;
// no file at all is a failure too.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "tests/fuzz/target.h"
#include "tests/io/files.h"

int main(int argc, char** argv) {
  using namespace imago;
  if (argc != 3) return std::fprintf(stderr, "usage: fuzz_replay TARGET FOLDER\n"), 2;
  const auto target = std::find_if(fuzz::targets().begin(), fuzz::targets().end(),
                                   [&](const auto& t) { return !std::strcmp(t.name, argv[1]); });
  if (target == fuzz::targets().end()) return std::fprintf(stderr, "no target %s\n", argv[1]), 2;
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[2]))
    if (entry.is_regular_file()) files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    std::printf("%s\n", file.c_str());
    std::fflush(stdout);  // an abort would take it along
    target->check(test::contents(file));
  }
  std::printf("%s: %zu files\n", target->name, files.size());
  return files.empty();
}
