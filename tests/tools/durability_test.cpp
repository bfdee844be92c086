// Nothing is lost: runs that are killed, stopped, starved of disk or disturbed end as one that was
// left alone, bit for bit, or say in one line why they cannot go on.
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <chrono>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "tests/io/event_reader.h"
#include "tests/tools/cli.h"

namespace imago::test {
namespace {

using Clock = std::chrono::steady_clock;

// Every option of these two that leaves something behind a step: order, noise, moments, averages,
// schedules, held-out rows, draws at loading and at each batch.
const Arguments vae = Arguments{"train", "vae", "--data", "four-patterns"} +
                      with({"steps=160", "eval_every=9", "sample_every=14", "checkpoint_every=4",
                            "latent=2", "hidden=12", "valid=3000", "ema=0.9", "lr_milestones=2,7",
                            "warm_up=11", "dropout=0.1", "lr=0.01"});
const Arguments iwae =
    Arguments{"train", "iwae", "--data", "images.npy"} +
    with({"steps=90", "eval_every=10", "sample_every=30", "checkpoint_every=5", "latent=2",
          "hidden=12", "valid=50", "binarize=dynamic", "optimizer=rmsprop", "momentum=0.5",
          "samples=3", "batch=32", "weight_decay=0.01", "clip_norm=5"});

class Durability : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    write_images(0);
  }
  void TearDown() override {
    for (const fs::path& place : mounted_) umount2(place.c_str(), MNT_DETACH);
    Cli::TearDown();
  }

