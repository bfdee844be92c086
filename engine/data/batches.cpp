#include "engine/data/batches.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "engine/ops/layout.h"
#include "engine/random/host.h"

namespace imago::data {

std::vector<std::int64_t> permutation(Index n, std::uint64_t seed, std::uint64_t epoch) {
  if (n < 0 || n > Index(std::numeric_limits<std::uint32_t>::max()))
    throw Error(ErrorKind::usage, {"cannot shuffle", {}, "0 to 2^32 - 1 rows", concat(n)});
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  HostStream words(seed, Purpose::shuffle, epoch);
  for (std::size_t i = order.size(); i > 1; i--)
    std::swap(order[i - 1], order[words.below(std::uint32_t(i))]);
  return order;
}

Batches::Batches(Index rows, const BatchOptions& options) : rows_(rows), options_(options) {
  if (options.batch < 1)
    throw Error(ErrorKind::usage, {"wrong batch size", {}, "1 or more", concat(options.batch)});
  steps_ = options.drop_last ? rows / options.batch : (rows + options.batch - 1) / options.batch;
  if (rows < 1 || steps_ < 1)
    throw Error(ErrorKind::usage,
                {"an epoch without batches",
                 {},
                 concat("at least ", options.drop_last ? options.batch : 1, " rows"),
                 concat(rows),
                 options.drop_last ? "choose a smaller batch" : ""});
}

void Batches::seek(Position position) {
  if (position.epoch < 0 || position.step < 0 || position.step >= steps_)
    throw Error(ErrorKind::usage, {"no such place in the data",
                                   {},
                                   concat("epoch >= 0 and step 0 to ", steps_ - 1),
                                   concat("epoch ", position.epoch, ", step ", position.step)});
  position_ = position;
}

void Batches::shuffle() {
  if (order_epoch_ == position_.epoch) return;
  if (options_.shuffle || order_epoch_ < 0) {
    std::vector<std::int64_t> order;
    if (options_.shuffle) {
      order = permutation(rows_, options_.seed, std::uint64_t(position_.epoch));
    } else {
      order.resize(std::size_t(rows_));
      std::iota(order.begin(), order.end(), 0);
    }
    order_ = Tensor::from(order, {rows_}, options_.device);
  }
  order_epoch_ = position_.epoch;
}

Tensor Batches::next() {
  shuffle();
  const Index begin = position_.step * options_.batch,
              end = std::min(begin + options_.batch, rows_);
  Tensor index = ops::slice(order_, 0, begin, end);
  if (++position_.step == steps_) position_ = {position_.epoch + 1, 0};
  return index;
}

}  // namespace imago::data
