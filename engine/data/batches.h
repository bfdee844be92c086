// Which rows make the next batch: a permutation of each epoch that depends on (seed, epoch) alone,
// never on threads or the device. Not here: the rows themselves; data::take fetches them.
#pragma once
#include <cstdint>
#include <vector>

#include "engine/core/tensor.h"

namespace imago::data {

// Fisher-Yates on Philox words of (seed, epoch). n < 2^32.
std::vector<std::int64_t> permutation(Index n, std::uint64_t seed, std::uint64_t epoch);

struct BatchOptions {
  Index batch = 128;
  std::uint64_t seed = 0;
  bool shuffle = true;     // false: in order
  bool drop_last = false;  // true: an epoch's last, smaller batch is left out
  Device device = {};
};

class Batches {
 public:
  // Where the stream stands: the next batch is number step of epoch. Goes into checkpoints.
  struct Position {
    Index epoch = 0, step = 0;
    bool operator==(const Position&) const = default;
  };
  Batches(Index rows,
          const BatchOptions& options);  // Error (usage) when an epoch would have no batch
  Index steps_per_epoch() const { return steps_; }
  Position position() const { return position_; }
  void seek(Position position);  // Error (usage) when step is not of an epoch
  // int64 [b] on the device: a view of the epoch's permutation. After an epoch's last batch the
  // next epoch begins.
  Tensor next();

 private:
  void shuffle();
  Index rows_, steps_;
  BatchOptions options_;
  Position position_;
  Tensor order_;
  Index order_epoch_ = -1;
};

}  // namespace imago::data
