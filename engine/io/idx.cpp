#include "engine/io/idx.h"

#include <limits>
#include <memory>

#include "engine/io/element.h"
#include "engine/io/inflate.h"

namespace imago::io {
namespace {

struct Code {
  int code;
  Element element;
};
constexpr Code kCodes[] = {{0x08, Element::u8},  {0x09, Element::i8},  {0x0B, Element::i16},
                           {0x0C, Element::i32}, {0x0D, Element::f32}, {0x0E, Element::f64}};

}  // namespace

HostArray read_idx(const std::string& path) {
  const std::string kind = "IDX file";
  Bytes file = read_file(path, kind);
  const bool gzipped = file.size() >= 2 && file[0] == std::byte{0x1f} && file[1] == std::byte{0x8b};
  // Compressed: the header and the values come out of the inflater in turn. Plain: out of the
  // bytes.
  std::unique_ptr<Inflater> inflater;
  if (gzipped) inflater = std::make_unique<Inflater>(file, Inflater::Format::gzip, path, 0);
  Cursor plain(file, path, kind);
  std::uint64_t offset = 0;  // in the decompressed file
  const auto header = [&](std::size_t n, const char* field) {
    Bytes bytes(n);
    if (gzipped)
      inflater->read(bytes.data(), n, field);
    else {
      const auto part = plain.take(n, field);
      bytes.assign(part.begin(), part.end());
    }
    offset += n;
    return bytes;
  };

  const Bytes magic = header(4, "the magic number");
  const Code* code = nullptr;
  for (const Code& c : kCodes)
    if (int(magic[2]) == c.code) code = &c;
  if (magic[0] != std::byte{0} || magic[1] != std::byte{0})
    fail(path, 0, {"not an IDX file", "two zero bytes", concat(int(magic[0]), " ", int(magic[1]))});
  if (!code)
    fail(path, 2,
         {"unknown element type in an IDX file", "8, 9, 11, 12, 13 or 14", concat(int(magic[2]))});
  const int rank = int(magic[3]);
  if (rank < 1 || rank > 8)
    fail(path, 3, {"wrong number of dimensions in an IDX file", "1 to 8", concat(rank)});
  std::vector<std::uint64_t> sizes;
  const Bytes words = header(std::size_t(4 * rank), "sizes");
  Cursor cursor(words, path, kind, 4);
  for (int i = 0; i < rank; i++) sizes.push_back(cursor.big(4, "sizes"));

  const std::uint64_t size = checked_bytes(sizes, code->element, path, 4);
  if (!gzipped) {
    Shape shape = checked_shape(sizes, code->element, plain.left(), path, offset);
    file.erase(file.begin(), file.begin() + std::ptrdiff_t(offset));
    return convert(std::move(file), code->element, true, std::move(shape), path);
  }
  if (!can_inflate_to(size, file.size()))
    fail(path, 4,
         {"the sizes in the header are larger than the file can hold",
          concat("at most ", file.size() * 1032, " bytes of values"), concat(size),
          "the file is damaged; fetch it again"});
  Shape shape(std::vector<Index>(sizes.begin(), sizes.end()));
  Bytes values{std::size_t(size)};
  inflater->read(values.data(), values.size(), "values");
  inflater->finish();
  return convert(std::move(values), code->element, true, std::move(shape), path);
}

void write_idx(const std::string& path, const HostArray& a) {
  if (a.shape.rank() < 1 || a.shape.rank() > 8)
    throw Error(ErrorKind::usage,
                {"an IDX file cannot hold this shape", path, "1 to 8 dimensions", a.shape.str()});
  Bytes out{std::byte{0}, std::byte{0}};
  const auto big = [&](std::uint64_t v, int bytes) {
    for (int i = bytes - 1; i >= 0; i--) out.push_back(std::byte(v >> (8 * i)));
  };
  const int code = a.dtype == DType::u8    ? 0x08
                   : a.dtype == DType::i64 ? 0x0C
                   : a.dtype == DType::f32 ? 0x0D
                                           : 0x0E;
  out.push_back(std::byte(code));
  out.push_back(std::byte(a.shape.rank()));
  for (const Index n : a.shape) {
    if (n > Index(std::numeric_limits<std::uint32_t>::max()))
      throw Error(ErrorKind::usage,
                  {"an IDX file cannot hold this size", path, "at most 2^32 - 1", concat(n)});
    big(std::uint64_t(n), 4);
  }
  if (a.dtype == DType::i64) {
    for (const std::int64_t v : a.values<std::int64_t>()) {
      if (v != std::int32_t(v))
        throw Error(ErrorKind::usage,
                    {"an IDX file cannot hold this value", path, "an int32", concat(v)});
      big(std::uint64_t(v), 4);
    }
  } else {
    const std::size_t size = size_of(a.dtype);
    for (std::size_t i = 0; i < a.bytes.size(); i++)
      out.push_back(a.bytes[is_big_endian_machine() ? i : i / size * size + (size - 1 - i % size)]);
  }
  const bool gzip = path.size() >= 3 && path.compare(path.size() - 3, 3, ".gz") == 0;
  write_file(path, gzip ? deflate_gzip(out) : out);
}

}  // namespace imago::io
