// Files that are broken, lie or are no files, and options that are wrong: each is answered by one
// line and the right status, and leaves nothing behind.
#include <sys/stat.h>

#include <cmath>
#include <limits>
#include <set>

#include "tests/tools/cli.h"
#include "tests/tools/file_bytes.h"

namespace imago::test {
namespace {

// A file the program reads, whole, and how it comes to read it.
struct Loader {
  std::string name, path;  // where the file lies
  std::string whole;
  Arguments command;
  std::string begins{};     // bytes by which the format is known; empty: none
  int broken = 3;           // the status where its contents are at fault
  bool cut_is_seen = true;  // a truncated file can be told from a whole one
};
struct Damage {
  std::string name, bytes;
  Arguments words = {};
};

const Arguments train = {"train", "vae", "--steps", "1", "--set", "hidden=4", "--out", "out"};

class BadInput : public Cli {
 protected:
  void put(const std::string& path, const std::string& bytes) const {
    fs::create_directories((folder_ / path).parent_path());
    fs::remove_all(folder_ / path);
    std::ofstream(folder_ / path, std::ios::binary)
        .write(bytes.data(), std::streamsize(bytes.size()));
  }
  std::set<std::string> names() const {
    std::set<std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(folder_))
      all.insert(fs::relative(entry.path(), folder_));
    all.insert({"out.txt", "error.txt"});
    return all;
  }
  void refused(const Loader& l, int status, Arguments words, const std::string& damage,
               const std::function<void()>& before = {}) {
    const auto there = names();
    const Result r = wait(start(l.command, before));
    if (r.status == keeps_privileges) return skipped();
    words.push_back(fs::path(l.path).filename());
    expect_sentence(r, status, words, l.name + " " + damage + ":");
    EXPECT_EQ(r.out, "") << l.name << " " << damage;
    EXPECT_EQ(names(), there) << l.name << " " << damage << " left something behind";
    cases_++;
  }
  void skipped() { skipped_ = true; }

