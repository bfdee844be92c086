#include "engine/io/safetensors.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "engine/io/element.h"

namespace imago::io {
namespace {

using Json = nlohmann::json;
constexpr std::uint64_t kHeaderLimit = 100'000'000;  // the format's own
constexpr const char* kMetadata = "__metadata__";

std::optional<Element> element_of(const std::string& text) {
  constexpr std::pair<const char*, Element> table[] = {
      {"BOOL", Element::b8}, {"U8", Element::u8},   {"I8", Element::i8},     {"U16", Element::u16},
      {"I16", Element::i16}, {"U32", Element::u32}, {"I32", Element::i32},   {"U64", Element::u64},
      {"I64", Element::i64}, {"F16", Element::f16}, {"BF16", Element::bf16}, {"F32", Element::f32},
      {"F64", Element::f64}};
  for (const auto& [name, e] : table)
    if (text == name) return e;
  return {};
}
const char* code(DType t) {
  switch (t) {
    case DType::f32: return "F32";
    case DType::f64: return "F64";
    case DType::i64: return "I64";
    case DType::u8: return "U8";
  }
  return "";
}

struct Entry {
  std::string name;
  Element element;
  std::vector<std::uint64_t> sizes;
  std::uint64_t begin, end;
};

// The header: parsed, every field checked against its type.
class HeaderReader {
 public:
  explicit HeaderReader(const std::string& path) : path_(path) {}

  // nlohmann::json keeps the last of equal keys; here a second one is an error, and so is deep
  // nesting.
  Json parse(std::span<const std::byte> text) {
    std::vector<std::set<std::string>> keys;
    const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
      if (depth > 8) wrong("an object of tensors", "deep nesting");
      if (event == Json::parse_event_t::object_start) keys.emplace_back();
      if (event == Json::parse_event_t::object_end) keys.pop_back();
      if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second)
        wrong("each key once", "'" + value.get<std::string>() + "' twice");
      return true;
    };
    const char* begin = reinterpret_cast<const char*>(text.data());
    try {
      return Json::parse(begin, begin + text.size(), watch);
    } catch (const Json::exception& e) {
      wrong("JSON", e.what());
    }
  }
  Metadata metadata(const Json& j) {
    Metadata m;
    if (!j.is_object()) wrong("__metadata__ as an object of strings", j.type_name());
    for (const auto& [key, value] : j.items()) {
      if (!value.is_string()) wrong("a string as __metadata__." + key, value.type_name());
      m[key] = value.get<std::string>();
    }
    return m;
  }
  Entry entry(const std::string& name, const Json& j) {
    if (!j.is_object() || j.size() != 3 || !j.contains("dtype") || !j.contains("shape") ||
        !j.contains("data_offsets"))
      wrong("dtype, shape and data_offsets of tensor '" + name + "'",
            j.is_object() ? "other keys" : j.type_name());
    if (!j["dtype"].is_string())
      wrong("a string as dtype of tensor '" + name + "'", j["dtype"].type_name());
    const auto text = j["dtype"].get<std::string>();
    const auto e = element_of(text);
    if (!e)
      wrong("dtype of tensor '" + name + "' to be F32, F64, F16, BF16, an integer or BOOL", text);
    const auto offsets = numbers(j["data_offsets"], "data_offsets of tensor '" + name + "'");
    if (offsets.size() != 2 || offsets[0] > offsets[1])
      wrong("data_offsets of tensor '" + name + "' as [begin, end]", j["data_offsets"].dump());
    return {name, *e, numbers(j["shape"], "shape of tensor '" + name + "'"), offsets[0],
            offsets[1]};
  }

 private:
  [[noreturn]] void wrong(const std::string& expected, const std::string& received) {
    fail(path_, 8,
         {"wrong header of a safetensors file", expected, received,
          "write it with a safetensors library"});
  }
  std::vector<std::uint64_t> numbers(const Json& j, const std::string& what) {
    std::vector<std::uint64_t> v;
    if (!j.is_array()) wrong(what + " as a list", j.type_name());
    for (const Json& n : j) {
      if (!n.is_number_unsigned())
        wrong(what + " of whole numbers", n.is_number() ? n.dump() : n.type_name());
      v.push_back(n.get<std::uint64_t>());
    }
    return v;
  }
  const std::string& path_;
};

}  // namespace

