// Whole files in, whole files out: reading with every length checked, writing so that a reader sees
// the old file or the new one and never a part. Not here: formats.
#pragma once
#include <cstdint>
#include <string>

#include "engine/io/host_array.h"

namespace imago::io {

// Error (data): "what, in path at byte N, expected, received; remedy".
struct Fault {
  std::string what, expected, received, remedy = {};
};
[[noreturn]] void fail(const std::string& path, const Fault& fault);
[[noreturn]] void fail(const std::string& path, std::uint64_t offset, const Fault& fault);

// The bytes of a regular file. kind names it in errors: "IDX file". Error (data) when it is
// missing, unreadable, a directory, or changes size while it is read; Error (device) when it is
// larger than the cpu's memory.
Bytes read_file(const std::string& path, const std::string& kind);
bool exists(const std::string& path);
bool is_directory(const std::string& path);

// A cursor over bytes; reading past the end is an Error (data) that names the file and the offset.
class Cursor {
 public:
  Cursor(std::span<const std::byte> bytes, std::string path, std::string kind,
         std::uint64_t base = 0)
      : bytes_(bytes), path_(std::move(path)), kind_(std::move(kind)), base_(base) {}
  std::uint64_t offset() const { return base_ + at_; }  // in the file
  std::size_t left() const { return bytes_.size() - at_; }
  std::span<const std::byte> take(std::size_t n, const char* field);
  std::uint64_t little(int bytes, const char* field);
  std::uint64_t big(int bytes, const char* field);

 private:
  std::span<const std::byte> bytes_;
  std::string path_, kind_;
  std::uint64_t base_;
  std::size_t at_ = 0;
};

// Makes what happened in a folder durable: a name in it that is new, or gone. Error (internal).
void sync_folder(const std::string& folder);

// Where the writer of a file keeps it until it is whole. A killed writer leaves that behind.
std::string partial_of(const std::string& path);

// Writes beside the file it will replace (".NAME.partial"), and on commit() syncs it, renames it
// and syncs the folder. Without commit() nothing remains. Of a link it replaces what the link
// names. Error (internal) on any I/O failure, and where something else than a file is. One writer
// of a file at a time; a second one is refused.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void write(const void* bytes, std::size_t count);
  void commit();

 private:
  std::string path_, partial_;
  int file_ = -1;
};
void write_file(const std::string& path, std::span<const std::byte> bytes);
void write_file(const std::string& path, const std::string& text);

}  // namespace imago::io
