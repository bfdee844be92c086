// What the program says of itself: version, help, manual, completion, and what it says to a command
// line it does not understand. Completion in bash itself is completion.sh.
#include <algorithm>
#include <iterator>
#include <regex>
#include <set>

#include "kernels/config.h"
#include "tests/tools/cli.h"

namespace imago::test {
namespace {
std::set<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}
// The names in the first column of a section of a help.
std::vector<std::string> terms(const std::string& help, const std::string& title) {
  std::vector<std::string> names;
  const std::size_t at = help.find("\n" + title);
  if (at == std::string::npos) return names;
  std::istringstream text(help.substr(help.find('\n', at + 1) + 1));
  for (std::string line; std::getline(text, line) && !line.empty();)
    if (line.size() > 2 && line[2] != ' ') names.push_back(line.substr(2, line.find(' ', 2) - 2));
  return names;
}
std::set<std::string> options(const std::string& text) {
  static const std::regex option("(^|[ ,`])(--[a-z]+(-[a-z]+)*)");
  std::set<std::string> found;
  for (std::sregex_iterator i(text.begin(), text.end(), option), end; i != end; ++i)
    found.insert((*i)[2]);
  return found;
}
}  // namespace

using Help = Cli;

TEST_F(Help, VersionSaysWhatTheBuildIs) {
  const Result r = imago({"--version"});
  EXPECT_EQ(r.status, 0) << r.error;
  const std::regex expected(
      "imago " IMAGO_PROJECT_VERSION
      "\ncommit +([0-9a-f]{40,64}(, modified)?|unknown)\ncompiler +[A-Za-z]+ [0-9.]+, .+\ncpu +.+"
      "\ncuda +(none|[0-9.]+ for [^;]+)(; emulated)?\nlibraries +oneDNN [0-9.]+, zlib [0-9.]+.*\n");
  EXPECT_TRUE(std::regex_match(r.out, expected)) << r.out;
  EXPECT_EQ(r.out.find("emulated") != std::string::npos, bool(IMAGO_HAS_EMULATED)) << r.out;
  EXPECT_EQ(r.out.find("none") == std::string::npos, bool(IMAGO_HAS_CUDA)) << r.out;
}

TEST_F(Help, EveryCommandReadsLikeAManual) {
  const std::string top = imago({"--help"}).out, manual = imago({"--man"}).out;
  for (const char* title : {"Usage: imago COMMAND", "\nOptions:\n", "\nExamples:\n", "\nFiles:\n",
                            "\nEnvironment:\n", "\nExit status:\n"})
    EXPECT_NE(top.find(title), std::string::npos) << title;
  std::string plain = manual;  // without roff's escapes of a dash
  for (std::size_t at; (at = plain.find("\\-")) != std::string::npos;) plain.erase(at, 1);
  std::vector<std::string> all = terms(top, "Commands");
  EXPECT_GE(all.size(), 8u);
  all.push_back("");
  for (const std::string& name : all) {
    const Result r = name.empty() ? imago({"--help"}) : imago({name, "--help"});
    EXPECT_EQ(r.status, 0) << name;
    EXPECT_EQ(r.error, "") << name;
    const std::string command = name.empty() ? "imago" : "imago " + name;
    EXPECT_EQ(r.out.rfind(command + " - ", 0), 0u) << r.out;
    EXPECT_NE(r.out.find("\nUsage: " + command), std::string::npos) << r.out;
    EXPECT_NE(plain.find("\n.SS " + command), std::string::npos) << name;
    const std::set<std::string> known = options(r.out.substr(0, r.out.find("\nExamples:\n")));
    EXPECT_EQ(known.count("--help"), 1u);
    for (const std::string& option : known)
      EXPECT_TRUE(options(plain).count(option)) << option << " is not in the manual";
    std::istringstream text(r.out);
    for (std::string line; std::getline(text, line);) {
      EXPECT_LE(line.size(), 80u) << line;
      if (name.empty() || line.rfind("  imago ", 0) != 0) continue;
      EXPECT_EQ(line.rfind("  " + command, 0), 0u) << line;
      for (const std::string& option : options(line))
        EXPECT_TRUE(known.count(option)) << "no such option in " << line;
    }
  }
}

TEST_F(Help, AMisunderstoodCommandLine) {
  fails({}, 2, "no command, expected one of train, ");
  fails({"--bogus"}, 2,
        "unknown option, in imago, expected an option that `imago --help` lists, "
        "received --bogus; see `imago --help`");
  fails({"--vrsion"}, 2, "received --vrsion; perhaps --version");
  fails({"trian"}, 2, "received trian; perhaps train");
  fails({"train", "vae", "--dta", "x"}, 2,
        "unknown option, in imago train, expected an option that `imago train --help` lists, "
        "received --dta; perhaps --data");
  fails({"train", "vae", "--dta=x"}, 2, "received --dta; perhaps --data");
  fails({"train", "--dta"}, 2, "received --dta");
  fails({"train", "vae", "--out"}, 2, "missing value, in imago train, expected --out DIR");
  fails({"sample", "r", "-n"}, 2, "missing value, in imago sample, expected -n N");
  fails({"evaluate"}, 2, "expected imago evaluate RUN|IMAGES [OPTIONS], received no RUN|IMAGES");
  fails({"list", "devices"}, 2, "an argument too many, in imago list");
  fails({"--", "x"}, 2, "an argument too many");
  fails({"--=3"}, 2, "received --=3");
  EXPECT_TRUE(only_logs());
}

TEST_F(Help, CompletionOffersTheMetricsThereAre) {
  ASSERT_EQ(trained("run", 3).status, 0);
  const std::string error = imago({"evaluate", "run", "--metrics", "bogus"}).error;
  std::smatch names;
  ASSERT_TRUE(std::regex_search(error, names, std::regex("one of (.*), received"))) << error;
  // The names of all presets' metrics are offered: at least those of this run.
  const auto offered = words(imago({"--complete", "evaluate", "run", "--metrics", ""}).out);
  for (const std::string& name : words(std::regex_replace(names[1].str(), std::regex(","), " ")))
    EXPECT_EQ(std::count(offered.begin(), offered.end(), name), 1) << name;
}

}  // namespace imago::test
