// What is written is read back, bit for bit; and files of other writers, byte by byte as their
// formats define them.
#include <cmath>
#include <limits>

#include "engine/io/idx.h"
#include "engine/io/npy.h"
#include "engine/io/safetensors.h"
#include "tests/io/files.h"

namespace imago::test {
namespace {

// One array of each dtype, with the values that are easily lost.
io::NamedArrays samples() {
  const float inf = std::numeric_limits<float>::infinity();
  return {{"f32", io::host_array<float>({0.f, -0.f, 1e-45f, inf, -inf, std::nanf("")}, {3, 2})},
          {"f64", io::host_array<double>({5e-324, 1. / 3, -1e308, 0}, {2, 1, 2})},
          {"i64", io::host_array<std::int64_t>({INT64_MIN, -1, INT64_MAX}, {3})},
          {"u8", io::host_array<std::uint8_t>({0, 1, 255}, {1, 3})},
          {"empty", io::host_array<float>({}, {0, 4})},
          {"scalar", io::host_array<double>({2.5}, {})}};
}

TEST(Npy, RoundTrip) {
  TemporaryFolder folder;
  for (const auto& [name, a] : samples()) {
    io::write_npy(folder / name, a);
    expect_equal(io::read_npy(folder / name), a);
  }
}
TEST(Npz, RoundTrip) {
  TemporaryFolder folder;
  for (const bool compress : {false, true}) {
    io::write_npz(folder / "a.npz", samples(), compress);
    const io::NamedArrays back = io::read_npz(folder / "a.npz");
    ASSERT_EQ(back.size(), samples().size());
    for (const auto& [name, a] : samples()) expect_equal(back.at(name), a);
  }
}
TEST(Npz, LargeArraysAndEqualBytes) {
  TemporaryFolder folder;
  const io::NamedArrays arrays{{"x", io::host_array(counting<float>(100'003), {100'003})}};
  io::write_npz(folder / "a", arrays);
  io::write_npz(folder / "b", arrays);
  EXPECT_EQ(contents(folder / "a"), contents(folder / "b"));
  expect_equal(io::read_npz(folder / "a").at("x"), arrays.at("x"));
}

std::string npy(const std::string& descr, const std::string& order, const std::string& shape,
                const std::string& body, int version = 1) {
  const std::string header =
      "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
  std::string s = "\x93NUMPY" + std::string{char(version), '\0', char(header.size()), '\0'};
  if (version > 1) s += std::string(2, '\0');
  return s + header + body;
}
io::HostArray parsed(const std::string& bytes) {
  TemporaryFolder folder;
  put(folder / "a.npy", bytes);
  return io::read_npy(folder / "a.npy");
}
TEST(Npy, EveryElementType) {
  using V = std::vector<double>;
  const auto values = [](const io::HostArray& a) {
    V v;
    if (a.dtype == DType::u8)
      for (auto x : a.values<std::uint8_t>()) v.push_back(x);
    if (a.dtype == DType::i64)
      for (auto x : a.values<std::int64_t>()) v.push_back(double(x));
    if (a.dtype == DType::f32)
      for (auto x : a.values<float>()) v.push_back(x);
    if (a.dtype == DType::f64)
      for (auto x : a.values<double>()) v.push_back(x);
    return v;
  };
  const auto check = [&](const std::string& descr, const std::string& body, DType dtype,
                         const V& expected) {
    const io::HostArray a = parsed(npy(descr, "False", concat("(", expected.size(), ",)"), body));
    EXPECT_EQ(a.dtype, dtype) << descr;
    EXPECT_EQ(values(a), expected) << descr;
  };
  using namespace std::string_literals;
  check("|b1", "\0\1"s, DType::u8, {0, 1});
  check("|u1", "\0\xff"s, DType::u8, {0, 255});
  check("|i1", "\x80\x7f"s, DType::i64, {-128, 127});
  check("<u2", "\1\xff"s, DType::i64, {65281});
  check(">u2", "\1\xff"s, DType::i64, {511});
  check("<i2", "\xfe\xff"s, DType::i64, {-2});
  check(">i4", "\xff\xff\xff\xfd"s, DType::i64, {-3});
  check("<u4", "\xff\xff\xff\xff"s, DType::i64, {4294967295.});
  check(">i8", "\0\0\0\0\0\0\1\0"s, DType::i64, {256});
  check("<u8", "\2\0\0\0\0\0\0\0"s, DType::i64, {2});
  check("<f2", "\0\x3c\1\0\0\x7c\xff\x7b"s, DType::f32, {1, std::ldexp(1, -24), INFINITY, 65504});
  check(">f2", "\xc0\0"s, DType::f32, {-2});
  check(">f4", "\x3f\x80\0\0"s, DType::f32, {1});
  check("<f4", "\0\0\x80\xbf"s, DType::f32, {-1});
  check(">f8", "\x3f\xf0\0\0\0\0\0\0"s, DType::f64, {1});
}
TEST(Npy, FortranOrder) {
  std::string body;
  for (int i = 0; i < 24; i++) body += char(i);  // element (a, b, c) at a + 2 b + 6 c
  const io::HostArray a = parsed(npy("|u1", "True", "(2, 3, 4)", body));
  for (int i = 0, at = 0; i < 2; i++)
    for (int j = 0; j < 3; j++)
      for (int k = 0; k < 4; k++)
        EXPECT_EQ(a.values<std::uint8_t>()[std::size_t(at++)], i + 2 * j + 6 * k);
}
TEST(Npy, VersionsAndPython2) {
  for (const int version : {1, 2, 3})
    expect_equal(parsed(npy("|u1", "False", "(2, )", "ab", version)),
                 io::host_array<std::uint8_t>({'a', 'b'}, {2}));
  expect_equal(parsed(npy("|u1", "False", "(2L, 1L)", "ab")),
               io::host_array<std::uint8_t>({'a', 'b'}, {2, 1}));
}

TEST(Idx, RoundTrip) {
  TemporaryFolder folder;
  for (const char* suffix : {"", ".gz"}) {
    for (const char* name : {"f32", "f64", "u8", "empty"}) {
      const io::HostArray a = samples().at(name);
      io::write_idx(folder / concat(name, suffix), a);
      expect_equal(io::read_idx(folder / concat(name, suffix)), a);
    }
    const io::HostArray integers =
        io::host_array<std::int64_t>({INT32_MIN, -1, 7, INT32_MAX}, {2, 2});
    io::write_idx(folder / concat("i", suffix), integers);
    expect_equal(io::read_idx(folder / concat("i", suffix)), integers);
  }
  expect_error(ErrorKind::usage, {"an int32"},
               [&] { io::write_idx(folder / "i64", samples().at("i64")); });
  EXPECT_FALSE(std::filesystem::exists(folder / "i64"));
}
TEST(Idx, OtherWriters) {
  TemporaryFolder folder;
  using namespace std::string_literals;
  put(folder / "a", "\0\0\x09\1\0\0\0\2\x80\x7f"s);
  expect_equal(io::read_idx(folder / "a"), io::host_array<std::int64_t>({-128, 127}, {2}));
  put(folder / "b", "\0\0\x0b\1\0\0\0\1\xff\xfe"s);
  expect_equal(io::read_idx(folder / "b"), io::host_array<std::int64_t>({-2}, {1}));
}
TEST(Idx, SeveralGzipMembers) {
  TemporaryFolder folder;
  io::write_idx(folder / "a.gz", io::host_array<std::uint8_t>({1, 2, 3}, {3}));
  io::write_idx(folder / "b.gz", io::host_array<std::uint8_t>({9}, {1}));
  put(folder / "c.gz", contents(folder / "a.gz") + contents(folder / "b.gz"));
  // The second member's bytes follow the first's values: more than the header says.
  expect_error(ErrorKind::data, {"more values"}, [&] { io::read_idx(folder / "c.gz"); });
}

TEST(SafeTensors, RoundTripBitEqual) {
  TemporaryFolder folder;
  const io::Metadata metadata{
      {"config", "{\"latent\": 20, \"quote\": \"\\\"\"}"}, {"empty", ""}, {"text", "\xd1\x8f\n"}};
  io::write_safetensors(folder / "a", samples(), metadata);
  const io::SafeTensors back = io::read_safetensors(folder / "a");
  EXPECT_EQ(back.metadata, metadata);
  ASSERT_EQ(back.tensors.size(), samples().size());
  for (const auto& [name, a] : samples()) expect_equal(back.tensors.at(name), a);
  io::write_safetensors(folder / "b", back.tensors, back.metadata);
  EXPECT_EQ(contents(folder / "a"), contents(folder / "b"));
}
TEST(SafeTensors, Layout) {
  TemporaryFolder folder;
  io::write_safetensors(folder / "a", samples());
  const std::string bytes = contents(folder / "a");
  std::uint64_t length = 0;
  for (int i = 7; i >= 0; i--) length = length << 8 | std::uint8_t(bytes[std::size_t(i)]);
  EXPECT_EQ((8 + length) % 8, 0u);
  EXPECT_EQ(bytes[8], '{');
  // Eight-byte elements first, then four, then one: every tensor aligned to its element.
  const std::string header = bytes.substr(8, length);
  std::size_t last = 0;
  for (const char* name : {"\"f64\"", "\"i64\"", "\"scalar\"", "\"empty\"", "\"f32\"", "\"u8\""}) {
    const std::size_t at = header.find(name);
    ASSERT_NE(at, header.npos) << name;
    EXPECT_GT(at, last) << name;
    last = at;
  }
}
TEST(SafeTensors, Tensors) {
  TemporaryFolder folder;
  const Tensor x = Tensor::from(counting<float>(6), {2, 3}),
               y = Tensor::from(counting<std::int64_t>(2), {2});
  io::write_safetensors(folder / "a", io::NamedTensors{{"b.weight", x}, {"a.step", y}});
  io::write_safetensors(folder / "b",
                        io::NamedArrays{{"b.weight", io::to_host(x)}, {"a.step", io::to_host(y)}});
  EXPECT_EQ(contents(folder / "a"), contents(folder / "b"));
  const Tensor back = io::to_tensor(io::read_safetensors(folder / "a").tensors.at("b.weight"));
  EXPECT_EQ(back.to_vector<float>(), x.to_vector<float>());
  EXPECT_EQ(back.shape(), x.shape());
}
TEST(SafeTensors, OtherTypes) {
  TemporaryFolder folder;
  const std::string header =
      R"({"h":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]},"i":{"dtype":"I32","shape":[],"data_offsets":[2,6]}})";
  put(folder / "a", std::string{char(header.size()), 0, 0, 0, 0, 0, 0, 0} + header + "\x80\xbf" +
                        "\xfe\xff\xff\xff");
  const io::SafeTensors s = io::read_safetensors(folder / "a");
  expect_equal(s.tensors.at("h"), io::host_array<float>({-1}, {1}));
  expect_equal(s.tensors.at("i"), io::host_array<std::int64_t>({-2}, {}));
}
TEST(SafeTensors, NamesAreChecked) {
  TemporaryFolder folder;
  const Tensor x = Tensor::zeros({1});
  for (const char* name : {"w", "__metadata__"})
    expect_error(ErrorKind::usage, {name}, [&, n = std::string(name)] {
      io::write_safetensors(folder / "a", io::NamedTensors{{"w", x}, {n, x}});
    });
  expect_error(ErrorKind::usage, {"UTF-8"}, [&] {
    io::write_safetensors(folder / "a", io::NamedTensors{{"\xff", x}});
  });
  EXPECT_EQ(folder.entries(), 0u);
}

}  // namespace
}  // namespace imago::test
