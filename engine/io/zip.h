// Zip archives, as .npz and PyTorch's files need them: entries stored or deflated, checksums
// verified. Not here: encryption, several volumes, zip64 where it is needed (archives of 4 GiB),
// which are refused by name.
#pragma once
#include "engine/io/file.h"

namespace imago::io {

struct ZipEntry {
  std::string name;
  int method = 0;  // 0 stored, 8 deflated
  std::uint32_t crc = 0;
  std::uint64_t size = 0, compressed = 0, header = 0;  // header: its place in the file
};
std::vector<ZipEntry> zip_entries(std::span<const std::byte> file, const std::string& path);
Bytes zip_read(std::span<const std::byte> file, const ZipEntry& entry, const std::string& path);

// An archive in memory, entries in order, without times, so that equal contents are equal bytes.
class ZipWriter {
 public:
  explicit ZipWriter(std::string path) : path_(std::move(path)) {}
  void add(const std::string& name, std::span<const std::byte> bytes, bool compress);
  Bytes finish();

 private:
  std::string path_;
  Bytes out_, directory_;
  std::size_t count_ = 0;
};

}  // namespace imago::io
