#include "tests/fuzz/packing.h"

#include <zlib.h>

namespace imago::fuzz {
namespace {
int window(Packing p) { return p == Packing::raw ? -15 : p == Packing::gzip ? 15 + 16 : 15; }
}  // namespace

std::string unpacked(const std::string& bytes, Packing packing, std::size_t limit) {
  z_stream z{};
  if (inflateInit2(&z, window(packing)) != Z_OK) return {};
  inflateValidate(&z, 0);
  std::string out(limit, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = uInt(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = uInt(out.size());
  inflate(&z, Z_FINISH);
  out.resize(out.size() - z.avail_out);
  inflateEnd(&z);
  return out;
}
std::string packed(const std::string& bytes, Packing packing) {
  z_stream z{};
  if (deflateInit2(&z, 6, Z_DEFLATED, window(packing), 8, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string out(deflateBound(&z, uLong(bytes.size())), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = uInt(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = uInt(out.size());
  deflate(&z, Z_FINISH);
  out.resize(out.size() - z.avail_out);
  deflateEnd(&z);
  return out;
}
std::uint32_t crc_of(const std::string& bytes) {
  return std::uint32_t(crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), uInt(bytes.size())));
}

}  // namespace imago::fuzz
