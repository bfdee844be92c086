// Precision, recall, density and coverage against plain loops over all pairs, and where pairs are
// as hard to tell apart as can be.
#include "models/measures/manifold.h"

#include <omp.h>

#include <algorithm>
#include <cmath>

#include "engine/ops/ops.h"
#include "tests/errors.h"
#include "tests/io/files.h"
#include "tests/models/features.h"

namespace imago::models {
namespace {
using test::expect_error, test::normals, test::with_value;

// Squared distances with more digits than those compared.
std::vector<long double> squares(const Tensor& x, const Tensor& y) {
  const std::vector<double> a = x.values(), b = y.values();
  const auto d = std::size_t(x.size(1));
  std::vector<long double> all;
  for (std::size_t i = 0; i < a.size(); i += d)
    for (std::size_t j = 0; j < b.size(); j += d) {
      long double sum = 0;
      for (std::size_t c = 0; c < d; c++) {
        const long double e = (long double)(a[i + c]) - b[j + c];
        sum += e * e;
      }
      all.push_back(sum);
    }
  return all;
}
std::vector<long double> radii(const Tensor& x, Index k) {
  const std::vector<long double> all = squares(x, x);
  const Index n = x.size(0);
  std::vector<long double> r;
  for (Index i = 0; i < n; i++) {
    std::vector<long double> row(all.begin() + i * n, all.begin() + (i + 1) * n);
    std::nth_element(row.begin(), row.begin() + k, row.end());
    r.push_back(row[std::size_t(k)]);
  }
  return r;
}
struct Distances {
  std::vector<long double> real, fake, between;  // squared: radii, radii, all pairs
};
Manifold oracle(const Distances& of, Index k, bool closed) {
  const auto &rr = of.real, &rf = of.fake, &d = of.between;
  const std::size_t n = rr.size(), m = rf.size();
  std::vector<int> balls(m), inside(n), covered(n);
  Manifold r;
  for (std::size_t i = 0; i < n; i++)
    for (std::size_t j = 0; j < m; j++) {
      const long double v = d[i * m + j];
      const auto in = [&](long double radius) { return closed ? v <= radius : v < radius; };
      balls[j] += in(rr[i]);
      covered[i] |= in(rr[i]);
      inside[i] |= in(rf[j]);
      for (const long double radius : {rr[i], rf[j]})
        r.near_ties += std::fabs(std::sqrt(v) - std::sqrt(radius)) <= 1e-9L * std::sqrt(radius);
    }
  for (std::size_t j = 0; j < m; j++) {
    r.precision += double(balls[j] > 0) / double(m);
    r.density += double(balls[j]) / double(k) / double(m);
  }
  for (std::size_t i = 0; i < n; i++) {
    r.recall += double(inside[i]) / double(n);
    r.coverage += double(covered[i]) / double(n);
  }
  return r;
}
void expect_equal(const Manifold& a, const Manifold& b, const std::string& what) {
  EXPECT_NEAR(a.precision, b.precision, 1e-12) << what;
  EXPECT_NEAR(a.recall, b.recall, 1e-12) << what;
  EXPECT_NEAR(a.density, b.density, 1e-12) << what;
  EXPECT_NEAR(a.coverage, b.coverage, 1e-12) << what;
  EXPECT_EQ(a.near_ties, b.near_ties) << what;
}
void check(const Tensor& real, const Tensor& fake, const std::string& what, Index k = 5) {
  const Distances d{radii(real, k), radii(fake, k), squares(real, fake)};
  for (const bool closed : {false, true})
    for (const Index tile : {2048, 50})
      expect_equal(*manifold(real, fake, {k, closed, {}, tile}), oracle(d, k, closed),
                   concat(what, closed ? ", closed" : ", open", ", tiles of ", tile));
}

TEST(Manifold, IsItsDefinition) {
  check(normals({230, 7}, 1), normals({190, 7}, 2) * .9 + .3, "float64");
  check(normals({230, 7}, 1, DType::f32), normals({190, 7}, 2, DType::f32) + .3, "float32");
  check(normals({100, 7}, 1, DType::f32), normals({90, 7}, 2) + .3, "one of each");
  check(normals({90, 300}, 3, DType::f32), normals({80, 300}, 4, DType::f32), "wide");
  check(normals({300, 1}, 5), normals({300, 1}, 6) * 2, "a line", 3);
  check(normals({6, 2}, 5), normals({9, 2}, 6), "few rows");
}
// Tiles of all sizes, those at the ends smaller; the size does not show.
TEST(Manifold, Tiles) {
  const Tensor real = normals({210, 3}, 1, DType::f32), fake = normals({190, 3}, 2, DType::f32);
  const Manifold want = *manifold(real, fake, {3, false, {}});
  for (const Index tile : {7, 64, 95, 200})
    expect_equal(*manifold(real, fake, {3, false, {}, tile}), want, concat("tiles of ", tile));
  EXPECT_EQ(*neighbour_distances(real, 3, {}, 64), *neighbour_distances(real, 3));
}
// What a product in float32, or in float64, cannot see: points far from their centre and close to
// each other; scales that overflow or underflow float32; radii all but equal.
TEST(Manifold, HardToTellApart) {
  const Tensor x = normals({120, 6}, 7), y = normals({110, 6}, 8);
  check(x + 1e8, y + 1e8, "a common offset");
  check(x * 1e-30, y * 1e-30, "small");
  check(x * 1e30, y * 1e30, "large");
  // Clusters narrower, beside their distance from the centre, than products resolve.
  for (const double width : {1e-4, 1e-7, 1e-9}) {
    const auto clusters = [&](const Tensor& t, std::uint64_t seed) {
      return ops::round(normals({t.size(0), 6}, seed) * .7) + t * width;
    };
    check(clusters(x, 9), clusters(y, 10), concat("clusters of width ", width), 2);
  }
  // All on a sphere but for parts in 10^8: the radii of the fake ones, about the centre, too.
  const Tensor sphere = x / ops::sqrt(ops::sum(ops::square(x), {1}, true));
  check(sphere * (1 + 1e-8 * normals({120, 1}, 11)), y * 1e-8, "a sphere");
  // One spread of 10^6 beside the other.
  check(x * 1e6, y, "two scales");
}
// Distances equal to radii, and within 10^-9 of them: the exact ones decide, and are reported.
TEST(Manifold, Ties) {
  const Tensor x = ops::round(normals({150, 3}, 12) * 2), y = ops::round(normals({140, 3}, 13) * 2);
  ASSERT_GT(manifold(x, y, {3, false, {}})->near_ties, 100);
  check(x, y, "a lattice", 3);
  check(x, x, "a lattice and itself", 3);
  check(normals({80, 4}, 14), normals({80, 4}, 14), "identical sets", 3);
  // The k-th neighbour of 0 is at 1; fake points at 1 and nextafter it on either side.
  const double below = std::nextafter(1., 0.), above = std::nextafter(1., 2.);
  const Tensor real = Tensor::from(std::vector<double>{0, 1, 100, 101}, {4, 1});
  for (const auto& [at, open, closed] :
       {std::tuple{below, 1., 1.}, {1., 0., 1.}, {above, 0., 0.}, {1 + 1e-10, 0., 0.}}) {
    const Tensor fake = Tensor::from(std::vector<double>{-at, -1000}, {2, 1});
    const auto a = manifold(real, fake, {1, false, {}}), b = manifold(real, fake, {1, true, {}});
    EXPECT_EQ(a->precision, open / 2) << at;
    EXPECT_EQ(b->precision, closed / 2) << at;
    EXPECT_EQ(a->near_ties, 1) << at;
  }
  EXPECT_EQ(
      manifold(real, Tensor::from(std::vector<double>{-1 - 1e-8, -1000}, {2, 1}), {1, false, {}})
          ->near_ties,
      0);
}
TEST(Manifold, ClosedForms) {
  const Tensor x = normals({200, 4}, 15);
  // Every ball holds its centre: identical sets are precise, and cover. Each sample is in its own
  // ball and in those of its neighbours: k on average where none is on the surface but one.
  const auto same = manifold(x, x);
  EXPECT_EQ(same->precision, 1);
  EXPECT_EQ(same->recall, 1);
  EXPECT_EQ(same->coverage, 1);
  EXPECT_DOUBLE_EQ(same->density, 1);
  EXPECT_EQ(same->f_score, 1);
  const auto apart = manifold(x, x + 100);
  EXPECT_EQ(apart->precision + apart->recall + apart->density + apart->coverage, 0);
  EXPECT_EQ(apart->f_score, 0);
  // All samples alike, one of the data: precise, dense, and no cover.
  const auto collapsed = manifold(x, ops::slice(x, 0, 3, 4) + Tensor::zeros({50, 1}, DType::f64));
  EXPECT_EQ(collapsed->precision, 1);
  EXPECT_EQ(collapsed->recall, 0);
  EXPECT_GT(collapsed->near_ties, 0);
}
TEST(Manifold, NeighbourDistances) {
  const Tensor x = normals({150, 5}, 16);
  const auto want = radii(x, 4);
  const auto got = neighbour_distances(x, 4);
  for (std::size_t i = 0; i < want.size(); i++)
    EXPECT_NEAR((*got)[i], double(std::sqrt(want[i])), 1e-14 * (*got)[i]);
  const Tensor line = Tensor::from(std::vector<double>{0, 1, 3, 7}, {4, 1});
  EXPECT_EQ(*neighbour_distances(line, 2), (std::vector<double>{3, 2, 3, 6}));
}
TEST(Manifold, ThreadsAndDevicesDoNotShow) {
  const Tensor x = normals({130, 6}, 17), y = normals({120, 6}, 18);
  const Manifold want = *manifold(x, y);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(threads == 1 ? 3 : 1);
  expect_equal(*manifold(x, y), want, "threads");
  omp_set_num_threads(threads);
  for (const Device d : devices()) expect_equal(*manifold(x.to(d), y.to(d)), want, name(d));
}
TEST(Manifold, IsWatched) {
  const Tensor x = normals({60, 2}, 19);
  test::expect_watched([&](const Watch& w) { return manifold(x, x, {5, false, w}).has_value(); });
  test::expect_watched(
      [&](const Watch& w) { return neighbour_distances(x, 1, w, 40).has_value(); });
}
TEST(Manifold, Refusals) {
  const Tensor x = normals({30, 2}, 20);
  expect_error(
      [&] {
        manifold(x, normals({30, 3}, 1));
      },
      {"real features and fake features", "expected 2", "received 3"});
  expect_error([&] { manifold(x, x, {0, false, {}}); }, {"k of at least 1", "received 0"});
  expect_error([&] { manifold(x, x, {5, false, {}, 0}); }, {"tiles", "received 0"});
  expect_error([&] { manifold(normals({4}, 1), x); }, {"real features", "[N, D]"});
  expect_error([&] { manifold(x, Tensor::zeros({0, 2})); }, {"fake features", "[0, 2]"});
  test::expect_error(ErrorKind::data, {"5 neighbours", "real features", "at least 6", "received 1"},
                     [&] {
                       manifold(normals({1, 2}, 1), x);
                     });
  test::expect_error(ErrorKind::data, {"30 neighbours", "at least 31", "received 30"},
                     [&] { neighbour_distances(x, 30); });
  test::expect_error(ErrorKind::data, {"row 7", "fake features", "nan"},
                     [&] { manifold(x, with_value(x, 7, NAN)); });
  test::expect_error(ErrorKind::data, {"row 4", "real features", "below 1e300"},
                     [&] { manifold(with_value(x, 4, 1e200), x); });
}

}  // namespace
}  // namespace imago::models
