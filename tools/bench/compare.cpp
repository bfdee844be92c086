#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench.h"

namespace imago::bench {

Comparison::Comparison(const std::string& file) {
  std::ifstream in(file);
  const bool readable = bool(in);  // the parser clears the stream's state
  const auto json = nlohmann::json::parse(in, nullptr, false);
  if (json.is_discarded() || !json.contains("benchmarks"))
    throw Error(ErrorKind::data,
                {"no benchmark results", file, "a JSON file written by --benchmark_out",
                 readable ? "something else" : "no readable file"});
  for (const auto& run : json["benchmarks"])
    if (run.value("run_type", "iteration") == "iteration")
      before_.emplace_back(run.value("name", ""), run.value("real_time", 0.));
}
void Comparison::ReportRuns(const std::vector<Run>& runs) {
  ConsoleReporter::ReportRuns(runs);
  for (const Run& run : runs)
    for (const auto& [name, time] : before_)
      if (name == run.benchmark_name() && time > 0)
        rows_.push_back({name, run.GetAdjustedRealTime() / time});
}
void Comparison::Finalize() {
  ConsoleReporter::Finalize();
  std::printf("\n%-72s %s\n", "compared", "time now / then");
  for (const Row& r : rows_)
    std::printf("%-72s %.3f%s\n", r.name.c_str(), r.ratio,
                r.ratio > 1.1   ? "  slower"
                : r.ratio < 0.9 ? "  faster"
                                : "");
  if (rows_.empty()) std::printf("no benchmark of the file was run\n");
}

}  // namespace imago::bench
