#include "engine/io/pth.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "engine/io/element.h"
#include "engine/io/pickle.h"
#include "engine/io/zip.h"

namespace imago::io {
namespace {

using Kind = PickleValue::Kind;
constexpr std::string_view kTensor = "torch._utils._rebuild_tensor_v2",
                           kParameter = "torch._utils._rebuild_parameter";
constexpr std::pair<std::string_view, Element> kStorages[] = {
    {"torch.FloatStorage", Element::f32}, {"torch.DoubleStorage", Element::f64},
    {"torch.HalfStorage", Element::f16},  {"torch.BFloat16Storage", Element::bf16},
    {"torch.LongStorage", Element::i64},  {"torch.IntStorage", Element::i32},
    {"torch.ShortStorage", Element::i16}, {"torch.CharStorage", Element::i8},
    {"torch.ByteStorage", Element::u8},   {"torch.BoolStorage", Element::b8},
};
// 0x1950a86a20f9469cfc6c as a pickle of protocol 2, and its protocol, 1001.
constexpr unsigned char kLegacy[] = {0x80, 2,    0x8a, 10,   0x6c, 0xfc, 0x9c,
                                     0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19,
                                     '.',  0x80, 2,    'M',  0xe9, 3,    '.'};
constexpr unsigned char kZip[] = {'P', 'K', 3, 4};

std::vector<std::string_view> globals() {
  std::vector<std::string_view> all{kTensor, kParameter};
  for (const auto& [name, element] : kStorages) all.push_back(name);
  return all;
}
template <std::size_t N>
bool begins_with(std::span<const std::byte> file, const unsigned char (&magic)[N]) {
  return file.size() >= N && std::memcmp(file.data(), magic, N) == 0;
}

struct StorageInfo {
  Element element = Element::f32;
  std::uint64_t elements = 0;
};
struct TensorInfo {
  std::string storage;
  std::uint64_t offset = 0;
  std::vector<std::uint64_t> sizes, strides;  // in elements
};

// What the pickle says there is.
class StateDict {
 public:
  StateDict(const Pickle& pickle, const std::string& path, bool legacy)
      : pickle_(pickle), path_(path), legacy_(legacy) {
    const PickleValue& root = pickle.root();
    if (root.kind != Kind::dict)
      fail(path, {"the file holds no state dict", "a dict of names to tensors", "another value",
                  "write it with torch.save(model.state_dict(), path)"});
    for (std::size_t i = 0; i + 1 < root.items.size(); i += 2) {
      const PickleValue& key = pickle[root.items[i]];
      if (key.kind != Kind::text)
        fail(path, {"a key of the state dict is no text", "a tensor's name", "another value"});
      name_ = key.text;
      if (!tensors.emplace(name_, tensor(pickle[root.items[i + 1]])).second)
        refuse("is there twice", "each name once", "it again");
    }
  }
  std::map<std::string, StorageInfo> storages;
  std::map<std::string, TensorInfo> tensors;

 private:
  [[noreturn]] void refuse(const std::string& what, const std::string& expected,
                           const std::string& received, const std::string& remedy = {}) const {
    fail(path_, {"'" + name_ + "' " + what, expected, received, remedy});
  }
  const PickleValue& item(const PickleValue& of, std::size_t i, Kind kind) const {
    if (i >= of.items.size() || pickle_[of.items[i]].kind != kind)
      refuse("is no tensor as PyTorch writes it", "the arguments of one", "others");
    return pickle_[of.items[i]];
  }
  // The arguments, where v is a call of this function.
  const PickleValue* called(const PickleValue& v, std::string_view function) const {
    if (v.kind != Kind::call || pickle_[v.items[0]].text != function) return nullptr;
    return &pickle_[v.items[1]];
  }
  std::uint64_t size(const PickleValue& of, std::size_t i) const {
    const std::int64_t n = item(of, i, Kind::integer).integer;
    if (n < 0) refuse("has a negative size, stride or offset", "at least 0", concat(n));
    return std::uint64_t(n);
  }
  std::vector<std::uint64_t> sizes(const PickleValue& tuple) const {
    std::vector<std::uint64_t> all;
    for (std::size_t i = 0; i < tuple.items.size(); i++) all.push_back(size(tuple, i));
    return all;
  }

