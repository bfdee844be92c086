// Reading of PyTorch's state dicts: strides, types, and everything that must be refused by name.
// Files that are cut or altered anywhere are damage.cpp's; PyTorch's own files
// tests/golden/pth.cpp.
#include "engine/io/pth.h"

#include "tests/io/pth.h"

namespace imago::test {
namespace {

struct Pth : ::testing::Test {
  TemporaryFolder folder;
  const std::string path = folder / "state.pth";
  io::NamedArrays read(const std::string& bytes) {
    put(path, bytes);
    return io::read_pth(path);
  }
  void refuse(const std::string& bytes, std::vector<std::string> parts) {
    put(path, bytes);
    parts.push_back(path);
    expect_error(ErrorKind::data, parts, [&] { io::read_pth(path); });
  }
  // In both forms.
  void refuse_dict(const std::string& body, const std::vector<std::string>& parts) {
    refuse(legacy_pth({}, pickle(body)), parts);
    refuse(zip_pth({}, pickle(body)), parts);
  }
  void refuse_tensor(const Saved& t, const std::vector<std::string>& parts) {
    refuse(legacy_pth({t}), parts);
    refuse(zip_pth({t}), parts);
  }
};

TEST_F(Pth, StridesSayWhereAnElementLies) {
  // [2, 3] stored column by column behind one float that is not its own.
  Saved t = saved("t", {9, 1, 4, 2, 5, 3, 6}, {2, 3});
  t.strides = {1, 2};
  t.offset = 1;
  const Saved plain = saved("plain", {7, 8}, {2});
  for (const std::string& bytes : {legacy_pth({t, plain}), zip_pth({t, plain})}) {
    const io::NamedArrays a = read(bytes);
    ASSERT_EQ(a.size(), 2u);
    expect_equal(a.at("t"), io::host_array<float>({1, 2, 3, 4, 5, 6}, {2, 3}));
    expect_equal(a.at("plain"), io::host_array<float>({7, 8}, {2}));
  }
}
TEST_F(Pth, OfAMachineOfTheOtherByteOrder) {
  Saved t = saved("t", {0}, {1});
  t.storage = std::string("\x3f\x80\0\0", 4);
  expect_equal(read(zip_pth({t}, {}, "big")).at("t"), io::host_array<float>({1}, {1}));
  refuse(zip_pth({t}, {}, "middle"), {"byte order", "'middle'"});
  std::string legacy = legacy_pth({t});
  const std::size_t order = legacy.find("little_endian") + 13;
  ASSERT_EQ(legacy[order], '\x88');
  legacy[order] = '\x89';
  expect_equal(read(legacy).at("t"), io::host_array<float>({1}, {1}));
}
TEST_F(Pth, EntriesMayBeCompressed) {
  const Saved t = saved("t", std::vector<float>(4000), {40, 100});
  const std::string bytes = zip_pth({t}, {}, "little", true);
  EXPECT_LT(bytes.size(), 2000u);
  expect_equal(read(bytes).at("t"), io::zeros(DType::f32, {40, 100}));
}

TEST_F(Pth, NothingIsExecuted) {
  // What a hostile pickle looks like: os.system("touch FILE").
  const std::string mark = folder / "mark",
                    body = "cos\nsystem\n(" + pickled("touch " + mark) + "tR";
  refuse_dict(body, {"no state dict needs", "os.system", "model.state_dict()"});
  refuse_dict("cbuiltins\neval\n(" + pickled("1") + "tR", {"builtins.eval"});
  refuse_dict("c__torch__.module\nNet\n)\x81", {"__torch__.module.Net"});
  EXPECT_FALSE(std::filesystem::exists(mark));
}
TEST_F(Pth, OpcodesOutsideStateDictsAreRefused) {
  refuse_dict("}\x81", {"opcode", "received 129"});
  refuse_dict("i__builtin__\neval\n", {"opcode", "received 105"});
  refuse(zip_pth({}, "\x80\x04}."), {"another protocol", "expected 2", "received 4"});
}
TEST_F(Pth, OtherThanADictOfTensors) {
  refuse_dict("]", {"no state dict", "a dict of names to tensors"});
  refuse_dict("}" + pickled("epoch") + "K\x05s", {"'epoch' is no tensor"});
  refuse_dict("}" + pickled("net") + "}s", {"'net' is no tensor"});
  refuse_dict("}K\x05K\x05s", {"no text"});
  refuse_dict("}" + pickled("x") + "ctorch\nFloatStorage\ns", {"'x' is no tensor"});
  const Saved t = saved("t", {1}, {1});
  refuse(legacy_pth({t, t}), {"'t' is there twice"});
  refuse(zip_pth({t, t}), {"'t' is there twice"});
}
TEST_F(Pth, DamagedPickles) {
  refuse_dict("R", {"damaged pickle", "a value on the stack"});
  refuse_dict("}K\x01(s", {"damaged pickle", "a value on the stack"});  // not from below the mark
  refuse_dict("}t", {"damaged pickle", "a mark"});
  refuse_dict("}(K\x01u", {"damaged pickle", "a value for every key"});
  refuse_dict("K\x01}s", {"damaged pickle", "a value on the stack"});
  refuse_dict("K\x01K\x02K\x03s", {"damaged pickle", "a dict"});
  refuse_dict("h\x07", {"damaged pickle", "number 7"});
  refuse_dict("}}", {"damaged pickle", "one value at the end"});
  refuse_dict("K\x01K\x02R", {"damaged pickle", "a name and a tuple"});
  refuse_dict("\x8a\x09" + std::string(9, 'x'), {"a number is too large"});
  refuse_dict("X\xff\xff\xff\xff", {"truncated", "4294967295 bytes of a text"});
}
TEST_F(Pth, CyclesAndDepthDoNoHarm) {
  refuse_dict(
      "]q\x01h\x01"
      "a",
      {"no state dict"});  // a list that holds itself
  refuse_dict("}q\x01" + pickled("x") + "h\x01s", {"'x' is no tensor"});
  refuse_dict(")" + std::string(1000000, '\x85'), {"no state dict"});
}
TEST_F(Pth, TensorsThatCannotBe) {
  Saved t = saved("t", {1, 2, 3, 4}, {2, 2});
  const auto with = [&](auto change) {
    Saved u = t;
    change(u);
    return u;
  };
  refuse_tensor(with([](Saved& u) { u.offset = 1; }), {":t", "beyond its storage", "4 elements"});
  refuse_tensor(with([](Saved& u) { u.strides = {3, 1}; }), {"beyond its storage", "[3, 1]"});
  refuse_tensor(with([](Saved& u) { u.strides = {INT64_MAX, INT64_MAX}; }), {"beyond its storage"});
  refuse_tensor(with([](Saved& u) { u.sizes = {INT64_MAX, INT64_MAX}; }), {":t", "overflow"});
  refuse_tensor(with([](Saved& u) { u.sizes = {-2, 2}; }), {"'t'", "negative", "-2"});
  refuse_tensor(with([](Saved& u) { u.strides = {1}; }),
                {"'t'", "strides", "expected 2", "received 1"});
  refuse_tensor(with([](Saved& u) { u.type = "QInt8Storage"; }), {"torch.QInt8Storage"});
  refuse(zip_pth({with([](Saved& u) { u.elements = 5; })}), {"5 elements in data/0", "16 bytes"});
  refuse(legacy_pth({with([](Saved& u) { u.elements = 5; })}), {"truncated", "20 bytes"});
  refuse_tensor(with([](Saved& u) { u.elements = INT64_MAX; }), {"overflow"});
  refuse_tensor(with([](Saved& u) { u.type = "BoolStorage", u.elements = 16; }),
                {":t", "no truth value"});
  // Four floats that would become gigabytes.
  refuse_tensor(with([](Saved& u) {
                  u.sizes = {1 << 20, 1 << 10}, u.strides = {0, 0};
                }),
                {":t", "overlap too much", "4294967296"});
  refuse_tensor(with([](Saved& u) {
                  u.sizes = {0, 2}, u.elements = 0, u.storage.clear(), u.offset = -1;
                }),
                {"negative"});
}
// Small files that would take gigabytes before they are refused, or instead.
TEST_F(Pth, SmallFilesDoNotBecomeHuge) {
  Saved few = saved("a", {1}, {1}), absent = saved("b", {2}, {1});
  few.sizes = {1 << 10}, few.strides = {0};
  absent.elements = std::int64_t(1) << 50;  // so large that all might overlap, if it were there
  std::string bytes = legacy_pth({few}, pickled({few, absent}, true));
  refuse(bytes, {":a", "overlap too much", concat("at most ", 8 * bytes.size(), " bytes"), "4096"});

  bytes = zip_pth({}, "\x80\x02" + std::string(100000, ')') + ".", "little", true);
  ASSERT_LT(bytes.size(), 1000u);
  refuse(bytes, {"data.pkl is too large", concat("at most ", bytes.size(), " bytes"), "100003"});

  // Packed zeros, four times over.
  Saved zeros = saved("t", std::vector<float>(100000), {4, 100000});
  zeros.strides = {0, 1};
  refuse(zip_pth({zeros}, {}, "little", true), {":t", "overlap too much", "at most 400000 bytes"});
}
TEST_F(Pth, ArchivesThatAreNone) {
  const auto archive = [](const std::vector<std::pair<std::string, std::string>>& entries) {
    io::ZipWriter zip("pth");
    for (const auto& [name, bytes] : entries) zip.add(name, std::as_bytes(std::span(bytes)), false);
    const io::Bytes out = zip.finish();
    return std::string(reinterpret_cast<const char*>(out.data()), out.size());
  };
  const Saved t = saved("t", {1}, {1});
  refuse(archive({{"x.npy", "1"}}), {"none of PyTorch's", "data.pkl"});
  refuse(archive({{"a/data.pkl", "1"}, {"b/data.pkl", "1"}}), {"two pickles", "b/data.pkl"});
  refuse(archive({{"a/data.pkl", pickled({t}, false)}}), {"an entry a/data/0", "none"});
  refuse(archive({{"a/data.pkl", pickled({t}, false) + "x"}, {"a/data/0", t.storage}}),
         {"1 bytes more"});
  refuse(archive({{"a/x", ""}, {"a/x", ""}}), {"a/x twice"});
  refuse("not a file of PyTorch", {"not a file of PyTorch", "torch.save"});
}
TEST_F(Pth, StoragesOfTheOlderForm) {
  const Saved t = saved("t", {1}, {1}), u = saved("u", {2}, {1});
  const std::string good = legacy_pth({t, u}), keys = pickled("0") + pickled("1");
  const std::size_t at = good.rfind(keys);
  const auto with = [&](const std::string& others) {
    std::string s = good;
    return s.replace(at, keys.size(), others);
  };
  EXPECT_EQ(read(with(pickled("1") + pickled("0"))).at("t").values<float>()[0], 2);
  refuse(with(pickled("0") + pickled("0")), {"each storage of the tensors once", "'0'"});
  refuse(with(pickled("0") + pickled("2")), {"each storage of the tensors once", "'2'"});
  std::string s = good;
  s[good.size() - 12] = 2;  // the size of the last
  refuse(s, {"1 elements of storage 1", "received 2"});
  // A part of another storage, as PyTorch 0.3 had them.
  s = good;
  s.replace(s.find("NtQ"), 1, ")");
  refuse(s, {"'t' is no tensor as PyTorch writes it"});
}

}  // namespace
}  // namespace imago::test