  // 300 grey images of 4 x 4.
  void write_images(int seed) const {
    std::string file("\x93NUMPY\1\0", 8);
    std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (300, 4, 4), }";
    while ((10 + header.size() + 1) % 64) header += ' ';
    header += '\n';
    file += char(header.size());
    file += char(header.size() >> 8);
    file += header;
    std::mt19937 bits{unsigned(seed)};
    for (int i = 0; i < 300 * 16; i++) file += char(bits() % 256);
    put(folder_ / "images.npy", file);
  }

  Result done(const Arguments& arguments) const {
    Result r = imago(arguments);
    EXPECT_EQ(r.status, 0) << r.error;
    EXPECT_EQ(r.error, "");
    return r;
  }
  // Every file a run leaves but those that hold times, by name.
  static std::map<std::string, std::string> files_of(const fs::path& run) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(run)) {
      const std::string name = fs::relative(entry.path(), run).string();
      if (entry.is_regular_file() && name != "log.txt" && name.rfind("events.", 0) != 0)
        files[name] = read(entry.path());
    }
    return files;
  }
  static auto shown_by_tensorboard(const fs::path& run) {
    std::set<fs::path> names;
    for (const auto& entry : fs::directory_iterator(run))
      if (entry.path().filename().string().rfind("events.", 0) == 0) names.insert(entry.path());
    std::vector<Event> events;
    for (const fs::path& name : names)
      for (const Event& e : events_of(read(name))) events.push_back(e);
    return shown(events);
  }
  void expect_equal_runs(const fs::path& a, const fs::path& b) const {
    const auto x = files_of(folder_ / a), y = files_of(folder_ / b);
    EXPECT_GE(x.size(), 6u);
    for (const auto& [name, bytes] : x) {
      ASSERT_TRUE(y.count(name)) << b << " lacks " << name;
      EXPECT_TRUE(bytes == y.at(name)) << name << " differs between " << a << " and " << b;
    }
    for (const auto& [name, bytes] : y) EXPECT_TRUE(x.count(name)) << b << " has besides " << name;
    EXPECT_EQ(shown_by_tensorboard(folder_ / a), shown_by_tensorboard(folder_ / b));
  }

  // Waits until the process ends or the time is over; true when it has ended.
  static bool ends_within(pid_t child, Clock::duration time, int* status) {
    for (const auto end = Clock::now() + time; Clock::now() < end;
         std::this_thread::sleep_for(std::chrono::microseconds(500)))
      if (waitpid(child, status, WNOHANG) == child) return true;
    return false;
  }
  template <class F>
  static bool eventually(F f) {
    for (int i = 0; i < 1200 && !f(); i++)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return f();
  }
  static Clock::duration time_of(const std::function<void()>& f) {
    const auto begin = Clock::now();
    f();
    return Clock::now() - begin;
  }

  // A run of `arguments` is met by `kills` signals at random moments, each followed by --resume,
  // and ends as `reference`, which was left alone. One that ends in between is compared, and begun
  // again.
  void interrupt(const Arguments& arguments, int kills, const std::vector<int>& signals) {
    Clock::duration all{}, start_up{};
    all = time_of([&] { done(arguments + Arguments{"--out", "reference"}); });
    start_up = time_of([&] { done({"train", arguments[1], "--data", arguments[3], "--dry-run"}); });
    // So that about half of the run is done when the last signal comes.
    double longest = std::chrono::duration<double>(start_up + 2 * all / kills).count();
    std::mt19937 random{20};
    const Arguments resume = arguments + Arguments{"--out", "run", "--resume"};
    const fs::path last = folder_ / "run/checkpoints/last.safetensors";
    std::string before;
    int alive = 0, early = 0, advanced = 0, torn = 0, beyond = 0, whole = 0, idle = 0;
    for (int attempt = 0; alive < kills && attempt < 20 * kills; attempt++) {
      const double seconds = std::uniform_real_distribution<>(0, longest)(random);
      const int number = signals[std::size_t(attempt) % signals.size()];
      const pid_t child = start(resume);
      int status = 0;
      if (!ends_within(child, std::chrono::microseconds(long(seconds * 1e6)), &status)) {
        kill(child, number);
        waitpid(child, &status, 0);
      }
      const bool by_signal = WIFSIGNALED(status) && WTERMSIG(status) == number;
      const bool by_itself = WIFEXITED(status) && WEXITSTATUS(status) == 128 + number;
      if (by_signal || (by_itself && number != SIGKILL)) {
        alive++;
        const std::string now = fs::exists(last) ? read(last) : "";
        now.empty() ? early++ : now != before ? advanced++ : 0;
        idle = now == before ? idle + 1 : 0;
        if (idle > 3) longest *= 1.5;  // the machine is busier than it was
        before = now;
        for (const auto& [name, bytes] : files_of(folder_ / "."))
          torn += name.rfind("run/", 0) == 0 && name.ends_with(".partial");
        const std::string figures = read(folder_ / "run/metrics.jsonl");
        std::size_t lines_now = std::size_t(std::count(figures.begin(), figures.end(), '\n'));
        beyond += lines_now > lines_before_;
        lines_before_ = lines_now;
        continue;
      }
      ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
          << status << read(folder_ / "error.txt");
      expect_equal_runs("reference", "run");
      fs::remove_all(folder_ / "run");
      before.clear();
      longest /= 1.5;  // or less busy
      whole++;
    }
    std::cout << alive << " signals met a living process: " << early << " before a checkpoint, "
              << advanced << " after another one, " << torn << " files half-written, " << beyond
              << " after another figure; " << whole << " runs ended in between"
              << std::endl;  // before a fork copies it
    ASSERT_EQ(alive, kills);
    EXPECT_GE(advanced, kills / 5);
    done(resume);
    expect_equal_runs("reference", "run");
  }
  std::size_t lines_before_ = 0;

  // Mounts of this process's own, made by root or in a user namespace; false where the system
  // allows neither.
  static bool own_mounts() {
    static const bool ok = [] {
      const auto user = getuid(), group = getgid();
      if (unshare(CLONE_NEWNS) != 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
        put("/proc/self/setgroups", "deny");
        put("/proc/self/uid_map", "0 " + std::to_string(user) + " 1");
        put("/proc/self/gid_map", "0 " + std::to_string(group) + " 1");
      }
      return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    }();
    return ok;
  }
  bool disk(const fs::path& place, const std::string& size) {
    fs::create_directories(folder_ / place);
    if (!own_mounts() ||
        mount("none", (folder_ / place).c_str(), "tmpfs", 0, ("size=" + size).c_str()) != 0)
      return false;
    mounted_.push_back(folder_ / place);
    return true;
  }
  void resize(const fs::path& place, const std::string& size) const {
    ASSERT_EQ(
        mount("none", (folder_ / place).c_str(), "tmpfs", MS_REMOUNT, ("size=" + size).c_str()), 0);
  }
  std::vector<fs::path> mounted_;
};