  TensorInfo tensor(const PickleValue& value) {
    const PickleValue* of = &value;
    if (const PickleValue* a = called(value, kParameter)) of = &item(*a, 0, Kind::call);
    const PickleValue* a = called(*of, kTensor);
    if (!a)
      refuse("is no tensor", "a dict of names to tensors", "another value",
             "write it with torch.save(model.state_dict(), path)");
    TensorInfo t;
    t.storage = storage(pickle_[item(*a, 0, Kind::persistent).items[0]]);
    t.offset = size(*a, 1);
    t.sizes = sizes(item(*a, 2, Kind::tuple));
    t.strides = sizes(item(*a, 3, Kind::tuple));
    if (t.sizes.size() != t.strides.size())
      refuse("has not as many strides as dimensions", concat(t.sizes.size()),
             concat(t.strides.size()));
    return t;
  }
  std::string storage(const PickleValue& id) {
    if (id.kind != Kind::tuple || item(id, 0, Kind::text).text != "storage")
      refuse("has no storage", "one", "another value");
    const std::string &type = item(id, 1, Kind::global).text, &key = item(id, 2, Kind::text).text;
    const auto known = std::find_if(std::begin(kStorages), std::end(kStorages),
                                    [&](const auto& s) { return s.first == type; });
    if (known == std::end(kStorages)) refuse("has no storage", "a storage's type", type);
    if (legacy_) item(id, 5, Kind::none);  // else a part of another storage: PyTorch before 0.4
    const StorageInfo info{known->second, size(id, 4)};
    const auto [there, is_new] = storages.emplace(key, info);
    if (!is_new &&
        (there->second.element != info.element || there->second.elements != info.elements))
      refuse("disagrees about its storage " + key, concat(there->second.elements, " elements"),
             concat(info.elements));
    return key;
  }

  const Pickle& pickle_;
  const std::string& path_;
  bool legacy_;
  std::string name_;  // of the tensor being read
};

// Copies the elements at these places of a storage in order; the last dimension moves fastest.
void gather(const TensorInfo& t, std::size_t width, const std::byte* storage, std::byte* out) {
  std::vector<std::uint64_t> at(t.sizes.size(), 0);
  std::uint64_t place = t.offset;
  for (bool more = true; more; out += width) {
    std::memcpy(out, storage + place * width, width);
    more = false;
    for (std::size_t d = at.size(); d-- > 0;) {
      place += t.strides[d];
      more = ++at[d] < t.sizes[d];
      if (more) break;
      place -= t.strides[d] * t.sizes[d];
      at[d] = 0;
    }
  }
}

class Collector {
 public:
  // stored: the bytes that the file's storages have, unpacked.
  Collector(const std::string& path, std::uint64_t file, std::uint64_t stored, bool big_endian)
      : path_(path), limit_(std::max(8 * file, stored)), big_endian_(big_endian) {}

  HostArray tensor(const std::string& name, const TensorInfo& t, const StorageInfo& s,
                   std::span<const std::byte> storage) {
    const std::string where = path_ + ":" + name;
    const std::uint64_t width = size_of(s.element),
                        bytes = checked_bytes(t.sizes, s.element, where, 0);
    // The farthest element, where there is one.
    unsigned __int128 last = t.offset;
    for (std::size_t d = 0; d < t.sizes.size(); d++)
      if (t.sizes[d]) last += (unsigned __int128)(t.sizes[d] - 1) * t.strides[d];
    if (bytes && last >= s.elements)
      fail(where,
           {"the tensor reaches beyond its storage", concat(s.elements, " elements"),
            concat("offset ", t.offset, ", shape ", list(t.sizes), ", strides ", list(t.strides)),
            "fetch or write the file again"});
    total_ += bytes;
    if (total_ > limit_)
      fail(where, {"the tensors overlap too much", concat("at most ", limit_, " bytes in all"),
                   concat(total_), "save contiguous tensors"});
    Bytes out(bytes);
    if (bytes) gather(t, width, storage.data(), out.data());
    return convert(std::move(out), s.element, big_endian_, Shape(indices(t.sizes)), where);
  }

