#include "tests/fuzz/target.h"

#include <cstdio>
#include <cstdlib>

#include "tests/io/files.h"

namespace imago::fuzz {

std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

void require(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", what.c_str());
  std::abort();
}

bool accepts(const std::vector<ErrorKind>& kinds, std::size_t memory,
             const std::function<void()>& load) {
  const MemoryLimit limit(memory);
  try {
    load();
    return true;
  } catch (const Error& e) {
    const std::string text = e.what();
    require(std::find(kinds.begin(), kinds.end(), e.kind()) != kinds.end(),
            concat("an error of kind ", int(e.kind()), ": ", text));
    require(text.size() < 6000, concat("an error of ", text.size(), " bytes"));
    // A control character would reach the user's terminal.
    for (std::size_t i = 0; i < text.size(); i++) {
      const auto c = (unsigned char)text[i],
                 next = i + 1 < text.size() ? (unsigned char)text[i + 1] : (unsigned char)0;
      require(c >= 0x20 && c != 0x7f && !(c == 0xc2 && next >= 0x80 && next < 0xa0),
              concat("byte ", int(c), " in: ", text));
    }
    return false;
  } catch (const std::exception& e) {
    require(false, concat("not an imago::Error: ", e.what()));
  }
  return false;
}

std::string file_of(const std::string& name) {
  static const test::TemporaryFolder folder;
  return folder / name;
}
std::string file_of(const std::string& name, const std::string& bytes) {
  const std::string path = file_of(name);
  test::put(path, bytes);
  return path;
}

}  // namespace imago::fuzz