constexpr const char* no_mounts = "neither root nor a user namespace may mount here";

TEST_F(Durability, KilledVaeEndsAsOneLeftAlone) { interrupt(vae, 50 / shorter, {SIGKILL}); }
TEST_F(Durability, KilledIwaeEndsAsOneLeftAlone) { interrupt(iwae, 12 / shorter, {SIGKILL}); }
TEST_F(Durability, StoppedVaeEndsAsOneLeftAlone) {
  interrupt(vae, 12 / shorter, {SIGTERM, SIGINT});
}

// Each size of disk ends the run at another place.
TEST_F(Durability, AFullDiskLosesNothing) {
  if (!disk("disk", "64k")) GTEST_SKIP() << no_mounts;
  const Arguments often = vae + with({"sample_every=1"});
  done(often + Arguments{"--out", "reference"});
  std::set<std::string> named;
  int fresh = 0;
  for (int pages = 1; pages < 160; pages += 9 * shorter + pages / 8) {
    resize("disk", std::to_string(4 * pages) + "k");
    const Result r = imago(often + Arguments{"--out", "disk/run"});
    expect_sentence(r, 1, {"disk/run", "No space left on device"});
    const std::size_t at = r.error.find("disk/run");
    named.insert(r.error.substr(at, r.error.find_first_of(",0123456789", at) - at));
    std::set<std::string> left;
    if (fs::exists(folder_ / "disk/run")) {
      for (const auto& [name, bytes] : files_of(folder_ / "disk/run")) {
        EXPECT_FALSE(name.ends_with(".partial")) << name;
        left.insert(name);
      }
      lines(folder_ / "disk/run/metrics.jsonl");  // throws at a line that is no JSON
    }
    if (left.count("checkpoints/last.safetensors")) {
      EXPECT_EQ(imago({"evaluate", "disk/run", "--checkpoint", "last"}).status, 0);
    } else if (left.empty()) {
      fresh++;
      EXPECT_TRUE(fs::is_empty(folder_ / "disk")) << "an empty run directory was left";
    }
    resize("disk", "16m");
    done(often + Arguments{"--out", "disk/run", "--resume"});
    expect_equal_runs("reference", "disk/run");
    fs::remove_all(folder_ / "disk/run");
  }
  std::cout << "the disk was full at";
  for (const std::string& name : named) std::cout << " " << name;
  std::cout << "; " << fresh << " times before anything was written\n";
  EXPECT_GE(named.size(), 3u);
  EXPECT_GE(fresh, 1);
}

TEST_F(Durability, ALimitOnFilesIsASentence) {
  done(vae + Arguments{"--out", "reference"});
  for (const rlim_t bytes : {600, 2000, 5000}) {
    const auto limited = [&] {
      const rlimit limit{bytes, bytes};
      if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(97);
    };
    const Result r = wait(start(vae + Arguments{"--out", "run", "--resume"}, limited));
    expect_sentence(r, 1, {"run/", "File too large"});
  }
  done(vae + Arguments{"--out", "run", "--resume"});
  expect_equal_runs("reference", "run");
}

