// Event files: the checksum, the framing, the fields, files in order, and what a failure leaves.
#include "engine/io/tfevents.h"

#include <sys/resource.h>

#include <chrono>
#include <cmath>
#include <csignal>

#include "tests/io/event_reader.h"
#include "tests/io/files.h"

namespace imago::test {
namespace {

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& e : std::filesystem::directory_iterator(folder))
    names.push_back(e.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}
std::uint32_t crc(const std::string& text) { return io::crc32c_of(std::as_bytes(std::span(text))); }
// The 33 bytes of a PNG that say what it is, and some of the rest.
std::string png_of(unsigned char height, unsigned char width, char colour) {
  using namespace std::string_literals;
  std::string s = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\0\0\x08\0\0\0\0crc!some of the rest"s;
  s[19] = char(width);
  s[23] = char(height);
  s[25] = colour;
  return s;
}
std::span<const std::byte> as_bytes(const std::string& s) { return std::as_bytes(std::span(s)); }

TEST(Crc32c, KnownAnswers) {
  EXPECT_EQ(crc(""), 0u);
  EXPECT_EQ(crc("123456789"), 0xe3069283u);
  // RFC 3720, B.4.
  EXPECT_EQ(crc(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc(std::string(32, '\xff')), 0x62a8ab43u);
  std::string rising, falling;
  for (int i = 0; i < 32; i++) rising += char(i), falling += char(31 - i);
  EXPECT_EQ(crc(rising), 0x46dd794eu);
  EXPECT_EQ(crc(falling), 0x113fdb5cu);
  EXPECT_EQ(plain_crc32c("123456789"), 0xe3069283u) << "the reader's own";
}

TEST(EventReader, ReadsWhatTensorBoardWrites) {
  // RecordWriter of TensorBoard 2.21.
  const std::string hex =
      "3800000000000000a3797d5709000000000000f83f10ac022a2a0a100a09746573742f656c626f15008074c30a16"
      "0a0773616d706c6573220b0802100318012203706e6765f530fe";
  std::string file;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    file += char(std::stoi(hex.substr(i, 2), nullptr, 16));
  const auto events = events_of(file);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].wall_time, 1.5);
  EXPECT_EQ(events[0].step, 300);
  ASSERT_EQ(events[0].scalars.size(), 1u);
  EXPECT_EQ(events[0].scalars[0].first, "test/elbo");
  EXPECT_EQ(events[0].scalars[0].second, -244.5f);
  ASSERT_EQ(events[0].pictures.size(), 1u);
  EXPECT_EQ(events[0].pictures[0].png, "png");
  EXPECT_EQ(events[0].pictures[0].width, 3u);
}

