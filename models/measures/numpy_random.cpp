#include "models/measures/numpy_random.h"

#include <bit>
#include <numeric>

#include "engine/core/error.h"

namespace imago::models {

std::uint64_t NumpyRandom::below_or_at(std::uint64_t max) {
  if (max == 0) return 0;
  const std::uint64_t mask = ~std::uint64_t(0) >> std::countl_zero(max);
  for (;;) {
    std::uint64_t value = engine_();
    if (max > 0xffffffffu) value = value << 32 | engine_();
    if ((value &= mask) <= max) return value;
  }
}

std::vector<Index> NumpyRandom::permutation(Index n) {
  if (n < 0)
    throw Error(ErrorKind::usage, {"no permutation", {}, "a size of 0 or more", concat(n)});
  std::vector<Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size(); i-- > 1;) std::swap(order[i], order[below_or_at(i)]);
  return order;
}

std::vector<Index> NumpyRandom::choice(Index n, Index m) {
  if (m < 0 || m > n)
    throw Error(ErrorKind::usage,
                {"no choice without replacement", {}, concat("0 to ", n), concat(m)});
  std::vector<Index> order = permutation(n);
  order.resize(std::size_t(m));
  return order;
}

}  // namespace imago::models
