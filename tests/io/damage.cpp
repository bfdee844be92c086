// Every loader against files that are empty, cut anywhere, altered anywhere, lie about their sizes,
// or are no files.
#include <functional>

#include "engine/io/idx.h"
#include "engine/io/image.h"
#include "engine/io/npy.h"
#include "engine/io/pth.h"
#include "engine/io/safetensors.h"
#include "tests/io/files.h"
#include "tests/io/jpegs.h"
#include "tests/io/pth.h"

namespace imago::test {
namespace {

using Load = std::function<void(const std::string&)>;
struct Loader {
  std::string name, suffix;
  std::function<void(const std::string&)> write;
  Load load;
};
std::ostream& operator<<(std::ostream& s, const Loader& l) { return s << l.name; }

const io::HostArray& sample() {
  static const io::HostArray a = io::host_array(counting<float>(6), {2, 3});
  return a;
}
std::vector<Saved> saved() {
  return {test::saved("x", {1, 2, 3, 4, 5, 6}, {2, 3}), test::saved("y", {7}, {})};
}
std::vector<Loader> loaders() {
  const Load idx = [](const std::string& p) { io::read_idx(p); };
  const Load pth = [](const std::string& p) { io::read_pth(p); };
  const Load npz = [](const std::string& p) { io::read_npz(p); };
  std::vector<Loader> all = {
      {"idx", "idx", [](const std::string& p) { io::write_idx(p, sample()); }, idx},
      {"idx_gz", "idx.gz", [](const std::string& p) { io::write_idx(p, sample()); }, idx},
      {"npy", "npy", [](const std::string& p) { io::write_npy(p, sample()); },
       [](const std::string& p) { io::read_npy(p); }},
      {"npz", "npz",
       [](const std::string& p) {
         io::write_npz(p, {{"x", sample()}}, true);
       },
       npz},
      {"npz_stored", "npz",
       [](const std::string& p) {
         io::write_npz(p, {{"x", sample()}}, false);
       },
       npz},
      {"safetensors", "safetensors",
       [](const std::string& p) {
         io::write_safetensors(p, io::NamedArrays{{"x", sample()}}, {{"k", "v"}});
       },
       [](const std::string& p) { io::read_safetensors(p); }},
      {"pth", "pth", [](const std::string& p) { put(p, zip_pth(saved())); }, pth},
      {"pth_older", "pth", [](const std::string& p) { put(p, legacy_pth(saved())); }, pth},
  };
  if (io::has_png())
    all.push_back({"png", "png",
                   [](const std::string& p) {
                     io::write_png(p, {3, 5, 1, counting<std::uint8_t>(15)});
                   },
                   [](const std::string& p) { io::read_png(p); }});
  const Load image = [](const std::string& p) { io::read_image(p); };
  if (io::has_png())
    all.push_back({"image", "jpg", all.back().write, image});  // a PNG by this name
#if IMAGO_TEST_JPEG
  for (const JpegKind kind : {JpegKind::baseline, JpegKind::progressive})
    all.push_back(
        {kind == JpegKind::baseline ? "jpeg" : "jpeg_progressive", "jpg",
         [=](const std::string& p) { put(p, jpeg(9, 5, 3, counting<std::uint8_t>(135), kind)); },
         image});
#endif
  return all;
}

class Damage : public ::testing::TestWithParam<Loader> {
 protected:
  std::string whole() {
    GetParam().write(path);
    return contents(path);
  }
  void refuse(const std::string& bytes, const std::string& what) {
    put(path, bytes);
    expect_error(
        ErrorKind::data, {path}, [&] { GetParam().load(path); }, what);
  }
  TemporaryFolder folder;
  const std::string path = folder / ("file." + GetParam().suffix);
};

TEST_P(Damage, GoodFileLoads) {
  whole();
  GetParam().load(path);
}
TEST_P(Damage, Empty) { refuse("", "empty"); }
TEST_P(Damage, TruncatedAnywhere) {
  const std::string good = whole();
  for (std::size_t n = 1; n < good.size(); n++)
    refuse(good.substr(0, n), concat("cut at ", n, " of ", good.size()));
}
TEST_P(Damage, WrongMagic) {
  std::string bytes = whole();
  for (std::size_t i = 0; i < 4; i++) bytes[i] = char(bytes[i] ^ 0x5a);
  refuse(bytes, "wrong magic");
}
TEST_P(Damage, LongerThanItSays) {
  const std::string longer = whole() + std::string(3, 'x');
  const bool picture = GetParam().suffix == "png" || GetParam().suffix == "jpg";
  if (!picture) return refuse(longer, "longer");
  put(path, longer);  // a picture ends at its end marker; what follows is not part of it
  EXPECT_NO_THROW(GetParam().load(path));
}
// Whatever one byte becomes: a value of the right form, or an Error; never a crash, a hang or a
// huge allocation.
TEST_P(Damage, AnyByteAltered) {
  const std::string good = whole();
  int refused = 0;
  for (std::size_t i = 0; i < good.size(); i++)
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string bytes = good;
      bytes[i] = char(bytes[i] ^ flip);
      put(path, bytes);
      try {
        GetParam().load(path);
      } catch (const Error& e) {
        EXPECT_EQ(e.kind(), ErrorKind::data) << e.what();
        refused++;
      }
    }
  EXPECT_GT(refused, 10);
}
TEST_P(Damage, Directory) {
  expect_error(ErrorKind::data, {folder.path(), "a directory"},
               [&] { GetParam().load(folder.path()); });
}
TEST_P(Damage, Missing) {
  expect_error(ErrorKind::data, {folder / "none", "nothing there"},
               [&] { GetParam().load(folder / "none"); });
}
INSTANTIATE_TEST_SUITE_P(Loaders, Damage, ::testing::ValuesIn(loaders()),
                         [](const auto& i) { return i.param.name; });

std::string big32(std::uint32_t v) { return {char(v >> 24), char(v >> 16), char(v >> 8), char(v)}; }
std::string little64(std::uint64_t v) {
  std::string s;
  for (int i = 0; i < 8; i++) s += char(v >> (8 * i));
  return s;
}

struct FormatDamage : ::testing::Test {
  TemporaryFolder folder;
  const std::string path = folder / "file";
  void refuse(const std::string& bytes, const std::vector<std::string>& parts, const Load& load) {
    put(path, bytes);
    expect_error(ErrorKind::data, parts, [&] { load(path); });
  }
};

TEST_F(FormatDamage, Idx) {
  const Load load = [](const std::string& p) { io::read_idx(p); };
  const std::string zero(2, '\0');
  refuse(zero + "\x08\x03" + big32(~0u) + big32(~0u) + big32(~0u), {"at byte 4", "overflow"}, load);
  refuse(zero + "\x08\x03" + big32(1u << 31) + big32(1u << 28) + big32(1), {"overflow"}, load);
  // Not even when a size of 0 leaves no values: no array can be of that shape.
  refuse(zero + "\x08\x03" + big32(~0u) + big32(~0u) + big32(0), {"overflow"}, load);
  refuse(zero + "\x08\x02" + big32(1u << 20) + big32(1u << 20) + "abc",
         {"truncated", "1099511627776", "received 3"}, load);
  refuse(zero + "\x07\x01" + big32(1) + "a", {"at byte 2", "element type", "received 7"}, load);
  refuse(zero + std::string("\x08\0", 2) + "a", {"at byte 3", "dimensions", "received 0"}, load);
  refuse(zero + "\x08\x09" + std::string(36, '\1'), {"dimensions", "received 9"}, load);
}
// A few bytes that claim to hold gigabytes are refused before anything is allocated.
TEST_F(FormatDamage, GzippedIdxThatClaimsTooMuch) {
  io::write_idx(folder / "a.gz", io::host_array(counting<std::uint8_t>(4), {4}));
  std::string body =
      std::string("\0\0\x08\x03", 4) + big32(1u << 15) + big32(1u << 15) + big32(1u << 10);
  const std::string good = contents(folder / "a.gz");
  // A stored deflate block that holds the header only, and then the file ends.
  const std::string gz = good.substr(0, 10) + '\0' +
                         std::string{char(body.size()), '\0', char(~body.size()), '\xff'} + body;
  refuse(gz, {"at byte 4", "larger than the file can hold", "1099511627776"},
         [](const std::string& p) { io::read_idx(p); });
}

std::string npy(const std::string& header, const std::string& body, int version = 1) {
  std::string s = "\x93NUMPY" + std::string{char(version), '\0', char(header.size()), '\0'};
  if (version > 1) s += std::string(2, '\0');
  return s + header + body;
}
TEST_F(FormatDamage, Npy) {
  const Load load = [](const std::string& p) { io::read_npy(p); };
  const auto header = [](const std::string& descr, const std::string& shape) {
    return "{'descr': " + descr + ", 'fortran_order': False, 'shape': " + shape + ", }\n";
  };
  refuse(npy(header("'<f4'", "(1152921504606846976, 1152921504606846976)"), "abcd"), {"overflow"},
         load);
  refuse(npy(header("'<f4'", "(99999999999999999999999999,)"), "abcd"), {"a size of at most 2^60"},
         load);
  refuse(npy(header("'<f4'", "(1000000000000,)"), "abcd"),
         {"truncated", "4000000000000", "received 4"}, load);
  refuse(npy(header("'<f4'", "(-1,)"), "abcd"), {"a size", "'-'"}, load);
  refuse(npy(header("'|O'", "(1,)"), "abcd"), {"element type", "'|O'"}, load);
  refuse(npy(header("'<c8'", "(1,)"), "abcdefgh"), {"element type", "'<c8'", "astype"}, load);
  refuse(npy(header("'<U4'", "(1,)"), "abcd"), {"element type"}, load);
  refuse(npy(header("[('a', '<f4')]", "(1,)"), "abcd"), {"structured"}, load);
  refuse(npy(header("'|b1'", "(2,)"), "\1\2"), {"element 1", "0 or 1", "received 2"}, load);
  refuse(npy(header("'<u8'", "(1,)"), std::string(8, '\xff')), {"2^63 - 1", "18446744073709551615"},
         load);
  refuse(npy("{'descr': '<f4', 'shape': (1,)}\n", "abcd"), {"fortran_order", "fewer"}, load);
  refuse(npy("{'descr': '<f4', 'descr': '<f4', 'shape': (1,)}\n", "abcd"), {"once each"}, load);
  refuse(npy(header("'<f4'", "(1,)") + "x", "abcd"), {"the end of the header", "'x'"}, load);
  refuse(npy(header("'<f4'", "(1,)"), "abcd", 4), {"version", "4.0"}, load);
}

std::string safetensors(const std::string& header, const std::string& body) {
  return little64(header.size()) + header + body;
}
TEST_F(FormatDamage, SafeTensors) {
  const Load load = [](const std::string& p) { io::read_safetensors(p); };
  const auto one = [](const std::string& dtype, const std::string& shape,
                      const std::string& offsets) {
    return R"({"w":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
           offsets + "}}";
  };
  put(path, safetensors(one("F32", "[1]", "[0,4]"), "abcd"));
  EXPECT_NO_THROW(load(path));
  refuse(little64(~std::uint64_t(0)) + "{}", {"at byte 0", "header", "18446744073709551615"}, load);
  refuse(little64(50) + "{}", {"truncated", "received 50"}, load);
  refuse(safetensors("[]", ""), {"begins with '{'"}, load);
  refuse(safetensors("{\"w\":", ""), {"at byte 8", "JSON"}, load);
  refuse(safetensors(one("F33", "[1]", "[0,4]"), "abcd"), {"dtype of tensor 'w'", "F33"}, load);
  refuse(safetensors(one("F32", "[2]", "[0,4]"), "abcd"), {":w", "8 bytes of values", "received 4"},
         load);
  refuse(safetensors(one("F32", "[4611686018427387904,4611686018427387904]", "[0,4]"), "abcd"),
         {":w", "overflow"}, load);
  refuse(safetensors(one("F32", "[-1]", "[0,4]"), "abcd"), {"whole numbers", "-1"}, load);
  refuse(safetensors(one("F32", "[1.0]", "[0,4]"), "abcd"), {"whole numbers"}, load);
  refuse(safetensors(one("F32", "1", "[0,4]"), "abcd"), {"as a list"}, load);
  refuse(safetensors(one("F32", "[1]", "[4,0]"), "abcd"), {"[begin, end]", "[4,0]"}, load);
  refuse(safetensors(one("F32", "[1]", "[0,4]"), "abc"), {"truncated", "received 3"}, load);
  refuse(safetensors(one("F32", "[1]", "[0,4]"), "abcde"), {"belong to no tensor"}, load);
  refuse(safetensors(one("F32", "[1]", "[4,8]"), "abcdefgh"), {"hole or overlap", "'w'"}, load);
  refuse(
      safetensors(
          R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"v":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
          "abcd"),
      {"hole or overlap"}, load);
  refuse(
      safetensors(
          R"({"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
          "abcd"),
      {"each key once", "'w' twice"}, load);
  refuse(safetensors(R"({"__metadata__":{"k":1}})", ""), {"__metadata__.k", "number"}, load);
  refuse(safetensors(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}})", "abcd"),
         {"other keys"}, load);
  refuse(safetensors("{\"w\":" + std::string(5000, '[') + std::string(5000, ']') + "}", ""),
         {"deep nesting"}, load);
}

