#include "engine/train/run_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>

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
  std::error_code error;
  if (io::exists(path()) && !io::is_directory(path()))
    throw Error(ErrorKind::usage, {"the run directory is a file", path(), "a directory, or nothing",
                                   "a file", "choose another --out"});
  fs::create_directories(path(), error);
  if (error) cannot("create the run directory", path(), error.message());

  lock_ = open(path().c_str(),
               O_RDONLY | O_DIRECTORY | O_CLOEXEC);  // the lock is on the directory itself
  if (lock_ < 0) cannot("open the run directory", path(), std::strerror(errno));
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    close(lock_);
    throw Error(ErrorKind::usage, {"another process is training in the directory",
                                   path(),
                                   {},
                                   {},
                                   "wait for it, or choose another --out"});
  }
  if (existing == Existing::refuse && hold_run()) {
    close(lock_);
    throw Error(ErrorKind::usage,
                {"the directory holds a run already", path(), "an empty or new directory", "a run",
                 "use --resume to go on with it, --overwrite to start again, or another --out"});
  }
  if (existing == Existing::overwrite) {
    for (const std::string& file : {config(), metrics(), log(), samples(), last(), best()})
      fs::remove(file, error);
    for (const std::string& file : event_files()) fs::remove(file, error);
    if (fs::is_directory(path() + "/samples", error))
      for (const auto& entry : fs::directory_iterator(path() + "/samples", error)) {
        const std::string name = entry.path().filename().string();
        if (name.rfind("step-", 0) == 0 && entry.path().extension() == ".png")
          fs::remove(entry.path(), error);
      }
  }
  for (const char* folder : {"/checkpoints", "/samples"}) {
    fs::create_directories(path() + folder, error);
    if (error) {
      close(lock_);
      cannot("create the directory", path() + folder, error.message());
    }
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
  close(file);
  if (written != ssize_t(text.size())) cannot("write", log(), "the write was short");
}

}  // namespace imago::training