TEST(EventFile, HoldsWhatWasWritten) {
  const TemporaryFolder folder;
  const auto seconds = [] {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  const double before = seconds();
  io::EventFile file(folder.path(), 0);
  const auto now = [&] { return events_of(contents(file.path())); };  // while it is open
  EXPECT_EQ(now().size(), 2u);
  file.scalars(7, {{"train/loss", 0.1}, {"train/rate", -3e300}});
  EXPECT_EQ(now().size(), 3u);
  const Index large = Index(1) << 40;
  file.scalars(large, {{"test/elbo", std::nan("")}});
  const std::string grey = png_of(5, 200, 0), colour = png_of(9, 3, 2);
  file.image(large, "samples", as_bytes(grey));
  file.image(large + 1, "samples", as_bytes(colour));
  const auto events = now();
  ASSERT_EQ(events.size(), 6u);
  EXPECT_EQ(events[0].file_version, "brain.Event:2") << "the first record says what the file is";
  EXPECT_FALSE(events[0].start);
  EXPECT_TRUE(events[1].start);
  EXPECT_EQ(events[1].step, 1) << "step 0 is not dropped";
  EXPECT_EQ(events[2].step, 7);
  ASSERT_EQ(events[2].scalars.size(), 2u);
  EXPECT_EQ(events[2].scalars[0], (std::pair<std::string, float>("train/loss", 0.1f)));
  EXPECT_EQ(events[2].scalars[1].second, -INFINITY);
  EXPECT_EQ(events[3].step, large);
  EXPECT_TRUE(std::isnan(events[3].scalars.at(0).second));
  for (const int i : {4, 5}) {
    const auto& pictures = events[std::size_t(i)].pictures;
    ASSERT_EQ(pictures.size(), 1u);
    EXPECT_EQ(pictures[0].tag, "samples");
    EXPECT_EQ(pictures[0].png, i == 4 ? grey : colour);
    EXPECT_EQ(pictures[0].height, i == 4 ? 5u : 9u);
    EXPECT_EQ(pictures[0].width, i == 4 ? 256u + 200 : 256u + 3);
    EXPECT_EQ(pictures[0].channels, i == 4 ? 1u : 3u);
  }
  for (const auto& e : events) {
    EXPECT_GE(e.wall_time, before);
    EXPECT_LE(e.wall_time, seconds());
  }
}

TEST(EventFile, NoPictureIsRefused) {
  const TemporaryFolder folder;
  io::EventFile file(folder.path(), 0);
  const std::string png = png_of(1, 1, 0);
  for (const std::string& bad : {std::string(), png.substr(0, 32), "x" + png})
    expect_error(ErrorKind::usage, {"picture", "PNG"},
                 [&] { file.image(1, "samples", as_bytes(bad)); });
  EXPECT_EQ(events_of(contents(file.path())).size(), 2u);
}

TEST(EventFile, ALaterFileSortsBehindAndDropsWhatIsBeyondItsStep) {
  const TemporaryFolder folder;
  std::vector<std::string> paths;
  for (const Index from : {0, 10, 10}) {  // within a second
    io::EventFile file(folder.path(), from);
    EXPECT_TRUE(io::is_event_file(std::filesystem::path(file.path()).filename().string()));
    paths.push_back(file.path());
    for (Index step = from + 5; step <= from + 15; step += 5)
      file.scalars(step, {{"train/loss", double(paths.size())}});
  }
  EXPECT_LT(paths[0], paths[1]);
  EXPECT_LT(paths[1], paths[2]);
  std::vector<Event> all;
  for (const std::string& path : paths)
    for (const Event& e : events_of(contents(path))) all.push_back(e);
  const std::vector<std::pair<long long, double>> expected = {
      {5, 1}, {10, 1}, {15, 3}, {20, 3}, {25, 3}};
  EXPECT_EQ(shown(all)["train/loss"], expected);
  // A clock that was set back.
  put(folder / "events.out.tfevents.4000000000.imago", "");
  put(folder / "events.out.tfevents.5000000000.elsewhere", "");
  EXPECT_EQ(io::EventFile(folder.path(), 0).path(),
            folder / "events.out.tfevents.4000000001.imago");
}

TEST(EventFile, NamesOfOthersAreNotOurs) {
  EXPECT_TRUE(io::is_event_file("events.out.tfevents.1700000000.imago"));
  for (const char* name :
       {"", "events.out.tfevents.imago", "events.out.tfevents..imago",
        "events.out.tfevents.1700000000.host", "events.out.tfevents.17.imago",
        "events.out.tfevents.1700000000.host.imago", "events.out.tfevents.-170000000.imago",
        "my-events.out.tfevents.1700000000.imago"})
    EXPECT_FALSE(io::is_event_file(name)) << name;
}

TEST(EventFile, ACrashLosesOnlyTheTornRecord) {
  const TemporaryFolder folder;
  io::EventFile file(folder.path(), 0);
  std::vector<std::size_t> ends = {0};
  for (Index step = 1; step < 4; step++) {
    file.scalars(step, {{"train/loss", double(step)}});
    ends.push_back(contents(file.path()).size());
  }
  const std::string whole = contents(file.path());
  for (std::size_t size = ends[1]; size <= whole.size(); size++) {
    const std::size_t records = size < ends[2] ? 1u : size < ends[3] ? 2u : 3u;
    EXPECT_EQ(events_of(whole.substr(0, size)).size(), 2 + records) << size;
  }
}

TEST(EventFile, Unwritable) {
  const TemporaryFolder folder;
  expect_error(ErrorKind::internal, {folder / "none", "No such file"},
               [&] { io::EventFile(folder / "none", 0); });
  io::EventFile file(folder.path(), 0);
  rlimit before, small;  // as a full disk
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  small = before;
  small.rlim_cur = 1000;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  expect_error(ErrorKind::internal, {file.path(), "too large"}, [&] {
    file.scalars(1, {{std::string(2000, 'x'), 0}});
  });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(files_in(folder.path()).size(), 1u);
}

}  // namespace
}  // namespace imago::test
