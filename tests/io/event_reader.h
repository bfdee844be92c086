// Reads TensorBoard's event files back with code that shares nothing with the writer. Not here:
// what TensorBoard makes of the events, beyond what a start drops.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace imago::test {

struct Event {
  double wall_time = 0;
  long long step = 0;
  std::string file_version;
  bool start = false;
  std::vector<std::pair<std::string, float>> scalars;
  struct Picture {
    std::string tag, png;
    std::uint64_t height = 0, width = 0, channels = 0;
  };
  std::vector<Picture> pictures;
};

// One bit after the other, the highest power first: the definition, no table and no reflection.
inline std::uint32_t plain_crc32c(const std::string& in) {
  const auto reflect = [](std::uint32_t v, int bits) {
    std::uint32_t r = 0;
    for (int i = 0; i < bits; i++) r |= (v >> i & 1u) << (bits - 1 - i);
    return r;
  };
  std::uint32_t crc = 0xffffffffu;
  for (const char c : in) {
    crc ^= reflect(std::uint8_t(c), 8) << 24;
    for (int bit = 0; bit < 8; bit++) crc = crc & 0x80000000u ? crc << 1 ^ 0x1edc6f41u : crc << 1;
  }
  return ~reflect(crc, 32);
}

inline std::uint64_t little_endian(const std::string& s, std::size_t at, int bytes) {
  std::uint64_t v = 0;
  for (int i = 0; i < bytes; i++)
    v |= std::uint64_t(std::uint8_t(s.at(at + std::size_t(i)))) << 8 * i;
  return v;
}

// The fields of a message, in order: number, and a number or bytes.
struct Field {
  std::uint64_t field = 0, number = 0;
  std::string bytes;
};
inline std::vector<Field> fields_of(const std::string& message) {
  std::vector<Field> fields;
  std::size_t at = 0;
  const auto varint = [&] {
    std::uint64_t v = 0;
    for (int shift = 0;; shift += 7) {
      const auto b = std::uint8_t(message.at(at++));
      v |= std::uint64_t(b & 127) << shift;
      if (b < 128) return v;
    }
  };
  while (at < message.size()) {
    const std::uint64_t key = varint();
    Field f;
    f.field = key >> 3;
    const int fixed = (key & 7) == 1 ? 8 : (key & 7) == 5 ? 4 : 0;
    if ((key & 7) == 0) {
      f.number = varint();
    } else if (fixed) {
      f.number = little_endian(message, at, fixed);
      at += std::size_t(fixed);
    } else if ((key & 7) == 2) {
      const std::size_t size = varint();
      if (size > message.size() - at) throw std::runtime_error("a field is cut");
      f.bytes = message.substr(at, size);
      at += size;
    } else {
      throw std::runtime_error("unknown kind of field");
    }
    fields.push_back(f);
  }
  return fields;
}

inline Event event_of(const std::string& message) {
  Event e;
  for (const Field& f : fields_of(message)) {
    if (f.field == 1) e.wall_time = std::bit_cast<double>(f.number);
    if (f.field == 2) e.step = static_cast<long long>(f.number);
    if (f.field == 3) e.file_version = f.bytes;
    if (f.field == 7)
      for (const Field& log : fields_of(f.bytes)) e.start |= log.field == 1 && log.number == 1;
    if (f.field != 5) continue;
    for (const Field& value : fields_of(f.bytes)) {
      EXPECT_EQ(value.field, 1u);
      std::string tag;
      for (const Field& part : fields_of(value.bytes)) {
        if (part.field == 1) tag = part.bytes;
        if (part.field == 2)
          e.scalars.emplace_back(tag, std::bit_cast<float>(std::uint32_t(part.number)));
        if (part.field != 4) continue;
        Event::Picture p{tag, {}};
        for (const Field& of : fields_of(part.bytes)) {
          if (of.field == 1) p.height = of.number;
          if (of.field == 2) p.width = of.number;
          if (of.field == 3) p.channels = of.number;
          if (of.field == 4) p.png = of.bytes;
        }
        e.pictures.push_back(p);
      }
    }
  }
  return e;
}

// The events of a file's bytes; a torn last record is passed over, a wrong checksum fails the test.
inline std::vector<Event> events_of(const std::string& file) {
  const auto unmasked = [&](std::size_t at) {
    const auto masked = std::uint32_t(little_endian(file, at, 4)) - 0xa282ead8u;
    return masked >> 17 | masked << 15;
  };
  std::vector<Event> events;
  for (std::size_t at = 0; file.size() - at >= 12;) {
    const std::string length = file.substr(at, 8);
    EXPECT_EQ(unmasked(at + 8), plain_crc32c(length));
    const std::size_t size = little_endian(length, 0, 8);
    if (size > file.size() - at - 12 || file.size() - at - 12 - size < 4) break;
    const std::string message = file.substr(at + 12, size);
    EXPECT_EQ(unmasked(at + 12 + size), plain_crc32c(message));
    events.push_back(event_of(message));
    at += 16 + size;
  }
  return events;
}

// What TensorBoard shows of events in the order of their files: figures and pictures (as their
// number of bytes) by tag and step. A start drops what came before and is not of a smaller step.
inline std::map<std::string, std::vector<std::pair<long long, double>>> shown(
    const std::vector<Event>& events) {
  std::map<std::string, std::vector<std::pair<long long, double>>> all;
  for (const Event& e : events) {
    if (e.start)
      for (auto& [tag, points] : all)
        std::erase_if(points, [&](const auto& p) { return p.first >= e.step; });
    for (const auto& [tag, value] : e.scalars) all[tag].emplace_back(e.step, value);
    for (const auto& p : e.pictures) all[p.tag].emplace_back(e.step, double(p.png.size()));
  }
  return all;
}

}  // namespace imago::test
