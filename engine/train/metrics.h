// Figures measured in training and evaluation, and the file metrics.jsonl they are appended to.
// Not here: how a figure is computed.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "kernels/kernel.h"

namespace imago::training {

// Name and value, in the order they are shown: {"elbo", -244.5}.
using Figures = std::vector<std::pair<std::string, double>>;
double figure(const Figures&, const std::string& name);  // Error (usage) when it is not there
bool has_figure(const Figures&, const std::string& name);

// One line of metrics.jsonl. It holds no time, so that two equal runs write equal files.
struct MetricsLine {
  Index step = 0;
  double epoch = 0;
  std::string split;  // train, valid or test
  Figures figures;
};
std::string to_json(const MetricsLine&);  // one line, without its end
MetricsLine metrics_from_json(const std::string& line, const std::string& path,
                              std::uint64_t offset = 0);  // Error (data)

class MetricsFile {
 public:
  // Opens for appending and cuts the file back to lines of at most `step`; what a crash broke
  // behind them goes too. Error (data) where a broken line has a line to keep behind it.
  MetricsFile(const std::string& path, Index step);
  ~MetricsFile();
  MetricsFile(const MetricsFile&) = delete;
  MetricsFile& operator=(const MetricsFile&) = delete;
  // One write; where it fails nothing of the line remains. Error (internal).
  void append(const MetricsLine&);
  void sync();  // what was appended survives a power failure

 private:
  std::string path_;
  int file_ = -1;
};
// Error (data) on a missing file or a broken line. With `torn`, a last line that has no end yet, as
// a crash or a run at work leaves it, is left out, and *torn tells.
std::vector<MetricsLine> read_metrics(const std::string& path, bool* torn = nullptr);

}  // namespace imago::training