  // The damages any format knows, and those that are `more`.
  void battery(const Loader& l, const std::vector<Damage>& more) {
    put(l.path, l.whole);
    const Result good = imago(l.command);
    ASSERT_EQ(good.status, 0) << l.name << ": " << good.error;
    fs::remove_all(folder_ / "out");

    std::vector<Damage> all = {{"empty", ""}};
    if (l.cut_is_seen)
      for (const std::size_t kept : {std::size_t(1), l.whole.size() / 4, l.whole.size() / 2,
                                     l.whole.size() * 3 / 4, l.whole.size() - 1})
        all.push_back({"cut at " + std::to_string(kept), l.whole.substr(0, kept)});
    if (!l.begins.empty()) {
      ASSERT_EQ(l.whole.substr(0, l.begins.size()), l.begins) << l.name;
      std::string other = l.whole;
      for (std::size_t i = 0; i < l.begins.size(); i++) other[i] = char(other[i] ^ 0x5a);
      all.push_back({"wrong magic", other});
    }
    all.push_back({"zeros", std::string(l.whole.size(), '\0')});
    all.push_back({"noise", noise(l.whole.size())});
    all.insert(all.end(), more.begin(), more.end());
    for (const Damage& d : all) {
      put(l.path, d.bytes);
      refused(l, l.broken, d.words, d.name);
    }

    const fs::path file = folder_ / l.path;
    fs::remove(file);
    fs::create_directory(file);
    refused(l, 3, {}, "a directory");
    fs::remove(file);
    ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
    refused(l, 3, {"regular file"}, "a pipe");
    fs::remove(file);
    fs::create_symlink("/dev/zero", file);
    refused(l, 3, {"regular file"}, "endless");
    fs::remove(file);
    put(l.path, l.whole);
    fs::resize_file(file, std::uintmax_t(1) << 43);  // a hole: it takes no room
    refused(l, 4, {"memory", "8796093022208"}, "of 8 TiB");
    put(l.path, l.whole);
    fs::permissions(file, fs::perms(0));
    refused(l, 3, {"Permission denied"}, "unreadable", obey_permissions);
    fs::remove(file);
    std::cout << l.name << ": " << cases_ << " cases" << std::endl;
    if (skipped_) GTEST_SKIP() << "root cannot lay down its privileges here; the rest was tested";
  }
  int cases_ = 0;
  bool skipped_ = false;
};

// IDX, plain and compressed: the four files of a named set.
void idx_set(const std::function<void(const std::string&, const std::string&)>& put,
             const std::string& suffix) {
  for (const char* part : {"train", "t10k"}) {
    const std::string images = idx(8, {4, 2, 2}, std::string(16, 'x')),
                      labels = idx(8, {4}, std::string(4, '\1'));
    const std::string at = std::string("sets/mnist/") + part;
    put(at + "-images-idx3-ubyte" + suffix, suffix.empty() ? images : gzip(images));
    put(at + "-labels-idx1-ubyte" + suffix, suffix.empty() ? labels : gzip(labels));
  }
}
std::vector<Damage> idx_damages(const std::function<std::string(std::string)>& packed) {
  const std::string big = "\xff\xff\xff\xff";
  return {
      {"sizes that overflow", packed(idx(8, {~0u, ~0u, ~0u}, "x")), {"overflow"}},
      {"sizes beyond the file", packed(idx(8, {1000000, 28, 28}, "x"))},
      {"more bytes than it says", packed(idx(8, {3, 2, 2}, std::string(16, 'x')))},
      {"unknown type", packed(idx(7, {4, 2, 2}, std::string(16, 'x'))), {"type"}},
      {"float", packed(idx(13, {4, 2, 2}, std::string(64, '\0'))), {"uint8", "float32"}},
      {"int32", packed(idx(12, {4, 2, 2}, std::string(64, '\0'))), {"uint8", "int64"}},
      {"no dimension", packed(idx(8, {}, "x")), {"dimensions"}},
      {"one dimension", packed(idx(8, {16}, std::string(16, 'x'))), {"[16]"}},
      {"five dimensions",
       packed(idx(8, {4, 1, 2, 2, 1}, std::string(16, 'x'))),
       {"[4, 1, 2, 2, 1]"}},
      {"no images", packed(idx(8, {0, 2, 2}, "")), {"[0, 2, 2]"}},
  };
}
TEST_F(BadInput, Idx) {
  const auto write = [&](const std::string& p, const std::string& b) { put(p, b); };
  const Arguments command = train + Arguments{"--data", "mnist", "--data-dir", "sets"};
  idx_set(write, "");
  Loader l{"idx", "sets/mnist/train-images-idx3-ubyte", idx(8, {4, 2, 2}, std::string(16, 'x')),
           command, std::string("\0\0\x8", 3)};
  battery(l, idx_damages([](std::string s) { return s; }));
  put(l.path, l.whole);
  l.path = "sets/mnist/t10k-labels-idx1-ubyte";
  for (const Damage& d : std::vector<Damage>{
           {"labels of another count", idx(8, {5}, std::string(5, '\1')), {"[4]", "[5]"}},
           {"labels as images", idx(8, {4, 1, 1}, std::string(4, '\1')), {"[4, 1, 1]"}},
           {"labels of floats", idx(13, {4}, std::string(16, '\0')), {"float32"}}}) {
    put(l.path, d.bytes);
    refused(l, 3, d.words, d.name);
  }
}
TEST_F(BadInput, IdxCompressed) {
  idx_set([&](const std::string& p, const std::string& b) { put(p, b); }, ".gz");
  std::vector<Damage> more = idx_damages(gzip);
  std::string wrong_sum = gzip(idx(8, {4, 2, 2}, std::string(16, 'x')));
  wrong_sum[wrong_sum.size() - 6] ^= 1;
  more.push_back({"wrong checksum", wrong_sum});
  battery({"idx gz", "sets/mnist/train-images-idx3-ubyte.gz",
           gzip(idx(8, {4, 2, 2}, std::string(16, 'x'))),
           train + Arguments{"--data", "mnist", "--data-dir", "sets"}, "\x1f\x8b"},
          more);
}

// What an array may not be as a data set.
std::vector<Damage> array_damages() {
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              inf = std::numeric_limits<float>::infinity();
  const std::string x(64, '\0');
  return {
      {"sizes that overflow",
       npy("<f4", "(1152921504606846976, 1152921504606846976)", x),
       {"overflow"}},
      {"a size beyond 64 bits", npy("<f4", "(99999999999999999999999999,)", x), {"2^60"}},
      {"sizes beyond the file", npy("<f4", "(1000000000, 4, 4)", x), {"truncated"}},
      {"a negative size", npy("<f4", "(-4, 4)", x), {"a size"}},
      {"objects", npy("|O", "(8,)", x), {"'|O'"}},
      {"text", npy("<U4", "(4,)", x), {"'<U4'"}},
      {"bytes", npy("|S16", "(4,)", x), {"'|S16'"}},
      {"complex", npy("<c8", "(2, 2, 2)", x), {"'<c8'"}},
      {"times", npy("<M8[us]", "(8,)", x), {"M8"}},
      {"long double", npy("<f16", "(2, 2)", x), {"'<f16'"}},
      {"integers", npy("<i8", "(2, 2, 2)", x), {"uint8 or floating", "int64"}},
      {"truth values that are none", npy("|b1", "(4, 4, 4)", std::string(64, '\2')), {"0 or 1"}},
      {"no dimension", npy("<f4", "()", std::string(4, '\0')), {"shape"}},
      {"one dimension", npy("<f4", "(16,)", x), {"[16]"}},
      {"five dimensions", npy("<f4", "(4, 1, 2, 2, 1)", x), {"[4, 1, 2, 2, 1]"}},
      {"two channels", npy("<f4", "(2, 2, 2, 2)", x), {"[2, 2, 2, 2]"}},
      {"no rows", npy("<f4", "(0, 4, 4)", ""), {"[0, 4, 4]"}},
      {"no columns", npy("<f4", "(4, 0)", ""), {"[4, 0]"}},
      {"one row", npy("<f4", "(1, 4, 4)", x), {"hold out"}},
      {"not a number",
       npy("<f4", "(2, 2, 2)", floats({0, 0, 0, 0, 0, nan, 0, 0})),
       {"row 1", "nan"}},
      {"infinite", npy("<f8", "(2, 2)", doubles({0, 0, double(inf), 0})), {"row 1", "inf"}},
      {"a point beyond float", npy("<f8", "(2, 2)", doubles({0, 0, 0, 1e300})), {"row 1"}},
      {"beyond one",
       npy("<f4", "(2, 2, 2)", floats({0, 0, 0, 0, 0, 1.5f, 0, 0})),
       {"row 1", "1.5"}},
      {"below zero",
       npy("<f2", "(2, 2, 2)", std::string("\0\0\0\xb8", 4) + std::string(12, '\0')),
       {"row 0", "-0.5"}},
  };
}
std::string good_array(int version) {
  return npy("<f4", "(20, 2, 2)", floats(std::vector<float>(80, 0.5f)), version);
}
TEST_F(BadInput, Npy) {
  const Arguments command = train + Arguments{"--data", "x.npy"};
  for (const int version : {1, 2, 3}) {
    std::vector<Damage> more;
    if (version == 1) {
      more = array_damages();
    } else {
      std::string longer = good_array(version);
      longer.replace(8, 4, "\xff\xff\xff\xff");
      more.push_back({"a header beyond the file", longer, {"header"}});
    }
    std::string unknown = good_array(version);
    unknown[6] = 9;
    more.push_back({"unknown version", unknown, {"version", "9.0"}});
    battery({"npy " + std::to_string(version), "x.npy", good_array(version), command, "\x93NUMPY"},
            more);
  }
  Loader l{"npy", "x.npy", good_array(1), command + with({"likelihood=bernoulli"})};
  put(l.path, npy("<f4", "(20, 2)", floats(std::vector<float>(40, 1.5f))));
  const Result r = imago(l.command);
  expect_sentence(r, 2, {"likelihood", "[0, 1]"}, "points beyond [0, 1] as bernoulli");
}
TEST_F(BadInput, Npz) {
  const Arguments command = train + Arguments{"--data", "x.npz"};
  for (const bool deflated : {false, true}) {
    const auto packed = [&](const std::vector<std::pair<std::string, std::string>>& entries) {
      return zip(entries, deflated);
    };
    const std::string whole = packed({{"train.npy", good_array(1)}, {"test.npy", good_array(1)}});
    const std::string labels = npy("<i8", "(20,)", std::string(160, '\0'));
    const std::size_t central = whole.find("PK\1\2"), end = whole.rfind("PK\5\6");
    const auto altered = [&](std::size_t at, const std::string& bytes) {
      std::string s = whole;
      return s.replace(at, bytes.size(), bytes);
    };
    std::vector<Damage> more = {
        {"a size of 2 GiB", altered(central + 20, std::string("\xff\xff\xff\x7f\xff\xff\xff\x7f"))},
        {"zip64", altered(central + 24, "\xff\xff\xff\xff"), {"zip64"}},
        {"an offset beyond the file", altered(central + 42, "\xff\xff\xff\x7f")},
        {"unknown compression", altered(central + 10, "\x0e"), {"compression"}},
        {"encrypted", altered(central + 8, "\1"), {"encrypted"}},
        {"wrong checksum", altered(central + 16, "\1\2\3\4"), {"checksum"}},
        {"a directory beyond the file", altered(end + 16, "\xff\xff\xff\x7f")},
        {"no training data", packed({{"images.npy", good_array(1)}}), {"images", "train"}},
        {"no arrays", packed({}), {"train"}},
        {"something else", packed({{"train.txt", "text"}}), {"train.txt"}},
        {"an array twice",
         packed({{"train.npy", good_array(1)}, {"train.npy", good_array(1)}}),
         {"twice"}},
        {"labels of another count",
         packed({{"x.npy", good_array(1)}, {"y.npy", npy("<i8", "(3,)", std::string(24, '\0'))}}),
         {"labels", "[3]"}},
        {"labels of floats",
         packed({{"x.npy", good_array(1)}, {"y.npy", npy("<f4", "(20,)", std::string(80, '\0'))}}),
         {"labels", "float32"}},
        {"negative labels",
         packed(
             {{"x.npy", good_array(1)}, {"y.npy", npy("<i8", "(20,)", std::string(160, '\xff'))}}),
         {"label", "-1"}},
        {"splits that differ",
         packed({{"train.npy", good_array(1)},
                 {"test.npy", npy("<f4", "(20, 2, 3)", floats(std::vector<float>(120, 0)))}}),
         {"differ", "[20, 2, 3"}},
        {"splits of two types",
         packed({{"train.npy", good_array(1)},
                 {"valid.npy", npy("|u1", "(20, 2, 2)", std::string(80, '\0'))}}),
         {"differ", "uint8"}},
    };
    for (const Damage& d : array_damages())
      more.push_back({d.name, packed({{"train.npy", d.bytes}}), d.words});
    battery({deflated ? "npz deflated" : "npz stored", "x.npz", whole, command, "PK"}, more);
  }
}

TEST_F(BadInput, Checkpoint) {
  ASSERT_EQ(trained("run", 2).status, 0);
  const std::string whole = read(folder_ / "run/checkpoints/last.safetensors");
  const std::size_t header =
      std::size_t(std::uint8_t(whole[0])) | std::size_t(std::uint8_t(whole[1])) << 8;
  const auto with_header = [&](const std::function<void(json&)>& change) {
    json j = json::parse(whole.substr(8, header));
    change(j);
    std::string text = j.dump();
    text.resize(std::max(text.size(), header), ' ');
    return little(text.size(), 8) + text + whole.substr(8 + header);
  };
  const auto meta = [&](const char* key, const char* value) {
    return with_header([=](json& j) { j["__metadata__"][key] = value; });
  };
  const std::string weight = "decoder.0.weight";
  std::vector<Damage> more = {
      {"a header of 2^63", little(std::uint64_t(1) << 63, 8) + whole.substr(8)},
      {"a header beyond the file", little(whole.size(), 8) + whole.substr(8)},
      {"a header of nothing", little(0, 8) + whole.substr(8)},
      {"an unknown type",
       with_header([&](json& j) { j[weight]["dtype"] = "C64"; }),
       {"C64", weight}},
      {"sizes that overflow",
       with_header([&](json& j) {
         j[weight]["shape"] = {1ull << 62, 1ull << 62};
       }),
       {"overflow"}},
      {"a negative size",
       with_header([&](json& j) {
         j[weight]["shape"] = {-1, 4};
       }),
       {weight}},
      {"overlapping tensors", with_header([&](json& j) { j[weight]["data_offsets"][0] = 0; })},
      {"offsets of 2^64", with_header([&](json& j) { j[weight]["data_offsets"][1] = ~0ull; })},
      {"no weights", with_header([&](json& j) { j.erase(weight); })},
      {"another shape",
       with_header(
           [&](json& j) { std::reverse(j[weight]["shape"].begin(), j[weight]["shape"].end()); }),
       {weight}},
      {"no metadata", with_header([&](json& j) { j.erase("__metadata__"); }), {"imago.format"}},
      {"another format", meta("imago.format", "77"), {"77"}},
      {"a configuration that is none", meta("imago.config", "[]")},
      {"a configuration of unknown keys", meta("imago.config", "{\"no such\": 1}"), {"no such"}},
      {"a configuration out of range", meta("imago.config", "{\"latent\": -5}"), {"latent"}},
      {"another latent size", meta("imago.config", "{\"latent\": 5}")},
  };
  const std::vector<Damage> of_data = {
      {"data without a shape", meta("imago.data", "{}"), {"sample_shape"}},
      {"data of a huge shape", meta("imago.data", "{\"sample_shape\": [4611686018427387904, 16]}")},
      {"data of a negative shape", meta("imago.data", "{\"sample_shape\": [-2, 2]}")},
  };
  Loader l{"checkpoint",
           "run/checkpoints/last.safetensors",
           whole,
           {"sample", "run", "-n", "1", "--out", "out.npy"}};
  battery(l, {});
  for (const auto& list : {more, of_data})
    for (const Damage& d : list) {
      put(l.path, d.bytes);
      refused(l, 3, d.words, d.name);
    }
  // To resume from, more of it counts.
  l.command = {"train", "vae", "--out", "run", "--resume", "--steps", "9"};
  for (const char* name : {"imago.counters", "imago.generator", "imago.sums",
                           "imago.optimizer.main.decoder.0.weight.exp_avg"})
    more.push_back({std::string("without ") + name, with_header([&](json& j) {
                      j["another"] = j[name];
                      j.erase(name);
                    })});
  more.push_back({"terms that are none", meta("imago.terms", "7")});
  more.push_back({"other terms", meta("imago.terms", "[\"loss\"]")});
  for (const Damage& d : more) {
    put(l.path, d.bytes);
    refused(l, 3, d.words, "resumed, " + d.name);
  }
  put(l.path, whole);
  EXPECT_EQ(imago(l.command).status, 0);
}

TEST_F(BadInput, PictureFolder) {
  ASSERT_EQ(trained("run", 2).status, 0);
  ASSERT_EQ(imago({"sample", "run", "-n", "12", "--out", "pictures/"}).status, 0);
  const std::string whole = read(folder_ / "pictures/sample-000003.png");
  Loader l{"png", "pictures/sample-000003.png", whole, train + Arguments{"--data", "pictures"},
           "\x89PNG"};
  std::string huge = whole;
  huge.replace(16, 8, "\x7f\xff\xff\xff\x7f\xff\xff\xff");
  battery(l, {{"sizes that overflow", huge},
              {"a size of zero", std::string(whole).replace(16, 4, 4, '\0')}});
  // Grids are larger.
  ASSERT_EQ(imago({"sample", "run", "-n", "4", "--out", l.path}).status, 0);
  refused(l, 3, {"different sizes"}, "of another size");
  fs::remove_all(folder_ / "pictures");
  fs::create_directory(folder_ / "pictures");
  expect_sentence(imago(l.command), 3, {"pictures", "no images"}, "an empty folder");
}

TEST_F(BadInput, Configuration) {
  const std::string whole =
      R"({"preset": "vae", "data": "four-patterns", "hidden": [4], "steps": 1})";
  const std::string deep(200000, '[');
  Loader l{"configuration", "x.json", whole, {"train", "x.json", "--out", "out"}, "{", 2};
  battery(l, {{"a list", "[1, 2]", {"object"}},
              {"a number", "7", {"object"}},
              {"nothing", "null", {"object"}},
              {"deep nesting", "{\"preset\": \"vae\", \"hidden\": " + deep},
              {"deep nesting, closed",
               "{\"preset\": \"vae\", \"hidden\": " + deep + std::string(200000, ']') + "}",
               {"nested too deeply"}},
              {"not UTF-8", "{\"preset\": \"vae\", \"data\": \"caf\xe9\"}"},
              {"two objects", whole + whole},
              {"no preset", "{\"data\": \"four-patterns\"}", {"preset"}},
              {"an unknown preset", "{\"preset\": \"vea\"}", {"vea"}},
              {"a preset that is no text", "{\"preset\": 7}", {"preset"}},
              {"an unknown key", "{\"preset\": \"vae\", \"latnet\": 3}", {"latnet", "'latent'"}},
              {"a key twice", "{\"preset\": \"vae\", \"latent\": 3, \"latent\": 4}", {"latent"}}});
}

// One row of `imago describe`.
struct Row {
  std::string preset, name, type;
  double low = -INFINITY, high = INFINITY;
};
// In four parts, so that they run side by side.
constexpr int parts = 4;
class BadOptions : public BadInput, public testing::WithParamInterface<int> {
 protected:
  // Of every preset; a row that reads the same in another preset counts once.
  std::vector<Row> rows() const {
    std::vector<Row> all;
    std::set<std::string> seen;
    const json list = json::parse(imago({"list", "--json"}).out);
    for (const json& preset : list["presets"]) {
      const std::string name = preset["name"];
      std::istringstream text(imago({"describe", name}).out);
      bool options = false;
      for (std::string line; std::getline(text, line);) {
        if (line.rfind("options (", 0) == 0) {
          options = true;
          continue;
        }
        if (!options || line.empty()) continue;
        Row r{name, {}, {}};
        std::istringstream words(line);
        std::string value;
        words >> r.name >> value;
        std::getline(words, r.type, ';');
        if (const std::size_t at = r.type.find(" in ["); at != r.type.npos) {
          EXPECT_EQ(std::sscanf(r.type.c_str() + at, " in [%lf, %lf]", &r.low, &r.high), 2) << line;
        }
        if (const std::size_t at = r.type.find(" of at least "); at != r.type.npos)
          r.low = std::atof(r.type.c_str() + at + 13);
        if (seen.insert(r.name + r.type).second) all.push_back(r);
      }
    }
    return all;
  }
  static bool has(const Row& r, const char* word) { return r.type.find(word) != r.type.npos; }
  static std::string text(double x) {
    char digits[40];
    std::snprintf(digits, sizeof digits, "%.17g", x);
    return digits;
  }

