#include "engine/io/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

namespace imago::io {
namespace {
constexpr std::size_t kChunk = std::size_t(1) << 30;  // zlib counts in unsigned int
}

bool can_inflate_to(std::uint64_t size, std::size_t compressed) {
  return size / 1032 <= compressed;
}

struct Inflater::State {
  z_stream z{};
  std::span<const std::byte> in;
  std::size_t taken = 0;  // handed to zlib
  Format format;
  std::string path;
  std::uint64_t offset;
  bool ended = false;
  std::uint64_t at() const { return offset + taken - z.avail_in; }
};

Inflater::Inflater(std::span<const std::byte> in, Format format, std::string path,
                   std::uint64_t offset)
    : state_(std::make_unique<State>()) {
  state_->in = in;
  state_->format = format;
  state_->path = std::move(path);
  state_->offset = offset;
  if (inflateInit2(&state_->z, format == Format::gzip ? 15 + 16 : -15) != Z_OK)
    throw Error(ErrorKind::internal, {"zlib does not start", state_->path, {}, {}});
}
Inflater::~Inflater() { inflateEnd(&state_->z); }

// As many of n bytes as there are: fewer only at the end of the stream.
std::size_t Inflater::some(void* to, std::size_t n) {
  State& s = *state_;
  std::size_t done = 0;
  while (done < n) {
    if (s.ended) {
      const bool more = s.z.avail_in || s.taken < s.in.size();
      if (s.format == Format::raw || !more) break;
      inflateReset(&s.z);
      s.ended = false;
    }
    if (!s.z.avail_in) {
      const std::size_t part = std::min(kChunk, s.in.size() - s.taken);
      s.z.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(s.in.data() + s.taken));
      s.z.avail_in = uInt(part);
      s.taken += part;
    }
    const std::size_t want = std::min(kChunk, n - done);
    s.z.next_out = static_cast<Bytef*>(to) + done;
    s.z.avail_out = uInt(want);
    const int code = inflate(&s.z, Z_NO_FLUSH);
    done += want - s.z.avail_out;
    if (code == Z_STREAM_END)
      s.ended = true;
    else if (code == Z_BUF_ERROR)
      fail(s.path, s.at(),
           {"truncated compressed data", "more of the stream", "the end of it",
            "fetch or write the file again"});
    else if (code != Z_OK)
      fail(s.path, s.at(),
           {"damaged compressed data", "a deflate stream with the right checksum",
            s.z.msg ? s.z.msg : concat("zlib code ", code), "fetch or write the file again"});
  }
  return done;
}
void Inflater::read(void* to, std::size_t n, const char* field) {
  const std::size_t got = some(to, n);
  if (got != n)
    fail(state_->path, state_->at(),
         {"truncated file", concat(n, " bytes of ", field), concat(got),
          "fetch or write the file again"});
}
void Inflater::finish() {
  char extra;
  if (some(&extra, 1))
    fail(state_->path, state_->at(),
         {"more values than the header says", "the end of the data", "more bytes",
          "fetch or write the file again"});
  if (state_->z.avail_in || state_->taken < state_->in.size())
    fail(state_->path, state_->at(),
         {"bytes behind the compressed data", "the end", "more bytes",
          "fetch or write the file again"});
}

namespace {
Bytes deflate_with(std::span<const std::byte> in, int window) {
  z_stream z{};
  if (deflateInit2(&z, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw Error(ErrorKind::internal, {"zlib does not start", {}, {}, {}});
  Bytes out;
  std::byte buffer[1 << 14];
  std::size_t taken = 0;
  int code = Z_OK;
  while (code == Z_OK) {
    if (!z.avail_in && taken < in.size()) {
      const std::size_t part = std::min(kChunk, in.size() - taken);
      z.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data() + taken));
      z.avail_in = uInt(part);
      taken += part;
    }
    z.next_out = reinterpret_cast<Bytef*>(buffer);
    z.avail_out = sizeof buffer;
    code = deflate(&z, taken == in.size() ? Z_FINISH : Z_NO_FLUSH);
    out.insert(out.end(), buffer, buffer + (sizeof buffer - z.avail_out));
  }
  deflateEnd(&z);
  if (code != Z_STREAM_END)
    throw Error(ErrorKind::internal, {"zlib does not compress", {}, {}, concat("code ", code)});
  return out;
}
}  // namespace
Bytes deflate_raw(std::span<const std::byte> in) { return deflate_with(in, -15); }
Bytes deflate_gzip(std::span<const std::byte> in) { return deflate_with(in, 15 + 16); }

std::uint32_t crc32_of(std::span<const std::byte> in) {
  uLong c = crc32(0, nullptr, 0);
  while (!in.empty()) {
    const std::size_t part = std::min(kChunk, in.size());
    c = crc32(c, reinterpret_cast<const Bytef*>(in.data()), uInt(part));
    in = in.subspan(part);
  }
  return std::uint32_t(c);
}

}  // namespace imago::io
