#include "engine/train/metrics.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/core/error.h"
#include "engine/io/file.h"
#include "engine/train/json.h"

namespace imago::training {

using Json = nlohmann::ordered_json;

bool has_figure(const Figures& figures, const std::string& name) {
  for (const auto& f : figures)
    if (f.first == name) return true;
  return false;
}
double figure(const Figures& figures, const std::string& name) {
  std::string names;
  for (const auto& f : figures) {
    if (f.first == name) return f.second;
    names += (names.empty() ? "" : ", ") + f.first;
  }
  throw Error(ErrorKind::usage, {"no such figure", {}, "one of " + names, name});
}

std::string to_json(const MetricsLine& line) {
  Json object = {{"step", line.step}, {"epoch", line.epoch}, {"split", line.split}};
  // JSON has no infinity: such a figure is null.
  for (const auto& [name, value] : line.figures)
    object[name] = std::isfinite(value) ? Json(value) : Json();
  return object.dump();
}

MetricsLine metrics_from_json(const std::string& text, const std::string& path,
                              std::uint64_t offset) {
  const auto broken = [&] {
    io::fail(path, offset,
             {"broken line of metrics", "{\"step\": ..., \"epoch\": ..., \"split\": ..., ...}",
              text.substr(0, 60)});
  };
  try {
    const Json object = Json::parse(text);
    const Json& step = object.at("step");
    if (!is_int64(step) || step.get<Index>() < 0 || !object.at("epoch").is_number()) broken();
    MetricsLine line{step.get<Index>(),
                     object.at("epoch").get<double>(),
                     object.at("split").get<std::string>(),
                     {}};
    for (const auto& [name, value] : object.items()) {
      if (name == "step" || name == "epoch" || name == "split") continue;
      if (!value.is_null() && !value.is_number()) broken();
      line.figures.emplace_back(name, value.is_null() ? std::nan("") : value.get<double>());
    }
    return line;
  } catch (const Json::exception&) {
    broken();
  }
  return {};
}

namespace {

std::string read_text(const std::string& path) {
  const io::Bytes bytes = io::read_file(path, "metrics file");
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
[[noreturn]] void cannot(const std::string& action, const std::string& path) {
  throw Error(ErrorKind::internal, {"cannot " + action + " the metrics",
                                    path,
                                    {},
                                    std::strerror(errno),
                                    "--resume goes on from the last checkpoint"});
}

}  // namespace

std::vector<MetricsLine> read_metrics(const std::string& path, bool* torn) {
  std::string text = read_text(path);
  if (torn) {
    *torn = !text.empty() && text.back() != '\n';
    if (*torn) text.resize(text.rfind('\n') + 1);  // npos + 1 is 0
  }
  std::vector<MetricsLine> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(metrics_from_json(text.substr(at, end - at), path, at));
    at = end + 1;
  }
  return lines;
}

MetricsFile::MetricsFile(const std::string& path, Index step) : path_(path) {
  if (io::exists(path)) {
    const std::string text = read_text(path);
    std::string kept;
    std::optional<Error> broken;  // the first one; with it all that is needed must have ended
    for (std::size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
      const std::string line = text.substr(at, end - at);
      bool needed = false;
      try {
        needed = metrics_from_json(line, path, at).step <= step;
      } catch (const Error& e) {
        if (!broken) broken = e;
      }
      if (needed && broken) throw Error(*broken);
      if (needed) kept += line + "\n";
    }
    if (kept != text) io::write_file(path, kept);
  }
  file_ = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file_ < 0) cannot("append to", path);
}
MetricsFile::~MetricsFile() {
  if (file_ >= 0) close(file_);
}
void MetricsFile::append(const MetricsLine& line) {
  const std::string text = to_json(line) + "\n";
  const off_t before = lseek(file_, 0, SEEK_END);
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t n = write(file_, text.data() + at, text.size() - at);
    if (n < 0 && errno != EINTR) {
      const int code = errno;
      if (before >= 0 && ftruncate(file_, before) != 0) {  // then the next resume mends it
      }
      errno = code;
      cannot("write", path_);
    }
    if (n > 0) at += std::size_t(n);
  }
}
void MetricsFile::sync() {
  if (fdatasync(file_) != 0) cannot("sync", path_);
}

}  // namespace imago::training