#if IMAGO_TEST_JPEG
TEST_F(FormatDamage, Jpeg) {
  const Load load = [](const std::string& p) { io::read_image(p); };
  std::vector<std::uint8_t> noise;
  for (unsigned i = 0, v = 1; i < 24 * 24 * 3; i++, v = v * 1664525 + 1013904223)
    noise.push_back(std::uint8_t(v >> 24));
  const std::string good = jpeg(24, 24, 3, noise), end = "\xff\xd9";
  ASSERT_EQ(good.substr(good.size() - 2), end);
  // Where libjpeg would warn, and return a picture that is grey from there on.
  for (const double part : {.5, .7, .95})
    refuse(good.substr(0, std::size_t(part * double(good.size()))) + end,
           {"damaged JPEG", "at byte", "Corrupt JPEG data"}, load);
  const std::size_t frame = good.find("\xff\xc0");
  const auto altered = [&](std::size_t at, const std::string& with) {
    std::string s = good;
    return s.replace(at, with.size(), with);
  };
  refuse(altered(frame + 5, "\xff\xdc\xff\xdc"),
         {"larger than the file can hold", "at most", "65500 x 65500"}, load);
  refuse(altered(frame + 5, "\xff\xff\xff\xff"), {"damaged JPEG", "65500"}, load);
  refuse(good.substr(0, 2) + altered(frame + 5, "\xff\xff\xff\xff").substr(frame, 18),
         {"damaged JPEG"}, load);  // 20 bytes
  refuse(altered(frame + 5, std::string(2, '\0')), {"damaged JPEG"}, load);
  refuse(altered(frame + 4, "\x0c"), {"damaged JPEG", "precision 12"}, load);
  refuse(altered(frame + 1, "\xc9"), {"Huffman", "arithmetic"}, load);
  refuse(jpeg(2, 2, 4, counting<std::uint8_t>(16)), {"printing", "grey or RGB", "CMYK"}, load);
  // Extra bytes after the last row of pixels lose nothing.
  put(path, good.substr(0, good.size() - 2) + "abc" + end);
  EXPECT_NO_THROW(load(path));
}
// A scan costs the whole image's pixels, and few bytes.
TEST_F(FormatDamage, JpegOfThousandsOfScans) {
  const Load load = [](const std::string& p) { io::read_image(p); };
  const std::string good = jpeg(16, 16, 3, std::vector<std::uint8_t>(768, 99), JpegKind::separate);
  const std::size_t last = good.rfind("\xff\xda"), size = good.size() - 2 - last;
  const auto repeated = [&](int n) {
    std::string s = good.substr(0, last);
    for (int i = 0; i < n; i++) s += good.substr(last, size);
    return s + good.substr(good.size() - 2);
  };
  put(path, repeated(400));
  EXPECT_NO_THROW(load(path));
  refuse(repeated(600), {"damaged JPEG", "500 scans"}, load);
}
#endif

