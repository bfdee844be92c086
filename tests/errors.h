// What a call that must be refused says. Not here: errors of files, which are tests/io/files.h.
#pragma once
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "engine/core/error.h"

namespace imago::test {

// The text of the usage error that f throws; the test fails when it throws none, or another kind.
inline std::string message(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::usage) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}
// That text must hold every word.
inline void expect_error(const std::function<void()>& f, const std::vector<std::string>& words) {
  const std::string text = message(f);
  for (const std::string& word : words)
    EXPECT_NE(text.find(word), text.npos) << text << "\nlacks " << word;
}

}  // namespace imago::test