TEST_F(Durability, PlacesThatCannotBeWritten) {
  ASSERT_EQ(trained("run", 5).status, 0);
  const Arguments on = {"train", "vae", "--out", "run", "--resume", "--steps", "9"};
  fs::permissions(folder_ / "run", fs::perms(0555));
  fs::permissions(folder_ / "run/checkpoints", fs::perms(0555));
  const auto before = files_of(folder_ / "run");
  const Result r = wait(start(on, obey_permissions));
  if (r.status == keeps_privileges) GTEST_SKIP() << "root cannot lay down its privileges here";
  expect_sentence(r, 1, {"run/", "Permission denied"});
  EXPECT_EQ(files_of(folder_ / "run"), before);
  expect_sentence(wait(start({"train", "vae", "--data", "four-patterns", "--steps", "1", "--out",
                              "run/deeper/still"},
                             obey_permissions)),
                  1, {"run/deeper", "Permission denied"});
  EXPECT_FALSE(fs::exists(folder_ / "run/deeper"));
  fs::permissions(folder_ / "run", fs::perms(0755));
  fs::permissions(folder_ / "run/checkpoints", fs::perms(0755));

  fs::permissions(folder_ / "run/checkpoints/last.safetensors", fs::perms(0));
  for (const Arguments& command : {on, Arguments{"sample", "run"}})
    expect_sentence(wait(start(command, obey_permissions)), 3,
                    {"last.safetensors", "Permission denied"});
  fs::permissions(folder_ / "run/checkpoints/last.safetensors", fs::perms(0644));
  done(on);
}

TEST_F(Durability, AReadOnlyDisk) {
  if (!disk("disk", "8m")) GTEST_SKIP() << no_mounts;
  ASSERT_EQ(trained("disk/run", 5).status, 0);
  ASSERT_EQ(mount("none", (folder_ / "disk").c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr), 0);
  const auto before = files_of(folder_ / "disk/run");
  const Arguments train = {"train", "vae", "--data", "four-patterns", "--steps", "9", "--out"};
  expect_sentence(
      imago(train + Arguments{"disk/run", "--set", "hidden=16", "--set", "latent=2", "--resume"}),
      1, {"disk/run/", "Read-only file system"});
  expect_sentence(imago(train + Arguments{"disk/other"}), 1,
                  {"disk/other", "Read-only file system"});
  EXPECT_EQ(imago({"evaluate", "disk/run"}).status, 0);
  EXPECT_EQ(files_of(folder_ / "disk/run"), before);
}

// What is removed, moved away or replaced under a run is neither made again nor written into.
TEST_F(Durability, TheDirectoryGoesUnderTheRun) {
  const auto begin = [&] {
    const pid_t child = start({"train", "vae", "--data", "four-patterns", "--steps", "400000000",
                               "--out", "run", "--set", "hidden=8", "--set", "checkpoint_every=5"});
    EXPECT_TRUE(
        eventually([&] { return fs::exists(folder_ / "run/checkpoints/last.safetensors"); }));
    return child;
  };
  pid_t child = begin();
  std::error_code error;
  eventually([&] { return fs::remove_all(folder_ / "run", error), !fs::exists(folder_ / "run"); });
  expect_sentence(wait(child), 1, {"run"});
  EXPECT_FALSE(fs::exists(folder_ / "run"));

  child = begin();
  fs::rename(folder_ / "run", folder_ / "away");
  put(folder_ / "run", "mine");
  expect_sentence(wait(child), 1, {"in run"});
  EXPECT_EQ(read(folder_ / "run"), "mine");
  fs::remove(folder_ / "run");

  child = begin();
  fs::rename(folder_ / "run", folder_ / "away too");
  fs::create_directory(folder_ / "run");
  fs::create_directory(folder_ / "run/checkpoints");
  expect_sentence(wait(child), 1, {"in run"});
  EXPECT_TRUE(fs::is_empty(folder_ / "run/checkpoints"));
  fs::remove_all(folder_ / "run");
  // It can be put back.
  fs::rename(folder_ / "away too", folder_ / "run");
  done({"train", "vae", "--out", "run", "--resume", "--steps", "1"});
}

