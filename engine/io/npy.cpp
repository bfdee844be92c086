#include "engine/io/npy.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "engine/io/element.h"
#include "engine/io/zip.h"

namespace imago::io {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);

// The header is a Python dict of three keys; this reads that and nothing more.
struct Header {
  std::string descr;
  bool fortran = false;
  std::vector<std::uint64_t> sizes;
};
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& path, std::uint64_t offset)
      : s_(text), path_(path), offset_(offset) {}
  Header parse() {
    Header h;
    bool descr = false, order = false, shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr" && !descr) {
        if (peek() == '[') wrong("an array of plain numbers", "a structured dtype");
        h.descr = string();
        descr = true;
      } else if (key == "fortran_order" && !order) {
        h.fortran = boolean();
        order = true;
      } else if (key == "shape" && !shape) {
        h.sizes = tuple();
        shape = true;
      } else {
        wrong("the keys descr, fortran_order and shape once each", "'" + key + "'");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (peek()) wrong("the end of the header", concat("'", peek(), "'"));
    if (!descr || !order || !shape) wrong("the keys descr, fortran_order and shape", "fewer");
    return h;
  }

 private:
  [[noreturn]] void wrong(const std::string& expected, const std::string& received) {
    fail(path_, offset_ + at_,
         {"wrong header of an npy file", expected, received, "write it with numpy.save"});
  }
  char peek() {
    while (at_ < s_.size() && std::strchr(" \t\n\r", s_[at_]) && s_[at_]) at_++;
    return at_ < s_.size() ? s_[at_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c) return false;
    at_++;
    return true;
  }
  void expect(char c) {
    const char there = peek();
    if (!accept(c)) wrong(concat("'", c, "'"), there ? concat("'", there, "'") : "the end");
  }
  std::string string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"')
      wrong("a quoted string", quote ? concat("'", quote, "'") : "the end");
    const auto end = s_.find(quote, ++at_);
    if (end == s_.npos || end - at_ > 200) wrong("a short quoted string", "no closing quote");
    const std::string text(s_.substr(at_, end - at_));
    at_ = end + 1;
    return text;
  }
  bool boolean() {
    peek();
    for (const auto& [word, value] :
         {std::pair<std::string_view, bool>{"True", true}, {"False", false}})
      if (s_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return value;
      }
    wrong("True or False", "something else");
  }
  std::vector<std::uint64_t> tuple() {
    std::vector<std::uint64_t> sizes;
    expect('(');
    while (!accept(')')) {
      if (peek() < '0' || peek() > '9') wrong("a size", concat("'", peek(), "'"));
      std::uint64_t v = 0;
      for (; at_ < s_.size() && s_[at_] >= '0' && s_[at_] <= '9'; at_++) {
        if (v > (std::uint64_t(1) << 60)) wrong("a size of at most 2^60", "a larger one");
        v = v * 10 + std::uint64_t(s_[at_] - '0');
      }
      accept('L');  // Python 2 wrote long integers so
      sizes.push_back(v);
      if (sizes.size() > 32) wrong("at most 32 dimensions", "more");
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return sizes;
  }
  std::string_view s_;
  const std::string& path_;
  std::uint64_t offset_;
  std::size_t at_ = 0;
};

std::optional<Element> element_of(const std::string& code) {
  constexpr std::pair<const char*, Element> table[] = {
      {"b1", Element::b8},  {"u1", Element::u8},  {"i1", Element::i8},  {"u2", Element::u16},
      {"i2", Element::i16}, {"u4", Element::u32}, {"i4", Element::i32}, {"u8", Element::u64},
      {"i8", Element::i64}, {"f2", Element::f16}, {"f4", Element::f32}, {"f8", Element::f64}};
  for (const auto& [text, e] : table)
    if (code == text) return e;
  return {};
}

// Elements from first-dimension-fastest to last-dimension-fastest.
Bytes to_c_order(const Bytes& in, const Shape& shape, std::size_t size) {
  const int rank = shape.rank();
  Bytes out(in.size());
  std::vector<std::size_t> stride(std::size_t(rank), 1), at(std::size_t(rank), 0);
  for (int d = 1; d < rank; d++)
    stride[std::size_t(d)] = stride[std::size_t(d - 1)] * std::size_t(shape[d - 1]);
  std::size_t from = 0;
  for (std::size_t to = 0; to < out.size(); to += size) {
    std::memcpy(out.data() + to, in.data() + from * size, size);
    for (int d = rank - 1; d >= 0; d--) {
      const auto i = std::size_t(d);
      from += stride[i];
      if (++at[i] < std::size_t(shape[d])) break;
      from -= stride[i] * at[i];
      at[i] = 0;
    }
  }
  return out;
}

