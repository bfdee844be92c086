// The run directory's rules, and metrics.jsonl: appending, cutting back, surviving a crash.
#include "engine/train/run_directory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <thread>

#include "engine/core/error.h"
#include "engine/train/metrics.h"

namespace imago::training {
namespace {
namespace fs = std::filesystem;

struct RunFolder : testing::Test {
  RunFolder()
      : path(fs::path(testing::TempDir()) /
             ("imago-run-" + std::to_string(getpid()) + "-" +
              testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(path);
  }
  ~RunFolder() override { fs::remove_all(path); }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name) << text;
  }
  std::string read(const std::string& name) const {
    std::ifstream in(path / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  ErrorKind kind_of(const std::function<void()>& f) {
    try {
      f();
    } catch (const Error& e) {
      message = e.what();
      return e.kind();
    }
    ADD_FAILURE() << "no error";
    return ErrorKind::internal;
  }
  fs::path path;
  std::string message;
};

TEST_F(RunFolder, RefusesARunUnlessTold) {
  { const RunDirectory fresh(path, Existing::refuse); }
  { const RunDirectory still_empty(path, Existing::refuse); }
  write("config.json", "{}");
  write("notes.txt", "mine");
  write("samples/step-000500.png", "x");
  write("samples/mine.png", "x");
  write("events.out.tfevents.1700000000.imago", "x");
  write("events.out.tfevents.1700000000.host", "x");
  EXPECT_EQ(kind_of([&] { RunDirectory(path, Existing::refuse); }), ErrorKind::usage);
  EXPECT_NE(message.find("--resume"), std::string::npos);
  EXPECT_NE(message.find("--overwrite"), std::string::npos);
  { const RunDirectory resumed(path, Existing::resume); }
  EXPECT_TRUE(fs::exists(path / "config.json"));
  EXPECT_EQ(RunFiles(path).event_files(),
            std::vector<std::string>{path / "events.out.tfevents.1700000000.imago"});
  { const RunDirectory again(path, Existing::overwrite); }
  EXPECT_FALSE(fs::exists(path / "config.json"));
  EXPECT_FALSE(fs::exists(path / "samples/step-000500.png"));
  EXPECT_TRUE(fs::exists(path / "notes.txt"))
      << "overwrite removes what a run wrote, and nothing else";
  EXPECT_TRUE(fs::exists(path / "samples/mine.png"));
  EXPECT_TRUE(RunFiles(path).event_files().empty());
  EXPECT_TRUE(fs::exists(path / "events.out.tfevents.1700000000.host"));
}

TEST_F(RunFolder, IsOneProcessesAtATime) {
  const RunDirectory mine(path, Existing::refuse);
  // flock belongs to the open file, so a second one in this process is refused like another
  // process.
  EXPECT_EQ(kind_of([&] { RunDirectory(path, Existing::resume); }), ErrorKind::usage);
  EXPECT_NE(message.find("another process"), std::string::npos);
}

// A report looks whether it is in use, and a training begins at that moment.
TEST_F(RunFolder, ALookFromOutsideIsWaitedFor) {
  fs::create_directories(path);
  const int looking = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(flock(looking, LOCK_SH | LOCK_NB), 0);
  std::thread report([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    close(looking);
  });
  EXPECT_NO_THROW(RunDirectory(path, Existing::refuse));
  report.join();
}

TEST_F(RunFolder, IsNoFile) {
  std::ofstream(path) << "x";
  EXPECT_EQ(kind_of([&] { RunDirectory(path, Existing::refuse); }), ErrorKind::usage);
  EXPECT_EQ(kind_of([&] { RunDirectory(path / "below", Existing::refuse); }), ErrorKind::internal);
}

TEST_F(RunFolder, NamesSamplesByStep) {
  EXPECT_EQ(RunFiles("r").samples(500), "r/samples/step-000500.png");
  EXPECT_EQ(RunFiles("r").samples(12345678), "r/samples/step-12345678.png");
}

TEST_F(RunFolder, MetricsAreCutBackAndMended) {
  fs::create_directories(path);
  const std::string file = path / "metrics.jsonl";
  {
    MetricsFile metrics(file, 0);
    metrics.append({10, 0.5, "train", {{"loss", 1.25}}});
    metrics.append({10, 0.5, "test", {{"elbo", -3}, {"odd", std::nan("")}}});
    metrics.append({20, 1, "test", {{"elbo", -2}}});
  }
  EXPECT_EQ(read("metrics.jsonl").substr(0, 56),
            R"({"step":10,"epoch":0.5,"split":"train","loss":1.25})"
            "\n{\"st");
  std::ofstream(file, std::ios::app) << R"({"step":30,"epoch":1.5,"spl)";  // a crash
  EXPECT_THROW(read_metrics(file), Error);
  bool torn = false;
  EXPECT_EQ(read_metrics(file, &torn).size(), 3u);
  EXPECT_TRUE(torn);
  { MetricsFile metrics(file, 10); }
  const auto lines = read_metrics(file, &torn);
  EXPECT_FALSE(torn);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1].split, "test");
  EXPECT_EQ(figure(lines[1].figures, "elbo"), -3);
  EXPECT_TRUE(std::isnan(figure(lines[1].figures, "odd")));
  EXPECT_THROW(figure(lines[1].figures, "fid"), Error);
  EXPECT_FALSE(has_figure(lines[1].figures, "fid"));
}