TEST_F(Durability, OneProcessADirectory) {
  const Arguments endless = {"train",     "vae",   "--data", "four-patterns", "--steps",
                             "400000000", "--out", "run",    "--set",         "hidden=8"};
  const pid_t child = start(endless);
  ASSERT_TRUE(eventually([&] { return fs::exists(folder_ / "run/checkpoints/last.safetensors"); }));
  for (const char* way : {"--resume", "--overwrite"})
    fails(endless + Arguments{way}, 2, "another process is training in the directory, in run");
  fails(endless, 2, "another process");
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  done({"train", "vae", "--out", "run", "--resume", "--steps", "1"});  // no lock is left
}

TEST_F(Durability, AResumeNamesEveryDifference) {
  ASSERT_EQ(trained("run", 5).status, 0);
  const auto before = files_of(folder_ / "run");
  const Result r =
      imago({"train", "vae", "--out", "run", "--resume", "--steps", "9", "--batch", "7", "--set",
             "latent=3", "--set", "lr=0.5", "--seed", "0", "--set", "optimizer=sgd", "--quiet"});
  expect_sentence(r, 2,
                  {"'latent', 'optimizer', 'lr', 'batch'", "differ", "batch=128", "latent=2",
                   "lr=0.001", "optimizer=adam", "batch=7", "latent=3", "lr=0.5", "optimizer=sgd"});
  EXPECT_EQ(r.error.find("seed"), std::string::npos) << r.error;
  EXPECT_EQ(r.error.find("'steps'"), std::string::npos) << r.error;
  EXPECT_EQ(files_of(folder_ / "run"), before);
}

TEST_F(Durability, DataThatChangedAreRefused) {
  done(iwae + Arguments{"--out", "run"});
  const auto before = files_of(folder_ / "run");
  write_images(1);
  expect_sentence(imago(iwae + Arguments{"--out", "run", "--resume"} + with({"steps=95"})), 3,
                  {"images.npy", "fingerprint", "not those the run began with"});
  for (const char* command : {"evaluate", "reconstruct", "interpolate"})
    expect_sentence(imago({command, "run"}), 3,
                    {"images.npy", "fingerprint", "not those the run began with"});
  EXPECT_EQ(files_of(folder_ / "run"), before);
  // Whoever names them means them.
  EXPECT_EQ(imago({"evaluate", "run", "--data", "images.npy"}).status, 0);
  write_images(0);
  EXPECT_EQ(imago({"evaluate", "run"}).status, 0);
}

TEST_F(Durability, LastAndBestRemainAndNothingHalfWritten) {
  done(vae + Arguments{"--out", "run"});
  const auto whole = files_of(folder_ / "run");
  std::set<std::string> checkpoints;
  for (const auto& entry : fs::directory_iterator(folder_ / "run/checkpoints"))
    checkpoints.insert(entry.path().filename());
  EXPECT_EQ(checkpoints, (std::set<std::string>{"best.safetensors", "last.safetensors"}));
  for (const char* name :
       {".config.json", ".metrics.jsonl", ".samples.png", "checkpoints/.last.safetensors",
        "checkpoints/.best.safetensors", "samples/.step-000014.png", "samples/.step-999999.png"})
    put(folder_ / "run" / (std::string(name) + ".partial"), "half");
  put(folder_ / "run/.generated.png.partial", "of another command");
  done(vae + Arguments{"--out", "run", "--resume"});
  fs::remove(folder_ / "run/.generated.png.partial");  // fails the comparison unless it was there
  auto now = files_of(folder_ / "run");
  EXPECT_EQ(now, whole);
}

