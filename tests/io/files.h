// Temporary folders, file bytes and expected errors, for the tests of files. Not here: formats.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "engine/io/host_array.h"

namespace imago::test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "imago-XXXXXX").string();
    if (!mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  std::size_t entries() const {
    std::size_t n = 0;
    for (const auto& e : std::filesystem::directory_iterator(path_)) n += e.exists();
    return n;
  }

 private:
  std::string path_;
};

inline std::string contents(const std::string& path) {
  std::ifstream f(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(f), {}};
}
inline void put(const std::string& path, const std::string& bytes) {
  std::filesystem::remove(path);  // truncating an existing file waits for the disk
  std::ofstream(path, std::ios::binary).write(bytes.data(), std::streamsize(bytes.size()));
}

// f must throw an Error of this kind, in one line, whose text holds every part.
template <class F>
void expect_error(ErrorKind kind, const std::vector<std::string>& parts, F f,
                  const std::string& what = {}) {
  try {
    f();
    ADD_FAILURE() << "no error: " << what;
  } catch (const Error& e) {
    const std::string text = e.what();
    EXPECT_EQ(e.kind(), kind) << what << ": " << text;
    EXPECT_EQ(text.find('\n'), text.npos) << what;
    for (const std::string& p : parts)
      EXPECT_NE(text.find(p), text.npos) << what << ": '" << p << "' is not in: " << text;
  }
}

template <class T>
std::vector<T> counting(Index n, T first = 0) {
  std::vector<T> v(static_cast<std::size_t>(n));
  for (Index i = 0; i < n; i++) v[std::size_t(i)] = T(first + T(i));
  return v;
}
inline void expect_equal(const io::HostArray& a, const io::HostArray& b) {
  EXPECT_EQ(a.dtype, b.dtype);
  EXPECT_EQ(a.shape, b.shape);
  EXPECT_EQ(a.bytes, b.bytes);
}

}  // namespace imago::test
