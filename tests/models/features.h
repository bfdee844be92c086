// What tests of measures of features share: draws, bad values, and being watched. Not here: the
// measures.
#pragma once
#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "engine/ops/random.h"
#include "models/measures/watch.h"

namespace imago::test {

inline Tensor normals(const Shape& shape, std::uint64_t seed, DType dtype = DType::f64) {
  Generator g{seed};
  return ops::randn(shape, g, dtype);
}
// x [n, d] with the first value of a row replaced.
inline Tensor with_value(const Tensor& x, Index row, double value) {
  std::vector<double> v = x.values();
  v[std::size_t(row * x.size(1))] = value;
  return Tensor::from(v, x.shape());
}
// f(watch): whether there was a result. Progress rises to 1; a caller who says stop gets none,
// whenever it is said.
inline void expect_watched(const std::function<bool(const models::Watch&)>& f) {
  double before = 0;
  int asked = 0;
  EXPECT_TRUE(f({[&](double share) {
                   EXPECT_GE(share, before);
                   EXPECT_LE(share, 1);
                   before = share;
                 },
                 [&] {
                   asked++;
                   return false;
                 }}));
  EXPECT_EQ(before, 1);
  ASSERT_GT(asked, 1);
  for (const int last : {1, asked}) {
    int now = 0;
    EXPECT_FALSE(f({{}, [&] { return ++now >= last; }})) << last << " of " << asked;
  }
}

}  // namespace imago::test
