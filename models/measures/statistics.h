// Files of moments, in pytorch-fid's form: an .npz of mu and sigma; and a folder of them as a
// cache. Not here: the moments themselves (models/measures/moments.h).
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "models/measures/moments.h"

namespace imago::models {

// mu [d] and sigma [d, d], floating, as pytorch-fid and clean-fid write them; of ours besides n
// and, where n <= d, rows. Error (data) for a missing key, wrong dimensions, a row that is not
// finite, a sigma that is not symmetric to 1e-6 of its largest variance or has a negative one or a
// negative eigenvalue.
Moments read_statistics(const std::string& path);
// Atomic: a reader sees the old file or the new one. Other tools read mu and sigma of it.
void write_statistics(const std::string& path, const Moments& m);

// Moments by what they were made from. Two processes may use one folder at a time.
class StatisticsCache {
 public:
  explicit StatisticsCache(std::string directory) : directory_(std::move(directory)) {}
  // 16 hexadecimal digits of all that the moments depend on, in order: the fingerprint of the data,
  // the name and weights of the features, the resize, the ddof.
  static std::string key(const std::vector<std::string>& parts);
  std::string path(const std::string& key) const;  // DIRECTORY/KEY.npz
  // Nothing where there is no such file; Error (data) where it is damaged.
  std::optional<Moments> find(const std::string& key) const;
  // Makes the folder. Error (internal) where it cannot be written: before there is much to lose.
  void prepare() const;
  // Waits while another process stores.
  void store(const std::string& key, const Moments& m) const;

 private:
  std::string directory_;
};

}  // namespace imago::models
