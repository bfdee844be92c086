#include "engine/core/error.h"

#include <cstdint>

namespace imago {
namespace {

// A part may quote a file: that must not fill the screen.
std::string shortened(const std::string& part) {
  std::size_t end = 1000;
  if (part.size() <= end) return part;
  while (end && (part[end] & 0xc0) == 0x80) end--;  // not within a character of UTF-8
  return std::string(part, 0, end).append("...");
}

}  // namespace

std::string Error::text(const Parts& p) {
  std::string s = shortened(p.what);
  if (!p.where.empty()) s.append(", in ").append(shortened(p.where));
  if (!p.expected.empty()) s.append(", expected ").append(shortened(p.expected));
  if (!p.received.empty()) s.append(", received ").append(shortened(p.received));
  if (!p.remedy.empty()) s.append("; ").append(shortened(p.remedy));
  // One error, one line; and no quoted file commands the terminal.
  for (std::size_t i = 0; i < s.size(); i++) {
    if (std::uint8_t(s[i]) < 0x20 || s[i] == 0x7f) s[i] = ' ';
    // U+0080 to U+009f are control characters too.
    if (s[i] == '\xc2' && i + 1 < s.size() && std::uint8_t(s[i + 1]) - 0x80u < 0x20)
      s[i] = s[i + 1] = ' ';
  }
  return s;
}

}  // namespace imago
