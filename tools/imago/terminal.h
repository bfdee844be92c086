// What a person sees during training: one status line on a terminal, plain lines elsewhere.
// Not here: what is measured; that comes from the trainer.
#pragma once
#include <string>

namespace imago::tool {

// Redraws one line on stderr when that is a terminal; otherwise shows nothing. Text is cut to the
// terminal's width.
class StatusLine {
 public:
  explicit StatusLine(bool enabled);
  ~StatusLine() { clear(); }
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;
  bool enabled() const { return on_; }
  std::size_t columns() const;  // that a text may fill
  void show(const std::string& text);
  void clear();
  void print(const std::string& line);  // a lasting line on stdout, above the status

 private:
  bool on_, shown_ = false;
};

std::string duration(double seconds);            // "0:32", "1:02:07"
std::string amount(double value);                // "950", "12.3k", "4.1M"
std::string megabytes(double bytes);             // "38 MB", "1.2 GB"
std::string memory(double active, double peak);  // "38/45 MB"
std::string figure(double value);                // "-247.13", "3.142", "0.01234"

}  // namespace imago::tool