// file: the whole npy file, or a zip entry's contents; name: what errors call it.
HostArray parse(Bytes file, const std::string& name) {
  Cursor c(file, name, "npy file");
  const auto magic = c.take(6, "the magic string");
  if (std::memcmp(magic.data(), kMagic.data(), 6) != 0)
    fail(name, 0, {"not an npy file", "\\x93NUMPY", "other bytes", "write it with numpy.save"});
  const auto major = c.little(1, "the version"), minor = c.little(1, "the version");
  if (major < 1 || major > 3 || minor != 0)
    fail(name, 6, {"unknown version of an npy file", "1.0, 2.0 or 3.0", concat(major, ".", minor)});
  const auto length = c.little(major == 1 ? 2 : 4, "the header's size");
  const std::uint64_t at = c.offset();
  const auto text = c.take(length, "the header");
  const Header h =
      HeaderParser({reinterpret_cast<const char*>(text.data()), text.size()}, name, at).parse();

  const char order = h.descr.empty() ? ' ' : h.descr[0];
  const auto e = element_of(h.descr.empty() ? "" : h.descr.substr(1));
  if (!e || !std::strchr("<>|=", order) || (order == '|' && size_of(*e) > 1))
    fail(name, at,
         {"element type that imago does not read", "bool, integers, float16, float32 or float64",
          "'" + h.descr + "'", "convert it, e.g. with .astype('float32')"});
  Shape shape = checked_shape(h.sizes, *e, c.left(), name, at);
  file.erase(file.begin(), file.begin() + std::ptrdiff_t(c.offset()));
  if (h.fortran && shape.rank() > 1) file = to_c_order(file, shape, size_of(*e));
  return convert(std::move(file), *e, order == '>' || (order == '=' && is_big_endian_machine()),
                 std::move(shape), name);
}

Bytes serialize(const HostArray& a) {
  const char* code = a.dtype == DType::u8    ? "|u1"
                     : a.dtype == DType::i64 ? (is_big_endian_machine() ? ">i8" : "<i8")
                     : a.dtype == DType::f32 ? (is_big_endian_machine() ? ">f4" : "<f4")
                                             : (is_big_endian_machine() ? ">f8" : "<f8");
  std::string header = concat("{'descr': '", code, "', 'fortran_order': False, 'shape': (");
  for (int i = 0; i < a.shape.rank(); i++) header += concat(i ? ", " : "", a.shape[i]);
  header += a.shape.rank() == 1 ? ",), }" : "), }";
  while ((10 + header.size() + 1) % 64) header += ' ';
  header += '\n';
  std::string start(kMagic);
  start += '\1';
  start += '\0';
  start += char(header.size() & 255);
  start += char(header.size() >> 8);
  start += header;
  Bytes out;
  const auto text = std::as_bytes(std::span(start));
  out.reserve(text.size() + a.bytes.size());
  out.insert(out.end(), text.begin(), text.end());
  out.insert(out.end(), a.bytes.begin(), a.bytes.end());
  return out;
}

constexpr std::string_view kSuffix = ".npy";

}  // namespace

HostArray read_npy(const std::string& path) { return parse(read_file(path, "npy file"), path); }
void write_npy(const std::string& path, const HostArray& a) { write_file(path, serialize(a)); }

NamedArrays read_npz(const std::string& path) {
  const Bytes file = read_file(path, "npz file");
  NamedArrays arrays;
  for (const ZipEntry& e : zip_entries(file, path)) {
    if (e.name.size() <= kSuffix.size() || !e.name.ends_with(kSuffix))
      fail(path, e.header,
           {"an entry that is no array", "a name ending in .npy", "'" + e.name + "'"});
    const std::string key = e.name.substr(0, e.name.size() - kSuffix.size());
    if (arrays.count(key))
      fail(path, e.header, {"an entry twice", "each name once", "'" + e.name + "'"});
    arrays.emplace(key, parse(zip_read(file, e, path), path + ":" + e.name));
  }
  return arrays;
}
void write_npz(const std::string& path, const NamedArrays& arrays, bool compress) {
  ZipWriter zip(path);
  for (const auto& [key, a] : arrays) zip.add(key + std::string(kSuffix), serialize(a), compress);
  write_file(path, zip.finish());
}

}  // namespace imago::io
