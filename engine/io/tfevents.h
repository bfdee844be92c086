// Event files, which TensorBoard draws while they grow: figures and pictures by step. Not here:
// what a run writes and when, and reading; metrics.jsonl is what programs read.
#pragma once
#include <utility>

#include "engine/io/file.h"

namespace imago::io {

std::uint32_t crc32c_of(std::span<const std::byte> in);  // Castagnoli's polynomial

// The names EventFile gives, events.out.tfevents.<seconds>.imago: what a run may remove as its own.
bool is_event_file(const std::string& name);

// Each call below is one record in one write, so that a crash leaves at most a torn last record,
// which TensorBoard passes over. The file holds the times of writing: no two are equal.
class EventFile {
 public:
  // A new file in the folder, whose name sorts behind its event files. It tells TensorBoard to drop
  // what those say of steps beyond `step`.
  EventFile(const std::string& folder, Index step);
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  void scalars(Index step, const std::vector<std::pair<std::string, double>>& values);
  void image(Index step, const std::string& tag, std::span<const std::byte> png);
  const std::string& path() const { return path_; }

 private:
  void append(std::string event);
  std::string path_;
  int file_ = -1;
};

}  // namespace imago::io
