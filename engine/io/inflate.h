// Decompression step by step, for gzip files and zip entries. For the readers of engine/io.
#pragma once
#include <memory>

#include "engine/io/file.h"

namespace imago::io {

// Deflate's best ratio is 1032 to 1: a size beyond it is a lie, found before anything is allocated.
bool can_inflate_to(std::uint64_t size, std::size_t compressed);

class Inflater {
 public:
  enum class Format { raw, gzip };  // gzip: members one after another, their checksums verified
  // in stays the caller's and begins at byte offset of path.
  Inflater(std::span<const std::byte> in, Format format, std::string path, std::uint64_t offset);
  ~Inflater();
  // Exactly n bytes. Error (data) when the stream ends before, or is damaged.
  void read(void* to, std::size_t n, const char* field);
  // Error (data) unless the stream ends here with nothing behind it.
  void finish();

 private:
  struct State;
  std::size_t some(void* to, std::size_t n);
  std::unique_ptr<State> state_;
};

Bytes deflate_raw(std::span<const std::byte> in);   // for zip entries
Bytes deflate_gzip(std::span<const std::byte> in);  // a gzip file without name and time
std::uint32_t crc32_of(std::span<const std::byte> in);

}  // namespace imago::io
