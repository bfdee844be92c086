#include "engine/train/run_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <thread>

#include "engine/core/error.h"
#include "engine/io/file.h"
#include "engine/io/tfevents.h"

namespace imago::training {
namespace fs = std::filesystem;

namespace {
[[noreturn]] void cannot(const std::string& action, const std::string& path,
                         const std::string& reason) {
  throw Error(ErrorKind::internal, {"cannot " + action, path, "a writable place with free space",
                                    reason, "choose another --out"});
}
}  // namespace

bool RunFiles::hold_run() const { return io::exists(config()) || io::exists(last()); }

std::vector<std::string> RunFiles::event_files() const {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator it(path_, error), end; !error && it != end; it.increment(error))
    if (io::is_event_file(it->path().filename().string())) files.push_back(it->path().string());
  std::sort(files.begin(), files.end());
  return files;
}

bool RunFiles::in_use() const {
  const int folder = open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return false;
  const bool locked = flock(folder, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  close(folder);
  return locked;
}

RunDirectory::RunDirectory(std::string where, Existing existing) : RunFiles(std::move(where)) {
  try {
    prepare(existing);
  } catch (...) {
    discard();
    if (lock_ >= 0) close(lock_);
    throw;
  }
}

void RunDirectory::prepare(Existing existing) {
  std::error_code error;
  if (io::exists(path()) && !io::is_directory(path()))
    throw Error(ErrorKind::usage, {"the run directory is a file", path(), "a directory, or nothing",
                                   "a file", "choose another --out"});
  const auto make = [&](const fs::path& folder) {
    if (io::is_directory(folder.string())) return;
    if (fs::create_directory(folder, error)) made_.push_back(folder.string());
    if (error) cannot("create the directory", folder.string(), error.message());
    io::sync_folder(folder.has_parent_path() ? folder.parent_path().string() : ".");
  };
  fs::path folder;
  for (const fs::path& part : fs::path(path())) {
    folder /= part;
    if (!part.empty()) make(folder);
  }

  lock_ = open(path().c_str(),
               O_RDONLY | O_DIRECTORY | O_CLOEXEC);  // the lock is on the directory itself
  if (lock_ < 0) cannot("open the run directory", path(), std::strerror(errno));
  // in_use() of another process holds the lock for a moment.
  for (int attempt = 0; flock(lock_, LOCK_EX | LOCK_NB) != 0; attempt++) {
    if (errno != EWOULDBLOCK) cannot("lock the run directory", path(), std::strerror(errno));
    if (attempt < 5) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      continue;
    }
    throw Error(ErrorKind::usage, {"another process is training in the directory",
                                   path(),
                                   {},
                                   {},
                                   "wait for it, or choose another --out"});
  }
  if (existing == Existing::refuse && hold_run())
    throw Error(ErrorKind::usage,
                {"the directory holds a run already", path(), "an empty or new directory", "a run",
                 "use --resume to go on with it, --overwrite to start again, or another --out"});
  const std::vector<std::string> files = {config(), metrics(), log(), samples(), last(), best()};
  for (const std::string& file : files) fs::remove(io::partial_of(file), error);
  // Pictures of samples, and what is left of one.
  const auto each_picture = [&](bool whole) {
    if (!fs::is_directory(path() + "/samples", error)) return;
    for (fs::directory_iterator it(path() + "/samples", error), end; !error && it != end;
         it.increment(error)) {
      const std::string name = it->path().filename().string();
      if (whole ? name.starts_with("step-") && name.ends_with(".png")
                : name.starts_with(".step-") && name.ends_with(".png.partial"))
        fs::remove(it->path(), error);
    }
  };
  each_picture(false);
  if (existing == Existing::overwrite) {
    for (const std::string& file : files) fs::remove(file, error);
    for (const std::string& file : event_files()) fs::remove(file, error);
    each_picture(true);
  }
  fresh_ = !hold_run();
  // They would be cut back to the run's own.
  if (fresh_ && has_figures())
    throw Error(ErrorKind::usage,
                {"the directory holds figures but no run", metrics(), "an empty or new directory",
                 "a metrics.jsonl of something else", "move it away, or choose another --out"});
  before_ = own_files();
  for (const char* inner : {"/checkpoints", "/samples"}) make(path() + inner);
}

std::vector<std::string> RunDirectory::own_files() const {
  std::vector<std::string> files = event_files();
  for (const std::string& file : {config(), metrics(), log()})
    if (io::exists(file)) files.push_back(file);
  return files;
}
bool RunDirectory::has_figures() const {
  std::error_code error;
  return io::exists(metrics()) && fs::file_size(metrics(), error) > 0;
}

bool RunDirectory::ours() const {
  struct stat locked, there;
  return stat(path().c_str(), &there) == 0 && fstat(lock_, &locked) == 0 &&
         locked.st_ino == there.st_ino && locked.st_dev == there.st_dev;
}
void RunDirectory::check() const {
  if (ours()) return;
  throw Error(ErrorKind::internal,
              {"the run directory is gone", path(), "the directory the run began in",
               io::exists(path()) ? "another one" : "nothing there",
               "put it back and use --resume, or begin again"});
}

void RunDirectory::drop_best() const {
  std::error_code error;
  fs::remove(best(), error);
  if (error) cannot("remove", best(), error.message());
}

void RunDirectory::discard() noexcept {
  try {
    std::error_code error;
    if (lock_ >= 0 && !ours()) return;
    if (lock_ >= 0 && fresh_) {
      if (io::exists(last()) || io::exists(best()) || io::exists(samples()) || has_figures())
        return;
      for (const std::string& file : own_files())
        if (std::find(before_.begin(), before_.end(), file) == before_.end())
          fs::remove(file, error);
    }
    // Only where they are empty.
    for (auto folder = made_.rbegin(); folder != made_.rend(); ++folder) rmdir(folder->c_str());
  } catch (const std::exception&) {  // no memory for a name: then it stays
  }
}

RunDirectory::~RunDirectory() {
  if (lock_ >= 0) close(lock_);
}

std::string RunFiles::samples(long long step) const {
  char name[40];
  std::snprintf(name, sizeof name, "/samples/step-%06lld.png", step);
  return path() + name;
}

void RunDirectory::append_log(const std::string& line) const {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char time[32];
  std::strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%SZ ", &utc);
  const std::string text = time + line + "\n";
  const int file = open(log().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) cannot("open", log(), std::strerror(errno));
  const ssize_t written = write(file, text.data(), text.size());
  const int code = errno;
  close(file);
  if (written != ssize_t(text.size()))
    cannot("write", log(), written < 0 ? std::strerror(code) : "the write was short");
}

}  // namespace imago::training
