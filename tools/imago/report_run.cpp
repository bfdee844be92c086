#include "tools/imago/report_run.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

#include "engine/io/file.h"
#include "engine/train/checkpoint.h"
#include "engine/train/run_directory.h"
#include "models/run.h"

namespace imago::tool {
namespace fs = std::filesystem;
using training::MetricsLine, training::RunFiles;

namespace {
// With base64 a third more: pages stay below 20 MB.
constexpr std::size_t samples_bytes = 8 << 20, pictures_bytes = 4 << 20, samples_count = 200;

std::string read_text(const std::string& path, const char* kind) {
  const io::Bytes bytes = io::read_file(path, kind);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

// The log is the only place that tells how a run ended.
void tell_state(const RunFiles& files, ReportRun& run) {
  long long step = 0, steps = 0;
  std::string last;
  for (const std::string& line : run.log) {
    const std::size_t behind_time = line.find(' ');
    if (behind_time == std::string::npos) continue;
    const char* text = line.c_str() + behind_time + 1;
    if (std::sscanf(text, "training for %lld steps", &steps) == 1) {
      step = 0;
      last = "ended without finishing: it crashed or was killed";
    } else if (std::sscanf(text, "resuming from step %lld of %lld", &step, &steps) == 2) {
      last = "ended without finishing: it crashed or was killed";
    } else if (std::sscanf(text, "stopped at step %lld of %lld", &step, &steps) == 2) {
      last = "stopped before the end; --resume goes on";
    } else if (std::sscanf(text, "finished at step %lld", &step) == 1) {
      steps = step;
      last = "finished";
    } else if (std::string(text).rfind("ended by an error", 0) == 0) {
      last = text;
    }
  }
  run.finished = last == "finished";
  run.steps = Index(steps);
  run.step = Index(step);
  if (!run.lines.empty()) run.step = std::max(run.step, run.lines.back().step);
  if (last.empty()) last = "log.txt does not tell how it ended";
  run.state = files.in_use() ? "still training" : last;
}

void read_weights(const RunFiles& files, ReportRun& run) {
  if (!io::exists(files.last()) && !io::exists(files.best())) {
    run.without_networks = "The run has no checkpoint yet, which would tell their shapes.";
    return;
  }
  // A damaged checkpoint is the run's loss, and no reason to hide its figures.
  try {
    const models::Run trained = models::Run::open(run.directory, "cpu");
    run.config = trained.config();
    run.networks = trained.networks();
    if (io::exists(files.best()))
      run.best =
          training::metrics_from_json(training::read_checkpoint(files.best()).score, files.best());
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::data) throw;
    run.without_networks = e.what();
  }
}

// Nothing when the file is no PNG.
std::optional<ReportPicture> read_picture(const std::string& path, Index step) {
  ReportPicture picture{fs::path(path).filename().string(), step, 0, 0, read_text(path, "picture")};
  const std::string& png = picture.png;
  if (png.size() < 24 || png.compare(0, 8, "\x89PNG\r\n\x1a\n") != 0) return {};
  const auto big = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = at; i < at + 4; i++) value = value << 8 | std::uint8_t(png[i]);
    return int(std::min<std::uint32_t>(value, 1 << 20));
  };
  picture.width = big(16);
  picture.height = big(20);
  return picture;
}

std::size_t size_of(const std::string& path) {
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  return error ? 0 : std::size_t(bytes);
}

// Pictures by name, those of samples/ by their steps.
std::map<Index, std::string> sample_files(const std::string& directory) {
  std::map<Index, std::string> files;
  std::error_code error;
  for (fs::directory_iterator it(directory + "/samples", error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    long long step = 0;
    int length = 0;
    if (std::sscanf(name.c_str(), "step-%lld.png%n", &step, &length) == 1 &&
        length == int(name.size()))
      files[Index(step)] = it->path().string();
  }
  return files;
}

void read_samples(ReportRun& run) {
  std::vector<std::pair<Index, std::string>> files;
  for (const auto& file : sample_files(run.directory)) files.push_back(file);
  run.samples_found = files.size();
  // As many as fit; the newest alone when no two do.
  std::vector<std::size_t> chosen;
  for (std::size_t count = std::min(files.size(), samples_count); count > 0; count--) {
    chosen = evenly(files.size(), count);
    std::size_t bytes = 0;
    for (std::size_t i : chosen) bytes += size_of(files[i].second);
    if (bytes <= samples_bytes) break;
    chosen.clear();
  }
  if (chosen.empty() && !files.empty())
    run.left_out.push_back("samples: the newest picture is too large for a page");
  for (std::size_t i : chosen) {
    const auto& [step, path] = files[i];
    if (auto picture = read_picture(path, step))
      run.samples.push_back(std::move(*picture));
    else
      run.left_out.push_back(fs::path(path).filename().string() + ": not a PNG file");
  }
}

void read_pictures(ReportRun& run) {
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::directory_iterator it(run.directory, error), end; !error && it != end;
       it.increment(error)) {
    const fs::path path = it->path();
    // samples.png is the newest of samples/ once more.
    if (path.extension() == ".png" && it->is_regular_file(error) &&
        (path.filename() != "samples.png" || run.samples_found == 0))
      paths.push_back(path.string());
  }
  std::sort(paths.begin(), paths.end());
  std::size_t bytes = 0;
  for (const std::string& path : paths) {
    const std::string name = fs::path(path).filename().string();
    const std::size_t more = size_of(path);
    if (bytes + more > pictures_bytes) {
      run.left_out.push_back(name + ": too large for a page");
    } else if (auto picture = read_picture(path, 0)) {
      bytes += more;
      run.pictures.push_back(std::move(*picture));
    } else {
      run.left_out.push_back(name + ": not a PNG file");
    }
  }
}
}  // namespace

std::vector<std::size_t> evenly(std::size_t n, std::size_t k) {
  std::vector<std::size_t> chosen;
  if (k >= n) k = n;
  if (k == 1) return {n - 1};
  for (std::size_t i = 0; i < k; i++) chosen.push_back((i * (n - 1) + (k - 1) / 2) / (k - 1));
  return chosen;
}

ReportRun read_report_run(const std::string& directory) {
  ReportRun run;
  run.directory = directory;
  run.config = models::read_config(directory);
  const RunFiles files(directory);
  if (io::exists(files.metrics())) run.lines = training::read_metrics(files.metrics(), &run.torn);
  if (io::exists(files.log())) run.log = lines_of(read_text(files.log(), "log"));
  read_weights(files, run);
  tell_state(files, run);
  read_samples(run);
  read_pictures(run);
  return run;
}

}  // namespace imago::tool
