// metrics.jsonl: reading it, and cutting it back to a step.
#include "engine/train/metrics.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/fuzz/target.h"
#include "tests/io/files.h"

namespace imago::fuzz {
namespace {

using training::MetricsLine;

void check(const std::string& text) {
  const std::size_t memory = (1 << 17) + text.size() * 256;
  const std::string path = file_of("in.jsonl", text);
  std::vector<MetricsLine> lines;
  if (accepts(ErrorKind::data, memory, [&] { lines = training::read_metrics(path); })) {
    std::string again;
    std::istringstream given(text);
    for (const MetricsLine& line : lines) {
      std::string raw;
      std::getline(given, raw);
      require(nlohmann::json::parse(raw)["step"] == line.step && line.step >= 0, "another step");
      again += training::to_json(line) + "\n";
    }
    const std::string out = file_of("out.jsonl", again);
    std::string third;
    for (const MetricsLine& line : training::read_metrics(out))
      third += training::to_json(line) + "\n";
    require(third == again, "metrics read back different");
  }
  for (const Index step : {Index(0), Index(100), std::numeric_limits<Index>::max()}) {
    file_of("in.jsonl", text);
    if (!accepts(ErrorKind::data, memory, [&] { const training::MetricsFile cut(path, step); })) {
      require(test::contents(path) == text, "a refused file was changed");
      continue;
    }
    std::size_t kept = 0;
    for (const MetricsLine& line : training::read_metrics(path)) {
      require(line.step <= step, "a line beyond the step was kept");
      kept++;
    }
    training::MetricsFile(path, step).append({step, 1, "train", {{"loss", 2}}});
    require(training::read_metrics(path).size() == kept + 1, "a line was not appended");
  }
}

const Registered registered({"metrics", check});

}  // namespace
}  // namespace imago::fuzz