// A run that ended, its figures cut at any place of the lines of its last step.
TEST_F(Durability, TornFiguresAreMended) {
  done(vae + Arguments{"--out", "run"});
  fs::copy(folder_ / "run", folder_ / "reference", fs::copy_options::recursive);
  const std::string whole = read(folder_ / "run/metrics.jsonl");
  std::size_t first = whole.find("{\"step\":160");
  ASSERT_NE(first, std::string::npos);
  ASSERT_EQ(std::count(whole.begin() + std::ptrdiff_t(first), whole.end(), '\n'), 3);
  std::set<std::size_t> cuts{first};
  for (std::size_t at = first; at < whole.size(); at += 9 * shorter) cuts.insert(at);
  for (std::size_t at = first; (at = whole.find('\n', at)) != whole.npos; at++)
    cuts.insert({at, at + 1});
  for (const std::size_t cut : cuts) {
    put(folder_ / "run/metrics.jsonl", whole.substr(0, cut));
    done(vae + Arguments{"--out", "run", "--resume"});
    ASSERT_EQ(read(folder_ / "run/metrics.jsonl"), whole) << "cut at " << cut;
    EXPECT_EQ(files_of(folder_ / "run"), files_of(folder_ / "reference")) << "cut at " << cut;
  }
}

// Killed between its first figures and its first checkpoint, a run begins again without them.
TEST_F(Durability, FiguresWithoutACheckpointAreNotKept) {
  const Arguments none = vae + with({"steps=0", "epochs=0"}) + Arguments{"--out", "run"};
  done(none);
  const std::string whole = read(folder_ / "run/metrics.jsonl");
  EXPECT_NE(whole.find("{\"step\":0,"), std::string::npos) << whole;
  for (const char* name : {"last", "best"})
    fs::remove(folder_ / "run/checkpoints" / (std::string(name) + ".safetensors"));
  done(none + Arguments{"--resume"});
  EXPECT_EQ(read(folder_ / "run/metrics.jsonl"), whole);
}

// The step a run was stopped at may become its last one.
TEST_F(Durability, AStoppedRunMayEndWhereItWas) {
  const Arguments every = vae + with({"eval_every=1"});
  const pid_t child = start(every + with({"steps=400000000"}) + Arguments{"--out", "run"});
  ASSERT_TRUE(eventually([&] { return read(folder_ / "run/metrics.jsonl").size() > 3000; }));
  kill(child, SIGTERM);
  ASSERT_EQ(wait(child).status, 143);
  const json line = lines(folder_ / "run/metrics.jsonl").back();
  const Arguments end = every + with({"steps=" + line["step"].dump()});
  done(end + Arguments{"--out", "run", "--resume"});
  done(end + Arguments{"--out", "reference"});
  expect_equal_runs("reference", "run");
}

TEST_F(Durability, ARunThatShowedNothingLeavesNoDirectory) {
  const Arguments broken = {"train", "vae",        "--data",  "four-patterns",
                            "--set", "hidden=8",   "--steps", "10",
                            "--set", "lr=1e6",     "--set",   "optimizer=sgd",
                            "--set", "sigma=1e-6", "--set",   "likelihood=gaussian"};
  fails(broken + Arguments{"--out", "a/b/run"}, 5, "diverged");
  EXPECT_FALSE(fs::exists(folder_ / "a"));
  fs::create_directories(folder_ / "run");
  put(folder_ / "run/notes.txt", "mine");
  fails(broken + Arguments{"--out", "run"}, 5, "diverged");
  EXPECT_EQ(files_of(folder_ / "run"), (std::map<std::string, std::string>{{"notes.txt", "mine"}}));
  EXPECT_FALSE(fs::exists(folder_ / "run/checkpoints"));
  // What it showed stays.
  fails(broken + Arguments{"--out", "run", "--set", "lr=1", "--eval-every", "1"}, 5, "diverged");
  EXPECT_TRUE(fs::exists(folder_ / "run/metrics.jsonl"));
}

}  // namespace
}  // namespace imago::test
