#include "engine/ops/strides.h"

#include <algorithm>

namespace imago::ops::detail {

Shape broadcast_shape(const char* op, const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  std::vector<Index> d(std::size_t(rank), 1);
  for (int i = 0; i < rank; i++) {
    const Index m = i < a.rank() ? a[-1 - i] : 1, n = i < b.rank() ? b[-1 - i] : 1;
    if (m != n && m != 1 && n != 1)
      op_error(op, "shapes that broadcast: aligned at the right, sizes equal or 1",
               concat(a, " and ", b));
    d[std::size_t(rank - 1 - i)] = m == 1 ? n : m;
  }
  return Shape(std::move(d));
}

std::vector<Index> contiguous_strides(const Shape& shape) {
  std::vector<Index> s(std::size_t(shape.rank()));
  Index step = 1;
  for (int d = shape.rank() - 1; d >= 0; d--) {
    s[std::size_t(d)] = step;
    step *= shape[d];
  }
  return s;
}

std::vector<Index> broadcast_strides(const Shape& from, const Shape& to) {
  std::vector<Index> s = contiguous_strides(from);
  for (int d = 0; d < from.rank(); d++)
    if (from[d] == 1) s[std::size_t(d)] = 0;
  s.insert(s.begin(), std::size_t(to.rank() - from.rank()), 0);
  return s;
}

}  // namespace imago::ops::detail
