// What there is to tell about a run: everything its directory holds, read without its data set.
// Not here: how it is shown; that is report_page.h.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "engine/train/metrics.h"
#include "engine/train/options.h"

namespace imago::tool {

struct ReportPicture {
  std::string name;  // of the file
  Index step = 0;    // of samples
  int width = 0, height = 0;
  std::string png;  // the file's bytes
};

struct ReportRun {
  std::string directory;
  training::Config config;
  std::vector<training::MetricsLine> lines;
  bool torn = false;                          // the last line was cut short and is not among them
  std::optional<training::MetricsLine> best;  // the figures that chose the best checkpoint
  std::string state;                          // "finished", "still training", ...
  bool finished = false;
  Index step = 0, steps = 0;           // done as far as is recorded, and in all; 0: not recorded
  std::string networks;                // empty: no checkpoint tells them, for the reason in
  std::string without_networks;        // this one
  std::vector<ReportPicture> samples;  // in order of their steps, the newest last
  std::size_t samples_found = 0;       // in the run; samples may be an even choice of them
  std::vector<ReportPicture> pictures;
  std::vector<std::string> left_out;  // pictures that are not among these, each with the reason
  std::vector<std::string> log;
};

// Error (data): no run, or a file of it that is damaged. A run at work or one that crashed is none.
ReportRun read_report_run(const std::string& directory);

// k of the numbers 0 to n - 1 (all when there are no more), evenly spaced, first and last among
// them.
std::vector<std::size_t> evenly(std::size_t n, std::size_t k);

}  // namespace imago::tool
