#include "engine/io/tfevents.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace imago::io {
namespace {

constexpr std::string_view name_start = "events.out.tfevents.", name_end = ".imago";

// The seconds in the name of one of our event files; -1 for any other name.
std::int64_t seconds_of(std::string_view name) {
  if (name.size() < name_start.size() + name_end.size() || !name.starts_with(name_start) ||
      !name.ends_with(name_end))
    return -1;
  name = name.substr(name_start.size(), name.size() - name_start.size() - name_end.size());
  std::int64_t seconds = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), seconds);
  // Ten digits are what we write, and sort as numbers do.
  const bool whole = error == std::errc() && end == name.data() + name.size();
  return whole && name.size() == 10 ? seconds : -1;
}
double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Little-endian bytes of an integer.
template <class T>
void put(std::string& to, T value) {
  for (std::size_t i = 0; i < sizeof value; i++) to += char(std::uint8_t(value >> 8 * i));
}

// The wire format of protocol buffers: a field is its number and kind, then its value.
enum Kind : std::uint32_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };
void put_varint(std::string& to, std::uint64_t value) {
  for (; value >= 128; value >>= 7) to += char(std::uint8_t(value | 128));
  to += char(value);
}
void put_key(std::string& to, std::uint32_t field, Kind kind) { put_varint(to, field << 3 | kind); }
void put_integer(std::string& to, std::uint32_t field, Index value) {
  put_key(to, field, varint);
  put_varint(to, std::uint64_t(value));
}
void put_double(std::string& to, std::uint32_t field, double value) {
  put_key(to, field, fixed64);
  put(to, std::bit_cast<std::uint64_t>(value));
}
void put_float(std::string& to, std::uint32_t field, float value) {
  put_key(to, field, fixed32);
  put(to, std::bit_cast<std::uint32_t>(value));
}
void put_bytes(std::string& to, std::uint32_t field, std::string_view value) {
  put_key(to, field, bytes);
  put_varint(to, value.size());
  to += value;
}

// Field numbers of TensorFlow's event.proto and summary.proto.
namespace event {
constexpr std::uint32_t wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7;
}
namespace session_log {
constexpr std::uint32_t status = 1;
constexpr Index start = 1;
}  // namespace session_log
namespace summary {
constexpr std::uint32_t value = 1;
}
namespace summary_value {
constexpr std::uint32_t tag = 1, simple_value = 2, image = 4;
}
namespace summary_image {
constexpr std::uint32_t height = 1, width = 2, colorspace = 3, encoded = 4;
}

std::string event_at(Index step) {
  std::string e;
  put_double(e, event::wall_time, now());
  put_integer(e, event::step, step);
  return e;
}

std::uint32_t masked_crc(std::string_view in) {
  const std::uint32_t crc = crc32c_of(std::as_bytes(std::span(in)));
  return std::rotr(crc, 15) + 0xa282ead8u;
}

}  // namespace

std::uint32_t crc32c_of(std::span<const std::byte> in) {
  static constexpr auto table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t i = 0; i < 256; i++) {
      t[i] = i;
      for (int bit = 0; bit < 8; bit++) t[i] = t[i] >> 1 ^ (t[i] & 1 ? 0x82f63b78u : 0);
    }
    return t;
  }();
  std::uint32_t crc = ~0u;
  for (const std::byte b : in) crc = crc >> 8 ^ table[(crc ^ std::uint32_t(b)) & 255];
  return ~crc;
}

bool is_event_file(const std::string& name) { return seconds_of(name) >= 0; }

EventFile::EventFile(const std::string& folder, Index step) {
  // TensorBoard reads the files in the order of their names: also a run resumed within the same
  // second, or after the clock was set back, goes behind.
  std::int64_t seconds = std::int64_t(now());
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error))
    seconds = std::max(seconds, seconds_of(it->path().filename().string()) + 1);
  char digits[24];
  std::snprintf(digits, sizeof digits, "%010lld", static_cast<long long>(seconds));
  path_ = concat(folder, "/", name_start, digits, name_end);
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
  if (file_ < 0)
    throw Error(ErrorKind::internal,
                {"cannot create the event file", path_, {}, std::strerror(errno)});
  try {
    std::string first;  // it has no step
    put_double(first, event::wall_time, now());
    put_bytes(first, event::file_version, "brain.Event:2");
    append(std::move(first));
    // At a start TensorBoard drops every earlier event of this step or a later one.
    std::string start = event_at(step + 1), log;
    put_integer(log, session_log::status, session_log::start);
    put_bytes(start, event::session_log, log);
    append(std::move(start));
  } catch (...) {
    ::close(file_);
    throw;
  }
}
EventFile::~EventFile() {
  if (file_ >= 0) ::close(file_);
}

void EventFile::scalars(Index step, const std::vector<std::pair<std::string, double>>& values) {
  std::string all;
  for (const auto& [tag, number] : values) {
    std::string value;
    put_bytes(value, summary_value::tag, tag);
    put_float(value, summary_value::simple_value, float(number));
    put_bytes(all, summary::value, value);
  }
  std::string e = event_at(step);
  put_bytes(e, event::summary, all);
  append(std::move(e));
}

void EventFile::image(Index step, const std::string& tag, std::span<const std::byte> png) {
  const std::string_view text(reinterpret_cast<const char*>(png.data()), png.size());
  if (!text.starts_with("\x89PNG\r\n\x1a\n") || png.size() < 33)
    throw Error(ErrorKind::usage, {"no picture for the event file", path_, "a PNG file",
                                   concat(png.size(), " bytes")});
  // Behind the signature and the name of the first chunk: width, height, depth, kind of colour.
  Cursor header(png.subspan(16), path_, "PNG file");
  const Index width = Index(header.big(4, "width")), height = Index(header.big(4, "height"));
  header.take(1, "depth");
  const std::uint64_t colour = header.big(1, "colour");
  // 2 says RGB, 4 alpha; a palette is 1 + 2.
  const Index channels = (colour & 2 ? 3 : 1) + (colour & 4 ? 1 : 0);
  std::string picture, value, all;
  put_integer(picture, summary_image::height, height);
  put_integer(picture, summary_image::width, width);
  put_integer(picture, summary_image::colorspace, channels);
  put_bytes(picture, summary_image::encoded, text);
  put_bytes(value, summary_value::tag, tag);
  put_bytes(value, summary_value::image, picture);
  put_bytes(all, summary::value, value);
  std::string e = event_at(step);
  put_bytes(e, event::summary, all);
  append(std::move(e));
}

// A TFRecord: length, its checksum, the bytes, their checksum.
void EventFile::append(std::string event) {
  std::string record;
  put(record, std::uint64_t(event.size()));
  put(record, masked_crc(record));
  record += event;
  put(record, masked_crc(event));
  for (std::size_t at = 0; at < record.size();) {
    const ssize_t n = ::write(file_, record.data() + at, record.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      throw Error(
          ErrorKind::internal,
          {"cannot write the event file", path_, {}, std::strerror(errno), "free some space"});
    at += std::size_t(n);
  }
}

}  // namespace imago::io
