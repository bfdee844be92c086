#include "engine/io/zip.h"

#include <algorithm>
#include <limits>

#include "engine/io/inflate.h"

namespace imago::io {
namespace {

constexpr std::uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50,
                        kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr std::size_t kEndSize = 22, kEnd64Size = 56, kLocator64Size = 20;

[[noreturn]] void zip64(const std::string& path, std::uint64_t offset) {
  fail(path, offset,
       {"a zip64 archive", "an archive below 4 GiB", "zip64 fields",
        "save the arrays as several .npy files"});
}
std::uint64_t end_record(std::span<const std::byte> file, const std::string& path) {
  if (file.size() >= kEndSize) {
    const std::size_t last = file.size() - kEndSize, first = last > 65535 ? last - 65535 : 0;
    for (std::size_t at = last + 1; at-- > first;) {
      Cursor c(file.subspan(at), path, "zip archive", at);
      if (c.little(4, "the signature") != kEnd) continue;
      c.take(16, "the end record");
      if (c.little(2, "the comment's size") == c.left()) return at;
    }
  }
  fail(path, {"not a complete zip archive", "an end-of-directory record",
              concat("none in ", file.size(), " bytes"), "fetch or write the file again"});
}
// Whether between the directory and the end record lies what PyTorch always writes: zip64 records
// that say the same.
bool repeated_in_zip64(std::span<const std::byte> file, const std::string& path,
                       std::uint64_t start, std::uint64_t size, std::uint64_t count,
                       std::uint64_t end) {
  if (start + size + kEnd64Size + kLocator64Size != end) return false;
  Cursor c(file.subspan(start + size), path, "zip archive", start + size);
  if (c.little(4, "the signature") != kEnd64) return false;
  c.take(20, "versions and volumes");
  const auto here = c.little(8, "entries"), all = c.little(8, "entries"),
             bytes = c.little(8, "directory size"), offset = c.little(8, "directory offset");
  if (here != count || all != count || bytes != size || offset != start) return false;
  return c.little(4, "the signature") == kLocator64 && c.little(4, "disk") == 0 &&
         c.little(8, "the end record's offset") == start + size;
}

}  // namespace

std::vector<ZipEntry> zip_entries(std::span<const std::byte> file, const std::string& path) {
  const std::uint64_t end = end_record(file, path);
  Cursor tail(file.subspan(end + 4), path, "zip archive", end + 4);
  const auto disk = tail.little(2, "disk"), directory_disk = tail.little(2, "disk");
  const auto here = tail.little(2, "entries"), count = tail.little(2, "entries");
  const auto size = tail.little(4, "directory size"), start = tail.little(4, "directory offset");
  if (count == 0xFFFF || size == 0xFFFFFFFF || start == 0xFFFFFFFF) zip64(path, end);
  if (disk || directory_disk || here != count)
    fail(path, end, {"a zip archive of several volumes", "one volume", concat(disk + 1)});
  if (start > end ||
      (size != end - start &&
       (size > end - start || !repeated_in_zip64(file, path, start, size, count, end))))
    fail(path, end,
         {"damaged zip archive", concat("a directory that ends at byte ", end),
          concat(size, " bytes from byte ", start), "fetch or write the file again"});

  std::vector<ZipEntry> entries;
  std::uint64_t packed = 0;
  Cursor c(file.subspan(start, size), path, "zip archive", start);
  for (std::uint64_t i = 0; i < count; i++) {
    const std::uint64_t at = c.offset();
    if (c.little(4, "an entry") != kCentral)
      fail(path, at,
           {"damaged zip archive", "a directory entry", "something else",
            "fetch or write the file again"});
    ZipEntry e;
    c.take(4, "versions");
    const auto flags = c.little(2, "flags");
    e.method = int(c.little(2, "the method"));
    c.take(4, "the time");
    e.crc = std::uint32_t(c.little(4, "the checksum"));
    e.compressed = c.little(4, "the compressed size");
    e.size = c.little(4, "the size");
    const auto name = c.little(2, "the name's size"), extra = c.little(2, "the extra field's size"),
               comment = c.little(2, "the comment's size");
    c.take(8, "attributes");
    e.header = c.little(4, "the offset");
    for (const std::byte b : c.take(name, "the name")) e.name += char(b);
    c.take(extra + comment, "the extra field");
    if (e.size == 0xFFFFFFFF || e.compressed == 0xFFFFFFFF || e.header == 0xFFFFFFFF)
      zip64(path, at);
    if (flags & 1)
      fail(path, at,
           {"an encrypted entry " + e.name, "a plain one", "encryption",
            "save it without a password"});
    if (e.method != 0 && e.method != 8)
      fail(path, at,
           {"unknown compression of entry " + e.name, "0 (stored) or 8 (deflate)",
            concat(e.method)});
    if (e.method == 0 && e.size != e.compressed)
      fail(path, at,
           {"damaged zip archive", concat(e.compressed, " bytes of entry ", e.name),
            concat(e.size)});
    if (!can_inflate_to(e.size, e.compressed))
      fail(path, at,
           {"the size of entry " + e.name + " is impossible",
            concat("at most ", e.compressed * 1032, " bytes"), concat(e.size),
            "the file is damaged"});
    packed += e.compressed;
    if (packed > start)  // a small file that would unpack to a huge one
      fail(path, at,
           {"overlapping entries in a zip archive", concat("at most ", start, " bytes of entries"),
            concat(packed)});
    entries.push_back(std::move(e));
  }
  if (c.left())
    fail(path, c.offset(),
         {"damaged zip archive", "the end of the directory", concat(c.left(), " bytes more")});
  return entries;
}

Bytes zip_read(std::span<const std::byte> file, const ZipEntry& e, const std::string& path) {
  if (e.header > file.size())
    fail(path, {"damaged zip archive", concat("entry ", e.name, " within ", file.size(), " bytes"),
                concat("byte ", e.header)});
  Cursor c(file.subspan(e.header), path, "zip archive", e.header);
  if (c.little(4, "an entry") != kLocal)
    fail(path, e.header,
         {"damaged zip archive", "the header of entry " + e.name, "something else"});
  // Sizes of the local header may be zip64 or zero: the directory's hold.
  c.take(22, "an entry's header");
  const auto name = c.little(2, "the name's size"), extra = c.little(2, "the extra field's size");
  c.take(name + extra, "the name");
  const std::uint64_t at = c.offset();
  const auto packed = c.take(e.compressed, "an entry");
  Bytes bytes;
  if (e.method == 0) {
    bytes.assign(packed.begin(), packed.end());
  } else {
    bytes.resize(e.size);
    Inflater inflater(packed, Inflater::Format::raw, path, at);
    inflater.read(bytes.data(), bytes.size(), "the entry");
    inflater.finish();
  }
  const std::uint32_t crc = crc32_of(bytes);
  if (crc != e.crc)
    fail(path, at,
         {"damaged entry " + e.name, concat("checksum ", e.crc), concat(crc),
          "fetch or write the file again"});
  return bytes;
}

void ZipWriter::add(const std::string& name, std::span<const std::byte> bytes, bool compress) {
  const Bytes packed = compress ? deflate_raw(bytes) : Bytes(bytes.begin(), bytes.end());
  constexpr std::uint64_t limit = std::numeric_limits<std::uint32_t>::max();
  if (bytes.size() >= limit || out_.size() + packed.size() >= limit || name.size() > 65535 ||
      count_ >= 65534)
    throw Error(ErrorKind::usage,
                {"too large for one zip archive", path_, "less than 4 GiB",
                 concat(out_.size() + bytes.size(), " bytes"), "save the arrays as .npy files"});
  const auto little = [](Bytes& to, std::uint64_t v, int n) {
    for (int i = 0; i < n; i++) to.push_back(std::byte(v >> (8 * i)));
  };
  const std::uint64_t header = out_.size();
  const auto common = [&](Bytes& to) {
    little(to, 20, 2);      // version needed
    little(to, 0x0800, 2);  // the name is UTF-8
    little(to, compress ? 8 : 0, 2);
    little(to, 0, 2);
    little(to, 0x21, 2);  // 1 January 1980
    little(to, crc32_of(bytes), 4);
    little(to, packed.size(), 4);
    little(to, bytes.size(), 4);
    little(to, name.size(), 2);
    little(to, 0, 2);
  };
  const auto text = std::as_bytes(std::span(name));
  little(out_, kLocal, 4);
  common(out_);
  out_.insert(out_.end(), text.begin(), text.end());
  out_.insert(out_.end(), packed.begin(), packed.end());
  little(directory_, kCentral, 4);
  little(directory_, 20, 2);
  common(directory_);
  little(directory_, 0, 2);  // comment
  little(directory_, 0, 2);  // disk
  little(directory_, 0, 2);
  little(directory_, 0, 4);  // attributes
  little(directory_, header, 4);
  directory_.insert(directory_.end(), text.begin(), text.end());
  count_++;
}
Bytes ZipWriter::finish() {
  const std::uint64_t start = out_.size();
  out_.insert(out_.end(), directory_.begin(), directory_.end());
  const auto little = [&](std::uint64_t v, int n) {
    for (int i = 0; i < n; i++) out_.push_back(std::byte(v >> (8 * i)));
  };
  little(kEnd, 4);
  little(0, 4);
  little(count_, 2);
  little(count_, 2);
  little(directory_.size(), 4);
  little(start, 4);
  little(0, 2);
  return std::move(out_);
}

}  // namespace imago::io
