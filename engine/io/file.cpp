#include "engine/io/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "engine/core/allocator.h"

namespace imago::io {
namespace {

// Closes when it goes.
struct Descriptor {
  int file;
  explicit Descriptor(int f) : file(f) {}
  ~Descriptor() {
    if (file >= 0) ::close(file);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
};

[[noreturn]] void io_error(const std::string& what, const std::string& path, int code,
                           std::string remedy = {}) {
  throw Error(ErrorKind::internal, {what, path, {}, std::strerror(code), std::move(remedy)});
}
std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

void fail(const std::string& path, const Fault& f) {
  throw Error(ErrorKind::data, {f.what, path, f.expected, f.received, f.remedy});
}
void fail(const std::string& path, std::uint64_t offset, const Fault& f) {
  fail(concat(path, " at byte ", offset), f);
}

bool exists(const std::string& path) {
  struct stat s;
  return ::stat(path.c_str(), &s) == 0;
}
bool is_directory(const std::string& path) {
  struct stat s;
  return ::stat(path.c_str(), &s) == 0 && S_ISDIR(s.st_mode);
}

Bytes read_file(const std::string& path, const std::string& kind) {
  const std::string what = "cannot read the " + kind;
  // Without O_NONBLOCK a pipe given as a file would wait for a writer.
  const Descriptor d(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (d.file < 0) {
    const int code = errno;
    if (code == ENOENT) fail(path, {what, "a file", "nothing there", "check the path"});
    fail(path,
         {what, "a readable file", std::strerror(code), "check the path and its permissions"});
  }
  struct stat s;
  if (::fstat(d.file, &s) != 0) fail(path, {what, "a readable file", std::strerror(errno)});
  if (S_ISDIR(s.st_mode)) fail(path, {what, "a file", "a directory", "check the path"});
  if (!S_ISREG(s.st_mode)) fail(path, {what, "a regular file", "a device, pipe or socket"});
  // Beyond it the system would rather end the process than say no.
  const std::size_t limit = memory_stats(cpu_device).limit;
  if (limit && std::size_t(s.st_size) > limit)
    throw Error(ErrorKind::device, {"the " + kind + " does not fit into memory", path,
                                    concat("at most ", limit, " bytes"), concat(s.st_size),
                                    "use less data, or a machine with more memory"});
  Bytes bytes(std::size_t(s.st_size));
  std::size_t at = 0;
  while (at < bytes.size()) {
    const ssize_t n = ::read(d.file, bytes.data() + at, bytes.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(path, at, {what, "readable bytes", std::strerror(errno), "check the disk"});
    if (n == 0)
      fail(path, at,
           {what, concat(bytes.size(), " bytes"), concat(at),
            "the file shrank while it was read; try again"});
    at += std::size_t(n);
  }
  return bytes;
}

std::span<const std::byte> Cursor::take(std::size_t n, const char* field) {
  if (n > left())
    fail(path_, offset(),
         {"truncated " + kind_, concat(n, " bytes of ", field), concat(left(), " bytes to the end"),
          "fetch or write the file again"});
  const auto part = bytes_.subspan(at_, n);
  at_ += n;
  return part;
}
std::uint64_t Cursor::little(int bytes, const char* field) {
  const auto b = take(std::size_t(bytes), field);
  std::uint64_t v = 0;
  for (int i = bytes - 1; i >= 0; i--) v = v << 8 | std::uint64_t(b[std::size_t(i)]);
  return v;
}
std::uint64_t Cursor::big(int bytes, const char* field) {
  std::uint64_t v = 0;
  for (const std::byte b : take(std::size_t(bytes), field)) v = v << 8 | std::uint64_t(b);
  return v;
}

void sync_folder(const std::string& folder) {
  const Descriptor d(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (d.file >= 0 && ::fsync(d.file) != 0 && errno != EINVAL && errno != EROFS)
    io_error("cannot sync the folder", folder, errno);
}
std::string partial_of(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
  return path.substr(0, name) + "." + path.substr(name) + ".partial";
}

AtomicFile::AtomicFile(const std::string& path) : path_(path) {
  const std::string what = "cannot write the file", remedy = "choose a writable path";
  // The rename would put a file where the device or pipe was.
  if (struct stat s; ::stat(path.c_str(), &s) == 0 && !S_ISREG(s.st_mode))
    throw Error(ErrorKind::internal,
                {what, path, "a regular file, or nothing",
                 S_ISDIR(s.st_mode) ? "a directory" : "a device, pipe or socket", remedy});
  // A link stays, and what it names is replaced, also where that is not there yet.
  namespace fs = std::filesystem;
  std::error_code error;
  for (int links = 0; fs::is_symlink(path_, error); links++) {
    if (links == 40) io_error(what, path, ELOOP, remedy);
    path_ = (fs::path(path_).parent_path() / fs::read_symlink(path_, error)).string();
    if (error) io_error(what, path, error.value(), remedy);
  }
  partial_ = partial_of(path_);
  // One name for all writers, so that what a killed writer left is reused; the lock keeps two
  // writers apart. A file locked after its owner renamed it is no longer at this name: then try
  // again.
  for (int attempt = 0;; attempt++) {
    file_ = ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (file_ < 0) io_error(what, path, errno, remedy);
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
      const int code = errno;
      ::close(std::exchange(file_, -1));
      if (code == EWOULDBLOCK)
        io_error("another process is writing the file", path, code, "wait for it");
      io_error(what, path, code, remedy);
    }
    struct stat ours, there;
    if (::fstat(file_, &ours) == 0 && ::lstat(partial_.c_str(), &there) == 0 &&
        ours.st_ino == there.st_ino && ours.st_dev == there.st_dev)
      break;
    ::close(std::exchange(file_, -1));
    if (attempt == 100) io_error(what, path, EAGAIN, "another process keeps writing it");
  }
  if (::ftruncate(file_, 0) != 0) {
    const int code = errno;
    ::unlink(partial_.c_str());
    ::close(std::exchange(file_, -1));
    io_error(what, path, code, remedy);
  }
}
AtomicFile::~AtomicFile() {
  if (file_ < 0) return;
  ::unlink(partial_.c_str());  // before the lock goes with the descriptor
  ::close(file_);
}
void AtomicFile::write(const void* bytes, std::size_t count) {
  const char* p = static_cast<const char*>(bytes);
  while (count) {
    const ssize_t n = ::write(file_, p, count);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      io_error("cannot write the file", path_, errno, "free some space, or choose another path");
    p += n;
    count -= std::size_t(n);
  }
}
void AtomicFile::commit() {
  if (file_ < 0) throw Error(ErrorKind::usage, {"the file is already committed", path_, {}, {}});
  if (::fsync(file_) != 0)
    io_error("cannot write the file", path_, errno, "free some space, or choose another path");
  if (::rename(partial_.c_str(), path_.c_str()) != 0)
    io_error("cannot replace the file", path_, errno);
  ::close(std::exchange(file_, -1));
  sync_folder(folder_of(path_));  // the new name itself is durable only when its folder is
}

void write_file(const std::string& path, std::span<const std::byte> bytes) {
  AtomicFile f(path);
  f.write(bytes.data(), bytes.size());
  f.commit();
}
void write_file(const std::string& path, const std::string& text) {
  write_file(path, std::as_bytes(std::span(text)));
}

}  // namespace imago::io