 private:
  // A Shape of strides could be too large to be one.
  static std::string list(const std::vector<std::uint64_t>& v) {
    std::string s;
    for (const std::uint64_t n : v) s += concat(s.empty() ? "[" : ", ", n);
    return s.empty() ? "[]" : s + "]";
  }
  static std::vector<Index> indices(const std::vector<std::uint64_t>& v) {
    return {v.begin(), v.end()};
  }
  const std::string& path_;
  std::uint64_t limit_, total_ = 0;
  bool big_endian_;
};

NamedArrays read_zip(const Bytes& file, const std::string& path) {
  std::map<std::string, ZipEntry> entries;
  std::optional<std::string> folder;  // the archive's own, its name is that of the file once
  for (ZipEntry& e : zip_entries(file, path)) {
    const std::string_view name = e.name;
    if (name.ends_with("/data.pkl")) {
      if (folder) fail(path, {"two pickles in the archive", "one data.pkl", e.name});
      folder = name.substr(0, name.size() - 8);
    }
    const std::string key = e.name;
    if (!entries.emplace(key, std::move(e)).second)
      fail(path, {"damaged zip archive", "each entry once", key + " twice"});
  }
  if (!folder) fail(path, {"the archive is none of PyTorch's", "an entry data.pkl", "none"});
  const auto find = [&](const std::string& name) -> const ZipEntry& {
    const auto found = entries.find(*folder + name);
    if (found == entries.end())
      fail(path, {"damaged archive of PyTorch", "an entry " + *folder + name, "none",
                  "fetch or write the file again"});
    return found->second;
  };
  const auto entry = [&](const std::string& name) { return zip_read(file, find(name), path); };
  bool big_endian = false;
  if (entries.count(*folder + "byteorder")) {
    const Bytes b = entry("byteorder");
    const std::string order(reinterpret_cast<const char*>(b.data()), b.size());
    if (order != "little" && order != "big")
      fail(path, {"unknown byte order", "little or big", "'" + order + "'"});
    big_endian = order == "big";
  }
  // PyTorch packs nothing: a small file whose pickle is huge would become a hundred times that.
  if (const std::uint64_t size = find("data.pkl").size; size > file.size())
    fail(path, {"the archive's data.pkl is too large", concat("at most ", file.size(), " bytes"),
                concat(size), "write it with torch.save(model.state_dict(), path)"});
  const Bytes text = entry("data.pkl");
  Cursor c(text, path, "pickle of PyTorch's archive");
  const Pickle pickle(c, path, globals());
  if (c.left())
    fail(path,
         {"damaged archive of PyTorch", "the end of data.pkl", concat(c.left(), " bytes more")});
  const StateDict dict(pickle, path, false);
  std::uint64_t stored = 0;
  for (const auto& [key, s] : dict.storages) {
    const std::uint64_t size = find("data/" + key).size;
    if (size != checked_bytes({s.elements}, s.element, path, 0))
      fail(path, {"damaged archive of PyTorch", concat(s.elements, " elements in data/", key),
                  concat(size, " bytes"), "fetch or write the file again"});
    stored += size;
  }
  Collector collector(path, file.size(), stored, big_endian);
  // A storage at a time, so that no more than one is held twice.
  std::map<std::string, std::vector<std::string>> users;
  for (const auto& [name, t] : dict.tensors) users[t.storage].push_back(name);
  NamedArrays all;
  for (const auto& [key, names] : users) {
    const Bytes bytes = entry("data/" + key);
    for (const std::string& name : names)
      all.emplace(name,
                  collector.tensor(name, dict.tensors.at(name), dict.storages.at(key), bytes));
  }
  return all;
}

NamedArrays read_legacy(const Bytes& file, const std::string& path) {
  Cursor c(file, path, "PyTorch file");
  c.take(sizeof kLegacy, "the magic number");
  // Of the machine that wrote it.
  const Pickle system(c, path, {});
  bool big_endian = false;
  for (std::size_t i = 0; i + 1 < system.root().items.size(); i += 2)
    if (system[system.root().items[i]].text == "little_endian")
      big_endian = system[system.root().items[i + 1]].integer == 0;
  const std::vector<std::string_view> names = globals();
  const Pickle pickle(c, path, names);
  const StateDict dict(pickle, path, true);
  const std::uint64_t at = c.offset();
  const Pickle keys(c, path, {});
  if (keys.root().kind != Kind::list)
    fail(path, at,
         {"damaged PyTorch file", "a list of the storages", "another value",
          "fetch or write the file again"});

  std::map<std::string, std::span<const std::byte>> storages;
  for (const std::uint32_t place : keys.root().items) {
    const std::string& key = keys[place].text;
    const auto known = dict.storages.find(key);
    if (known == dict.storages.end() || storages.count(key))
      fail(path, at,
           {"damaged PyTorch file", "each storage of the tensors once", "'" + key + "'",
            "fetch or write the file again"});
    const StorageInfo& s = known->second;
    const std::uint64_t begin = c.offset(), elements = c.little(8, "a storage's size");
    if (elements != s.elements)
      fail(path, begin,
           {"damaged PyTorch file", concat(s.elements, " elements of storage ", key),
            concat(elements), "fetch or write the file again"});
    storages[key] = c.take(checked_bytes({elements}, s.element, path, begin), "a storage");
  }
  if (c.left())
    fail(path, c.offset(),
         {"damaged PyTorch file", "the end of the file", concat(c.left(), " bytes more"),
          "fetch or write the file again"});
  Collector collector(path, file.size(), 0, big_endian);
  NamedArrays all;
  for (const auto& [name, t] : dict.tensors) {
    const auto bytes = storages.find(t.storage);
    if (bytes == storages.end())
      fail(path, at,
           {"damaged PyTorch file", "the storage of '" + name + "'", "none",
            "fetch or write the file again"});
    all.emplace(name, collector.tensor(name, t, dict.storages.at(t.storage), bytes->second));
  }
  return all;
}

}  // namespace

NamedArrays read_pth(const std::string& path) {
  const Bytes file = read_file(path, "PyTorch file");
  if (begins_with(file, kZip)) return read_zip(file, path);
  if (begins_with(file, kLegacy)) return read_legacy(file, path);
  fail(path, {"not a file of PyTorch", "a state dict written by torch.save",
              file.empty() ? "an empty file" : "another format"});
}

}  // namespace imago::io