// Whatever a crash left of the last lines, what a checkpoint stands for is kept, and no more.
TEST_F(RunFolder, MetricsTornAnywhereAreMended) {
  fs::create_directories(path);
  const std::string file = path / "metrics.jsonl";
  {
    MetricsFile metrics(file, 0);
    for (const Index step : {10, 20, 30})
      for (const char* split : {"train", "valid"})
        metrics.append({step, double(step) / 7, split, {{"loss", 1. / double(step)}}});
    metrics.sync();
  }
  const std::string whole = read("metrics.jsonl");
  const std::size_t until = whole.find("{\"step\":30");
  const std::string kept = whole.substr(0, until);
  for (std::size_t n = until; n <= whole.size(); n++) {
    write("metrics.jsonl", whole.substr(0, n));
    { const MetricsFile metrics(file, 20); }
    ASSERT_EQ(read("metrics.jsonl"), kept) << n;
    // Of the checkpoint's own step every whole line stays, and only whole ones.
    write("metrics.jsonl", whole.substr(0, n));
    { const MetricsFile metrics(file, 30); }
    const std::string now = read("metrics.jsonl");
    ASSERT_EQ(now, whole.substr(0, whole.rfind('\n', n ? n - 1 : 0) + 1)) << n;
  }
}

// A power failure may leave whole lines of anything behind those that were synced.
TEST_F(RunFolder, BrokenMetricsBehindTheStepAreCut) {
  const auto line = [](Index step) { return to_json({step, 1, "train", {}}) + "\n"; };
  const std::string kept = line(10) + line(20), nul = std::string(9, '\0') + "\n";
  const std::string file = path / "metrics.jsonl";
  for (const std::string& behind : {nul, nul + "{}\n", line(30) + nul, nul + line(30) + "{\"s"}) {
    write("metrics.jsonl", kept + behind);
    { const MetricsFile metrics(file, 20); }
    EXPECT_EQ(read("metrics.jsonl"), kept);
  }
  const std::string spoilt = line(10) + nul + line(20);
  write("metrics.jsonl", spoilt);
  EXPECT_EQ(kind_of([&] { MetricsFile(file, 20); }), ErrorKind::data);
  EXPECT_NE(message.find("at byte " + std::to_string(line(10).size())), std::string::npos)
      << message;
  EXPECT_EQ(read("metrics.jsonl"), spoilt);
}

TEST_F(RunFolder, OnlyWhatIsItsOwnIsTakenBack) {
  {
    RunDirectory mine(path / "a" / "b", Existing::refuse);
    mine.append_log("begins");
    mine.discard();
  }
  EXPECT_FALSE(fs::exists(path));
  {
    RunDirectory mine(path / "a", Existing::refuse);
    write("a/mine.txt", "x");
    write("a/config.json", "{}");
    mine.discard();
  }
  EXPECT_EQ(read("a/mine.txt"), "x");
  EXPECT_FALSE(fs::exists(path / "a/config.json"));
  EXPECT_FALSE(fs::exists(path / "a/checkpoints"));
  {
    RunDirectory mine(path / "a", Existing::refuse);
    write("a/config.json", "{}");
    write("a/metrics.jsonl", "{}\n");
    mine.discard();
  }
  EXPECT_TRUE(fs::exists(path / "a/config.json")) << "there was something to see";
  fs::remove(path / "a/metrics.jsonl");
  {
    RunDirectory resumed(path / "a", Existing::resume);
    resumed.discard();
  }
  EXPECT_TRUE(fs::exists(path / "a/config.json")) << "it was there before";

  const std::string events = "b/events.out.tfevents.1700000000.imago";
  write("b/log.txt", "x");
  write("b/metrics.jsonl", "");
  write(events, "x");
  {
    RunDirectory mine(path / "b", Existing::refuse);
    for (const char* name : {"b/config.json", "b/events.out.tfevents.1700000001.imago"})
      write(name, "x");
    mine.discard();
  }
  std::set<std::string> left;
  for (const auto& entry : fs::directory_iterator(path / "b"))
    left.insert("b/" + entry.path().filename().string());
  EXPECT_EQ(left, (std::set<std::string>{"b/log.txt", "b/metrics.jsonl", events}));
}

TEST_F(RunFolder, FiguresOfSomethingElseAreNotCutBack) {
  write("metrics.jsonl", "mine\n");
  for (const Existing existing : {Existing::refuse, Existing::resume})
    EXPECT_EQ(kind_of([&] { RunDirectory(path, existing); }), ErrorKind::usage);
  EXPECT_NE(message.find("metrics.jsonl"), std::string::npos) << message;
  EXPECT_EQ(read("metrics.jsonl"), "mine\n");
}

TEST_F(RunFolder, KnowsWhenItIsGone) {
  const RunDirectory mine(path, Existing::refuse);
  EXPECT_NO_THROW(mine.check());
  fs::rename(path, path.string() + ".away");
  EXPECT_EQ(kind_of([&] { mine.check(); }), ErrorKind::internal);
  EXPECT_NE(message.find("nothing there"), std::string::npos) << message;
  fs::create_directory(path);
  EXPECT_EQ(kind_of([&] { mine.check(); }), ErrorKind::internal);
  EXPECT_NE(message.find("another one"), std::string::npos) << message;
  fs::remove(path);
  fs::rename(path.string() + ".away", path);
  EXPECT_NO_THROW(mine.check());
}

TEST(Metrics, NumbersAreWhatTheyAre) {
  const auto read = [](const std::string& step, const std::string& loss) {
    return metrics_from_json(
        R"({"step":)" + step + R"(,"epoch":1,"split":"train","loss":)" + loss + "}", "m.jsonl");
  };
  EXPECT_EQ(read("9223372036854775807", "2").step, std::numeric_limits<Index>::max());
  for (const char* step : {"9223372036854775808", "1e300", "1.5", "-1", "true"})
    EXPECT_THROW(read(step, "2"), Error) << step;
  EXPECT_THROW(read("1", "true"), Error);
  EXPECT_EQ(figure(read("1", "18446744073709551615").figures, "loss"), 0x1p64);
}

}  // namespace
}  // namespace imago::training