SafeTensors read_safetensors(const std::string& path) {
  const Bytes file = read_file(path, "safetensors file");
  Cursor c(file, path, "safetensors file");
  const std::uint64_t length = c.little(8, "the header's size");
  if (length > kHeaderLimit || length > c.left())
    fail(path, 0,
         {length > kHeaderLimit ? "not a safetensors file" : "truncated safetensors file",
          concat("a header of at most ", std::min<std::uint64_t>(kHeaderLimit, c.left()), " bytes"),
          concat(length), "fetch or write the file again"});
  const auto text = c.take(length, "the header");
  if (text.empty() || text[0] != std::byte{'{'})
    fail(path, 8,
         {"not a safetensors file", "a header that begins with '{'",
          length ? "another byte" : "no header"});
  HeaderReader reader(path);
  const Json header = reader.parse(text);
  const std::uint64_t data = c.offset(), size = c.left();

  SafeTensors result;
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == kMetadata)
      result.metadata = reader.metadata(value);
    else
      entries.push_back(reader.entry(name, value));
  }
  // The tensors must cover the data without holes or overlaps: the format says so, and a mistake
  // here is silent otherwise.
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t at = 0;
  for (const Entry& e : entries) {
    if (e.begin != at || e.end > size)
      fail(path, data + at,
           {e.begin != at ? "hole or overlap before tensor '" + e.name + "'"
                          : "truncated safetensors file",
            e.begin != at ? concat("data_offsets to begin at ", at) : concat("data up to ", e.end),
            e.begin != at ? concat(e.begin) : concat(size), "fetch or write the file again"});
    at = e.end;
  }
  if (at != size)
    fail(path, data + at,
         {"bytes that belong to no tensor", concat("the end of the file at byte ", data + at),
          concat(size - at, " bytes more"), "fetch or write the file again"});
  for (const Entry& e : entries) {
    const std::string where = path + ":" + e.name;
    Shape shape = checked_shape(e.sizes, e.element, e.end - e.begin, where, data + e.begin);
    const auto* first = file.data() + data + e.begin;
    result.tensors.emplace(e.name, convert(Bytes(first, first + (e.end - e.begin)), e.element,
                                           false, std::move(shape), where));
  }
  return result;
}

namespace {

// What to write, its values fetched one tensor at a time.
struct Item {
  std::string name;
  DType dtype;
  Shape shape;
  std::function<HostArray()> fetch;
  const HostArray* host = nullptr;  // or here already
  std::uint64_t bytes() const { return std::uint64_t(shape.numel()) * imago::size_of(dtype); }
};

void write(const std::string& path, std::vector<Item> items, const Metadata& metadata,
           const std::function<void()>& before_commit) {
  std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    const auto x = imago::size_of(a.dtype), y = imago::size_of(b.dtype);
    return x != y ? x > y : a.name < b.name;
  });
  std::set<std::string> names{kMetadata};
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[kMetadata] = metadata;
  std::uint64_t at = 0;
  for (const Item& i : items) {
    if (!names.insert(i.name).second)
      throw Error(ErrorKind::usage,
                  {"a tensor's name is taken", path,
                   "each name once, and not " + std::string(kMetadata), "'" + i.name + "'"});
    header[i.name] = {{"dtype", code(i.dtype)},
                      {"shape", i.shape.dims()},
                      {"data_offsets", {at, at + i.bytes()}}};
    at += i.bytes();
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception& e) {  // a name that is not UTF-8
    throw Error(ErrorKind::usage,
                {"cannot write the header", path, "names and metadata in UTF-8", e.what()});
  }
  while (text.size() % 8) text += ' ';  // so that the data begins at a multiple of 8
  std::byte length[8];
  for (int i = 0; i < 8; i++) length[i] = std::byte(std::uint64_t(text.size()) >> (8 * i));

  AtomicFile file(path);
  file.write(length, 8);
  file.write(text.data(), text.size());
  for (const Item& i : items) {
    HostArray fetched;
    if (!i.host) fetched = i.fetch();
    Bytes& bytes = fetched.bytes;
    if (is_big_endian_machine()) {
      if (i.host) bytes = i.host->bytes;
      const auto size = std::ptrdiff_t(imago::size_of(i.dtype));
      for (auto p = bytes.begin(); p != bytes.end(); p += size) std::reverse(p, p + size);
      file.write(bytes.data(), bytes.size());
    } else {
      const Bytes& b = i.host ? i.host->bytes : bytes;
      file.write(b.data(), b.size());
    }
  }
  if (before_commit) before_commit();
  file.commit();
}

}  // namespace

void write_safetensors(const std::string& path, const NamedArrays& tensors,
                       const Metadata& metadata) {
  std::vector<Item> items;
  for (const auto& [name, a] : tensors) items.push_back({name, a.dtype, a.shape, {}, &a});
  write(path, std::move(items), metadata, {});
}
void write_safetensors(const std::string& path, const NamedTensors& tensors,
                       const Metadata& metadata, const std::function<void()>& before_commit) {
  std::vector<Item> items;
  for (const auto& [name, x] : tensors)
    items.push_back({name, x.dtype(), x.shape(), [x = x] { return to_host(x); }});
  write(path, std::move(items), metadata, before_commit);
}

}  // namespace imago::io
