// Every command of the README's sh blocks is run as it stands, in order, on a set as small as it
// can be; those that build and install are named here with where they are run instead.
#include "engine/io/host_array.h"
#include "engine/io/idx.h"
#include "tests/tools/cli.h"

namespace imago::test {
namespace {

// Lines of the README's blocks of a language, comments and empty lines left out.
std::vector<std::string> block_lines(const std::string& language) {
  std::istringstream text(read(IMAGO_README));
  std::vector<std::string> all;
  bool inside = false;
  for (std::string line; std::getline(text, line);) {
    if (line.rfind("```", 0) == 0) {
      inside = !inside && line == "```" + language;
      continue;
    }
    if (const std::size_t comment = line.find(" #"); comment != line.npos) line.erase(comment);
    line.erase(line.find_last_not_of(' ') + 1);
    if (inside && !line.empty() && line[0] != '#') all.push_back(line);
  }
  return all;
}

void write_set(const fs::path& folder) {
  fs::create_directories(folder);
  std::uint32_t state = 1;
  for (const auto& [part, n] : {std::pair{"train", Index(300)}, {"t10k", Index(60)}}) {
    for (const auto& [kind, shape] :
         {std::pair{"-images-idx3-ubyte", Shape{n, 28, 28}}, {"-labels-idx1-ubyte", Shape{n}}}) {
      io::HostArray a = io::zeros(DType::u8, shape);
      for (std::byte& b : a.bytes) {
        state = state * 1664525 + 1013904223;
        b = std::byte((state >> 24) % (shape.rank() == 1 ? 10 : 256));
      }
      io::write_idx((folder / (part + std::string(kind))).string(), a);
    }
  }
}

using Readme = Cli;

TEST_F(Readme, EveryCommandWorks) {
  write_set(folder_ / "fashion-mnist");
  // tools/test.sh runs the first, and is what runs this; the others are the packages' own tests.
  const std::vector<std::string> elsewhere{
      "tools/quickstart.sh", "tools/test.sh", "cmake ", "cpack", "sudo ", "tar ", "g++ "};
  const std::string shell =
      "PATH=" + fs::path(IMAGO_PROGRAM).parent_path().string() + ":$PATH IMAGO_DATA=. ";
  std::size_t run = 0;
  for (const std::string& line : block_lines("sh")) {
    const auto begins = [&](const std::string& with) { return line.rfind(with, 0) == 0; };
    if (std::any_of(elsewhere.begin(), elsewhere.end(), begins)) continue;
    if (begins("alias imago=")) continue;  // the path above does that
    ASSERT_TRUE(begins("imago ")) << "the README has a command that nothing runs: " << line;
    const std::string command = "cd " + folder_.string() + " && " + shell + "sh -c '" + line +
                                "' >out.txt 2>error.txt </dev/null";
    EXPECT_EQ(std::system(command.c_str()), 0) << line << "\n" << read(folder_ / "error.txt");
    EXPECT_EQ(read(folder_ / "error.txt"), "") << line;
    run++;
  }
  EXPECT_GE(run, 7u);
  EXPECT_TRUE(fs::exists(folder_ / "runs/vae-fashion-mnist-s0/checkpoints/last.safetensors"));
  EXPECT_TRUE(fs::exists(folder_ / "samples.png"));
}

TEST_F(Readme, NamesOnlyFilesThatAreThere) {
  const fs::path root = fs::path(IMAGO_README).parent_path();
  const std::string text = read(IMAGO_README);
  std::size_t found = 0;
  for (const char* top : {"tools/", "tests/", "cmake/", "engine/", "kernels/", "models/"})
    for (std::size_t at = text.find(top); at != text.npos; at = text.find(top, at + 1)) {
      if (at > 0 && text[at - 1] != '`' && text[at - 1] != '(' && text[at - 1] != '\n') continue;
      const std::string path = text.substr(at, text.find_first_of(" `),;:<\n", at) - at);
      if (path.find('<') != path.npos || text[at + path.size()] == '<') continue;  // a pattern
      EXPECT_TRUE(fs::exists(root / path)) << path;
      found++;
    }
  EXPECT_GE(found, 10u);
}

}  // namespace
}  // namespace imago::test