  // Texts no option of the row's type takes; the statuses of the free texts are told apart.
  static std::vector<std::string> wrong_texts(const Row& r) {
    const std::string longest(100000, '7'), word(3000, 'x');
    std::vector<std::string> all = {"abc",     "nan", "inf", "-inf", "1e400",
                                    "1e-400x", word,  "[1]", "{}",   "null"};
    if (has(r, "one of")) return all + std::vector<std::string>{"", "99999999999999999999"};
    if (has(r, "true or false"))
      return all + std::vector<std::string>{"", "2", "99999999999999999999"};
    all = all + std::vector<std::string>{"0x10", "1 ", " 1", "1;2", "true", longest + "x"};
    const bool list = has(r, "separated"), real = has(r, "a number");
    if (!real) all = all + std::vector<std::string>{"1.5", "1e3", "99999999999999999999", longest};
    if (!list) all = all + std::vector<std::string>{"", "1,2"};
    if (list) all = all + std::vector<std::string>{",1", "1,", "1,,2"};
    const auto digits = [&](double x) {
      return real ? text(x) : std::to_string(static_cast<long long>(x));
    };
    if (std::isfinite(r.low)) all.push_back(digits(r.low - 1));
    if (std::isfinite(r.high)) all.push_back(digits(r.high + 1));
    if (std::isfinite(r.low) && list) all.push_back("1," + digits(r.low - 1));
    return all;
  }
  static std::vector<std::string> wrong_json(const Row& r) {
    std::vector<std::string> all = {"null",       "{}",    "[[1]]",   "[\"abc\"]", "[null]",
                                    "{\"a\": 1}", "1e400", "[1e400]", "NaN"};
    if (has(r, "text") || has(r, "one of"))
      return all + std::vector<std::string>{"7", "true", "[]", "0.5"};
    if (has(r, "true or false")) return all + std::vector<std::string>{"7", "\"true\"", "[]"};
    all = all + std::vector<std::string>{"\"abc\"", "\"1\"", "true", "\"\""};
    const bool list = has(r, "separated"), real = has(r, "a number");
    if (!real)
      all = all +
            std::vector<std::string>{"1.5", "99999999999999999999", "18446744073709551615", "1e30"};
    if (!list) all = all + std::vector<std::string>{"[]", "[1]"};
    if (list)
      all = all + std::vector<std::string>{"[1.5]", "[18446744073709551615]", "[1, -99999999]"};
    if (std::isfinite(r.low)) all.push_back(text(r.low - 1));
    if (std::isfinite(r.high)) all.push_back(text(r.high + 1));
    return all;
  }
  // All of them, or under sanitizers every sixth, another for each row.
  template <class F>
  void each(std::vector<std::string> (*wrong)(const Row&), F f) {
    int cases = 0, row = 0;
    for (const Row& r : rows()) {
      if (row++ % parts != GetParam()) continue;
      const auto values = wrong(r);
      for (std::size_t i = std::size_t(row / parts % shorter); i < values.size(); i += shorter) {
        f(r, values[i]);
        cases++;
      }
    }
    EXPECT_TRUE(only_logs());
    EXPECT_GT(row, 30);
    std::cout << cases << " wrong values, of a part of " << row << " options"
              << (shorter > 1 ? ", some of each: the program is sanitized" : "") << std::endl;
  }
};

TEST_P(BadOptions, OnTheCommandLine) {
  each(wrong_texts, [&](const Row& r, const std::string& value) {
    const std::string shown = r.name + "=" + value.substr(0, 40);
    const Result result = imago({"train", r.preset, "--data", "four-patterns", "--steps", "1",
                                 "--out", "out", "--set", r.name + "=" + value});
    const bool free = has(r, "text") && !has(r, "one of");
    // Any folder may be named, nothing is read from it here; and empty is how not to resize or
    // judge.
    const bool may_be_empty = r.name == "resize" || r.name == "judge";
    // A list of numbers is what these are; what is wrong then is that the patterns are too small.
    const bool numbers = r.name == "widths" && !value.empty() &&
                         value.find_first_not_of("0123456789.,e") == value.npos &&
                         value.front() != ',' && value.back() != ',';
    if (free && (r.name == "data_dir" || numbers || (may_be_empty && value.empty()))) {
      fs::remove_all(folder_ / "out");
      return;
    }
    const bool path = free && (r.name == "data" || r.name == "judge") && !value.empty();
    expect_sentence(result, path ? 3 : 2, {path ? value.substr(0, 3) : r.name}, shown);
    if (!free) {
      EXPECT_LT(result.error.size(), 1000u) << shown << " is repeated whole";
    }
  });
}
TEST_P(BadOptions, InTheConfiguration) {
  each(wrong_json, [&](const Row& r, const std::string& value) {
    std::string text = "{\"preset\": \"" + r.preset + "\"";
    if (r.name != "data") text += ", \"data\": \"four-patterns\"";
    if (r.name != "steps") text += ", \"steps\": 1";
    put("x.json", text + ", \"" + r.name + "\": " + value + "}");
    const Result result = imago({"train", "x.json", "--out", "out"});
    const bool json_itself = value.find("e400") != value.npos || value == "NaN";
    expect_sentence(result, 2, {"x.json", json_itself ? "JSON" : "'" + r.name + "'"},
                    r.name + ": " + value);
    fs::remove(folder_ / "x.json");
  });
}

INSTANTIATE_TEST_SUITE_P(Parts, BadOptions, testing::Range(0, parts));

}  // namespace
}  // namespace imago::test
