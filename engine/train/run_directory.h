// The directory of a run: where each file is, one process at a time, and when an existing one may
// be used. Not here: what is written into the files.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace imago::training {

enum class Existing { refuse, resume, overwrite };

// Where the files of a run are.
class RunFiles {
 public:
  explicit RunFiles(std::string path) : path_(std::move(path)) {}
  const std::string& path() const { return path_; }
  std::string config() const { return path_ + "/config.json"; }
  std::string metrics() const { return path_ + "/metrics.jsonl"; }
  std::string log() const { return path_ + "/log.txt"; }
  std::string samples() const { return path_ + "/samples.png"; }  // the newest
  std::string samples(long long step) const;                      // samples/step-000500.png
  std::string last() const { return path_ + "/checkpoints/last.safetensors"; }
  std::string best() const { return path_ + "/checkpoints/best.safetensors"; }
  std::vector<std::string> event_files() const;  // TensorBoard's, in order: one for each start
  bool hold_run() const;
  bool in_use() const;  // a process trains there now

 private:
  std::string path_;
};

class RunDirectory : public RunFiles {
 public:
  // Creates the directory, or takes an existing one: a directory that holds a run is refused (Error
  // usage, naming --resume and --overwrite) unless `existing` says what to do; overwrite removes
  // the files of the run, and nothing else. Locks it: Error (usage) while another process trains
  // there, or where figures of something else are. What a killed process left half-written goes.
  // Call it only when configuration and data are known to be good.
  RunDirectory(std::string path, Existing existing);
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  void append_log(const std::string& line) const;  // with the time in front
  // Error (internal) when the directory was removed, or another one took its place: what is written
  // would be lost, or spoil another run.
  void check() const;
  void drop_best() const;  // for a start at step 0: the checkpoint is of another attempt
  // Takes back what this object and its run made, as long as no figure, picture or checkpoint is
  // among it and no run was there before.
  void discard() noexcept;

 private:
  void prepare(Existing existing);
  bool ours() const;                           // what is at the path is what was locked
  std::vector<std::string> own_files() const;  // that discard() may remove
  bool has_figures() const;
  int lock_ = -1;
  bool fresh_ = false;               // it held no run
  std::vector<std::string> made_;    // directories, the innermost last
  std::vector<std::string> before_;  // of own_files(), those there when it began
};

}  // namespace imago::training
