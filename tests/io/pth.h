// State dicts as torch.save writes them, made by hand: for tests of what reads them.
#pragma once
#include <string>
#include <vector>

#include "engine/io/zip.h"
#include "tests/io/files.h"

namespace imago::test {

struct Saved {
  std::string name;
  std::vector<std::int64_t> sizes, strides;
  std::string type = "FloatStorage", storage = {};  // its bytes
  std::int64_t elements = 0, offset = 0;
};
// A contiguous tensor of floats.
inline Saved saved(const std::string& name, const std::vector<float>& values,
                   std::vector<std::int64_t> sizes) {
  Saved s{name, sizes, {}};
  std::int64_t stride = 1;
  for (std::size_t d = sizes.size(); d-- > 0; stride *= sizes[d])
    s.strides.insert(s.strides.begin(), stride);
  s.storage.assign(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  s.elements = std::int64_t(values.size());
  return s;
}

inline std::string little(std::uint64_t v, int bytes) {
  std::string s;
  for (int i = 0; i < bytes; i++) s += char(v >> (8 * i));
  return s;
}
inline std::string pickled(std::int64_t v) { return "\x8a\x08" + little(std::uint64_t(v), 8); }
inline std::string pickled(const std::string& s) { return "X" + little(s.size(), 4) + s; }
inline std::string pickled(const std::vector<std::int64_t>& v) {
  std::string s = "(";
  for (const std::int64_t i : v) s += pickled(i);
  return s + "t";
}
inline std::string pickled(const Saved& t, const std::string& key, bool legacy) {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + pickled("storage") + "ctorch\n" + t.type + "\n" +
         pickled(key) + pickled("cpu") + pickled(t.elements) + (legacy ? "N" : "") + "tQ" +
         pickled(t.offset) + pickled(t.sizes) + pickled(t.strides) + "\x89}tR";
}
inline std::string pickle(const std::string& body) { return "\x80\x02" + body + "."; }
// Of a dict of tensors; storage i is "i".
inline std::string pickled(const std::vector<Saved>& tensors, bool legacy) {
  std::string body = "}(";
  for (std::size_t i = 0; i < tensors.size(); i++)
    body += pickled(tensors[i].name) + pickled(tensors[i], std::to_string(i), legacy);
  return pickle(body + "u");
}

// dict: the pickle; empty: that of the tensors.
inline std::string legacy_pth(const std::vector<Saved>& tensors, std::string dict = {}) {
  if (dict.empty()) dict = pickled(tensors, true);
  std::string file = pickle("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19") +
                     pickle("M\xe9\x03") + pickle("}" + pickled("little_endian") + "\x88s") + dict,
              keys = "](", data;
  for (std::size_t i = 0; i < tensors.size(); i++) {
    keys += pickled(std::to_string(i));
    data += little(std::uint64_t(tensors[i].elements), 8) + tensors[i].storage;
  }
  return file + pickle(keys + "e") + data;
}
inline std::string zip_pth(const std::vector<Saved>& tensors, std::string dict = {},
                           const std::string& order = "little", bool compress = false) {
  if (dict.empty()) dict = pickled(tensors, false);
  io::ZipWriter zip("pth");
  const auto add = [&](const std::string& name, const std::string& bytes) {
    zip.add("archive/" + name, std::as_bytes(std::span(bytes)), compress);
  };
  add("data.pkl", dict);
  add("byteorder", order);
  for (std::size_t i = 0; i < tensors.size(); i++)
    add("data/" + std::to_string(i), tensors[i].storage);
  const io::Bytes out = zip.finish();
  return {reinterpret_cast<const char*>(out.data()), out.size()};
}

}  // namespace imago::test
