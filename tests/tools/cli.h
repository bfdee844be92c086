// Runs the program in a temporary folder: exit status, what it printed, the files it left. Not
// here: what is expected of a command; each has its tests.
#pragma once
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace imago::test {
namespace fs = std::filesystem;
using nlohmann::json;

struct Result {
  int status = -1;  // exit status, or 1000 + the signal that ended it
  std::string out, error;
};

inline std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline void put(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), std::streamsize(bytes.size()));
}

using Arguments = std::vector<std::string>;
inline Arguments operator+(Arguments a, const Arguments& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline Arguments with(const Arguments& settings) {
  Arguments all;
  for (const std::string& s : settings) all = all + Arguments{"--set", s};
  return all;
}

// A sanitized program is some twenty times slower: then long series are shorter.
#if defined(__SANITIZE_ADDRESS__)
constexpr int shorter = 6;
#else
constexpr int shorter = 1;
#endif

// For start(): root reads and writes whatever the permissions say; the process will no longer.
constexpr int keeps_privileges = 97;  // its status where the system forbids that
inline void obey_permissions() {
  constexpr int cap_dac_override = 1, cap_dac_read_search = 2;
  if (geteuid() == 0 && (prctl(PR_CAPBSET_DROP, cap_dac_override, 0, 0, 0) != 0 ||
                         prctl(PR_CAPBSET_DROP, cap_dac_read_search, 0, 0, 0) != 0))
    _exit(keeps_privileges);
}

class Cli : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "imago-cli-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override {
    for (const pid_t child : running_)  // a test that failed before it waited
      if (waitpid(child, nullptr, WNOHANG) == 0) {
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
      }
    fs::remove_all(folder_);
  }

  // before() runs in the new process.
  pid_t start(const std::vector<std::string>& arguments,
              const std::function<void()>& before = {}) const {
    const pid_t child = fork();
    if (child == 0) {
      std::vector<std::string> all{IMAGO_PROGRAM};
      all.insert(all.end(), arguments.begin(), arguments.end());
      std::vector<char*> argv;
      for (std::string& a : all) argv.push_back(a.data());
      argv.push_back(nullptr);
      if (chdir(folder_.c_str()) || !freopen("/dev/null", "r", stdin) ||
          !freopen("out.txt", "w", stdout) || !freopen("error.txt", "w", stderr))
        _exit(99);
      unsetenv("IMAGO_DATA");
      prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that timed out leaves nobody behind
      if (before) before();
      execv(IMAGO_PROGRAM, argv.data());
      _exit(98);
    }
    running_.insert(child);
    return child;
  }
  Result wait(pid_t child) const {
    int status = 0;
    waitpid(child, &status, 0);
    running_.erase(child);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status),
            read(folder_ / "out.txt"), read(folder_ / "error.txt")};
  }
  Result imago(const std::vector<std::string>& arguments) const { return wait(start(arguments)); }
  // A failure is one line that begins with "imago: " and holds `holding`, nothing on stdout, and
  // the status.
  void fails(const std::vector<std::string>& arguments, int status,
             const std::string& holding) const {
    std::string command = "imago";
    for (const auto& a : arguments) command += " " + a;
    expect_sentence(imago(arguments), status, {holding}, command);
  }
  // As fails(), of what was run before; with every word.
  static void expect_sentence(const Result& r, int status, const Arguments& words,
                              const std::string& command = {}) {
    EXPECT_EQ(r.status, status) << command << "\n" << r.error;
    EXPECT_EQ(r.error.rfind("imago: ", 0), 0u) << command << "\n" << r.error;
    EXPECT_EQ(std::count(r.error.begin(), r.error.end(), '\n'), 1) << command << "\n" << r.error;
    for (const std::string& word : words)
      EXPECT_NE(r.error.find(word), std::string::npos) << command << " should say " << word << "\n"
                                                       << r.error;
  }
  Result trained(const std::string& out, int steps = 30,
                 const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all{
        "train", "vae", "--data", "four-patterns", "--steps", std::to_string(steps),
        "--out", out,   "--set",  "hidden=16",     "--set",   "latent=2"};
    all.insert(all.end(), more.begin(), more.end());
    return imago(all);
  }
  bool only_logs() const {  // nothing was left besides what start() itself writes
    for (const auto& entry : fs::directory_iterator(folder_))
      if (entry.path().filename() != "out.txt" && entry.path().filename() != "error.txt")
        return false;
    return true;
  }
  fs::path folder_;

 private:
  mutable std::set<pid_t> running_;
};

inline std::vector<json> lines(const fs::path& path) {
  std::vector<json> all;
  std::istringstream text(read(path));
  for (std::string line; std::getline(text, line);) all.push_back(json::parse(line));
  return all;
}

}  // namespace imago::test
