#include "tools/imago/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace imago::tool {
namespace {
template <class... A>
std::string format(const char* pattern, A... a) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, a...);
  return text;
}
}  // namespace

StatusLine::StatusLine(bool enabled) : on_(enabled && isatty(STDERR_FILENO)) {
  const char* terminal = std::getenv("TERM");  // a dumb one cannot clear a line
  if (!terminal || std::string(terminal) == "dumb") on_ = false;
}

std::size_t StatusLine::columns() const {
  // One column stays free: some terminals wrap when the last is written.
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20) return size.ws_col - 1u;
  return 79;
}
void StatusLine::show(const std::string& text) {
  if (!on_) return;
  std::fprintf(stderr, "\r%s\x1b[K", text.substr(0, columns()).c_str());
  std::fflush(stderr);
  shown_ = true;
}
void StatusLine::clear() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
  shown_ = false;
}
void StatusLine::print(const std::string& line) {
  clear();
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

std::string duration(double seconds) {
  const long s = std::isfinite(seconds) && seconds > 0 ? long(seconds + 0.5) : 0;
  if (s >= 3600) return format("%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
  return format("%ld:%02ld", s / 60, s % 60);
}
std::string amount(double value) {
  if (value >= 1e6) return format("%.3gM", value / 1e6);
  if (value >= 1e3) return format("%.3gk", value / 1e3);
  return format("%.0f", value);
}
std::string megabytes(double bytes) {
  if (bytes >= 1e9) return format("%.1f GB", bytes / 1e9);
  return format("%.0f MB", bytes / 1e6);
}
std::string memory(double active, double peak) {
  if (peak >= 1e9) return format("%.1f/%.1f GB", active / 1e9, peak / 1e9);
  return format("%.0f/%.0f MB", active / 1e6, peak / 1e6);
}
std::string figure(double value) {
  if (value == 0) return "0";
  const double size = std::fabs(value);
  return size >= 1e9   ? format("%.6g", value)
         : size >= 100 ? format("%.2f", value)
         : size >= 1   ? format("%.3f", value)
                       : format("%.4g", value);
}

}  // namespace imago::tool
