// Files of moments: what is written is read, as other tools write it too, and what is wrong is
// named.
#include "models/measures/statistics.h"

#include <atomic>
#include <cmath>
#include <filesystem>
#include <thread>

#include "engine/io/npy.h"
#include "engine/ops/ops.h"
#include "models/measures/frechet.h"
#include "tests/errors.h"
#include "tests/io/files.h"

namespace imago::models {
namespace {
using test::expect_error;
using test::TemporaryFolder;

Moments some(Index n, Index d, std::uint64_t seed) {
  Generator g{seed};
  MomentSum s(d);
  s.add(ops::randn({n, d}, g, DType::f64));
  return s.moments();
}

TEST(Statistics, RoundTrip) {
  TemporaryFolder folder;
  for (const Index n : {50, 4}) {  // more rows than features, and fewer
    const Moments m = some(n, 6, 1);
    write_statistics(folder / "m.npz", m);
    const Moments r = read_statistics(folder / "m.npz");
    EXPECT_EQ(r.mean.values(), m.mean.values());
    EXPECT_EQ(r.covariance.values(), m.covariance.values());
    EXPECT_EQ(r.rows.defined(), n == 4);
    EXPECT_EQ(r.count, n);
    const Moments other = some(40, 6, 2);
    EXPECT_EQ(frechet_distance(r, other).distance, frechet_distance(m, other).distance);
  }
  // Of known moments, without n.
  write_statistics(folder / "g.npz",
                   {Tensor::zeros({2}, DType::f64), Tensor::zeros({2, 2}, DType::f64)});
  EXPECT_EQ(io::read_npz(folder / "g.npz").size(), 2u);
  EXPECT_EQ(read_statistics(folder / "g.npz").count, 0);
}

// pytorch-fid's and clean-fid's: mu in float32 or float64, nothing else.
TEST(Statistics, OfOtherTools) {
  TemporaryFolder folder;
  io::write_npz(folder / "o.npz",
                {{"mu", io::host_array(std::vector<float>{1, .5f}, {2})},
                 {"sigma", io::host_array(std::vector<double>{2, .5, .5, 1}, {2, 2})}});
  const Moments m = read_statistics(folder / "o.npz");
  EXPECT_EQ(m.mean.to_vector<double>(), (std::vector<double>{1, .5}));
  EXPECT_EQ(m.covariance.to_vector<double>(), (std::vector<double>{2, .5, .5, 1}));
  EXPECT_FALSE(m.rows.defined());
}

// A covariance that lost digits to float32, singular or not, has negative eigenvalues of its own.
TEST(Statistics, OfRoundedCovariances) {
  TemporaryFolder folder;
  for (const Index n : {200, 20}) {
    const Moments m = some(n, 60, 4);
    const Tensor narrow = ops::cast(m.covariance, DType::f32);
    io::write_npz(folder / "r.npz", {{"mu", io::to_host(m.mean)}, {"sigma", io::to_host(narrow)}});
    EXPECT_EQ(read_statistics(folder / "r.npz").covariance.values(), narrow.values()) << n;
  }
}

TEST(Statistics, Refusals) {
  TemporaryFolder folder;
  const std::string path = folder / "bad.npz";
  using Values = std::vector<double>;
  const io::HostArray mu = io::host_array(Values{1, 2}, {2}),
                      sigma = io::host_array(Values{2, .5, .5, 1}, {2, 2});
  const auto refused = [&](const io::NamedArrays& arrays, std::vector<std::string> parts) {
    io::write_npz(path, arrays);
    parts.push_back(path);
    expect_error(ErrorKind::data, parts, [&] { read_statistics(path); });
  };
  refused({{"mu", mu}}, {"no sigma", "received mu"});
  refused({{"sigma", sigma}, {"m", mu}}, {"no mu", "received m, sigma"});
  refused({}, {"no mu", "received nothing"});
  refused({{"mu", io::host_array(Values{1, 2}, {1, 2})}, {"sigma", sigma}},
          {"wrong mu", "1 dimension", "[1, 2]"});
  refused({{"mu", io::host_array(Values{}, {0})}, {"sigma", sigma}}, {"wrong mu", "[0]"});
  refused({{"mu", io::host_array(std::vector<std::int64_t>{1, 2}, {2})}, {"sigma", sigma}},
          {"wrong mu", "floating", "int64"});
  refused({{"mu", mu}, {"sigma", io::host_array(Values{1, 2}, {2})}},
          {"wrong sigma", "2 dimensions", "[2]"});
  refused({{"mu", mu}, {"sigma", io::host_array(Values{1, 2}, {1, 2})}},
          {"do not go together", "[2, 2]", "[1, 2]"});
  refused({{"mu", mu}, {"sigma", io::host_array(Values{1}, {1, 1})}},
          {"do not go together", "[2, 2]", "[1, 1]"});
  refused({{"mu", io::host_array(Values{1, NAN}, {2})}, {"sigma", sigma}}, {"row 1 of mu", "nan"});
  refused({{"mu", mu}, {"sigma", io::host_array(Values{1, 0, INFINITY, 1}, {2, 2})}},
          {"row 1 of sigma", "inf"});
  refused({{"mu", mu}, {"sigma", io::host_array(Values{1, 0, 0, -1}, {2, 2})}},
          {"negative variance in row 1", "-1"});
  refused({{"mu", mu}, {"sigma", io::host_array(Values{1, .5, .4, 1}, {2, 2})}},
          {"not symmetric in row 1", "expected 0.5", "received 0.4"});
  refused({{"mu", mu}, {"sigma", io::host_array(Values{1, 2, 2, 1}, {2, 2})}},
          {"sigma has negative eigenvalues", "a trace of 2 and a factor of 5"});
  refused({{"mu", mu}, {"sigma", sigma}, {"n", mu}}, {"wrong n"});
  refused({{"mu", mu},
           {"sigma", sigma},
           {"n", io::host_array(std::vector<std::int64_t>{3}, {})},
           {"rows", io::host_array(Values{1, 2, 3, 4}, {2, 2})}},
          {"do not go together", "[3, 2]", "[2, 2]"});
  expect_error(ErrorKind::data, {"none.npz"}, [&] { read_statistics(folder / "none.npz"); });
}

TEST(Statistics, Cache) {
  TemporaryFolder folder;
  const StatisticsCache cache(folder / "a/b");
  const std::string key = StatisticsCache::key({"data", "features", "1"});
  EXPECT_EQ(key.size(), 16u);
  // What is in which part counts.
  EXPECT_NE(StatisticsCache::key({"data", "features1"}), key);
  EXPECT_NE(StatisticsCache::key({"data", "features", "0"}), key);
  EXPECT_NE(StatisticsCache::key({"datafeatures", "", "1"}), key);
  EXPECT_EQ(StatisticsCache::key({"data", "features", "1"}), key);
  EXPECT_FALSE(cache.find(key));
  const Moments m = some(30, 5, 3);
  cache.store(key, m);
  ASSERT_TRUE(cache.find(key));
  EXPECT_EQ(cache.find(key)->covariance.values(), m.covariance.values());
  EXPECT_FALSE(cache.find(StatisticsCache::key({"other"})));
  const std::string whole = test::contents(cache.path(key));
  test::put(cache.path(key), whole.substr(0, whole.size() / 2));
  expect_error(ErrorKind::data, {key}, [&] { cache.find(key); });
  test::put(folder / "file", "");
  expect_error(ErrorKind::internal, {"cannot make the folder", "file/c"},
               [&] { StatisticsCache(folder / "file/c").store(key, m); });
}

TEST(Statistics, TwoMayStoreTheSameAtOnce) {
  TemporaryFolder folder;
  const StatisticsCache cache(folder / "kept");
  const Moments m = some(300, 150, 3);
  std::vector<std::thread> writers;
  std::atomic<int> failures = 0;
  for (int i = 0; i < 4; i++)
    writers.emplace_back([&] {
      for (int j = 0; j < 10; j++) try {
          cache.store("same", m);
        } catch (const Error&) {
          failures++;
        }
    });
  for (std::thread& w : writers) w.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(cache.find("same")->mean.values(), m.mean.values());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / "kept"), {}), 1);
}

}  // namespace
}  // namespace imago::models