TEST_F(FormatDamage, Npz) {
  const Load load = [](const std::string& p) { io::read_npz(p); };
  io::write_npz(path, {{"key", io::host_array(counting<float>(3), {3})}}, false);
  const std::string good = contents(path);
  const std::size_t central = good.rfind("PK\1\2"), end = good.rfind("PK\5\6");
  const auto altered = [&](std::size_t at, const std::string& with) {
    std::string s = good;
    return s.replace(at, with.size(), with);
  };
  refuse(altered(central + 24, "\xff\xff\xff\xff"), {"zip64"}, load);
  refuse(altered(end + 10, "\xff\xff"), {"zip64"}, load);
  refuse(altered(central + 8, "\x01"), {"encrypted", "key.npy"}, load);
  refuse(altered(central + 10, "\x0e"), {"compression", "received 14"}, load);
  refuse(altered(central + 42, "\xff\xff\xff\x7f"), {"key.npy", "2147483647"}, load);
  refuse(altered(central + 20, std::string("\xff\xff\xff\x7f\xff\xff\xff\x7f")), {"overlapping"},
         load);
  refuse(altered(good.find("\x93NUMPY") + 30, "?"), {"damaged entry key.npy", "checksum"}, load);
  refuse(altered(central + 46, "keyXnpx"), {"no array", "keyXnpx"}, load);
}

}  // namespace
}  // namespace imago::test
