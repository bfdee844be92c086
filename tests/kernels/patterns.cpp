// Every parallel pattern against plain loops, on each back-end and in three orders of emulated
// threads.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <ostream>

#include "tests/kernels/memory.h"
#include "tests/kernels/probes.h"

namespace imago::test {
namespace {

const std::vector<Index> kSizes = {0, 1, 31, 32, 33, 255, 256, 257, 1000, 65537};
constexpr Index kWarp = 32;
constexpr double kUntouched = 100;
constexpr PhiloxKey kKey{42, 7, 0xfffffff0ull};  // the counter's low word overflows after 16 blocks

std::uint32_t hash(std::uint64_t i) { return std::uint32_t((i * 0x9E3779B97F4A7C15u) >> 40); }
// Small whole numbers: sums are exact in float.
template <class T>
std::vector<T> whole(Index n, unsigned seed) {
  std::vector<T> v(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < v.size(); i++) v[i] = T(int(hash(i + 1000003u * seed) % 17) - 8);
  return v;
}
template <class T>
void expect_equal(const std::vector<T>& got, const std::vector<T>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); i++)
    ASSERT_EQ(got[i], want[i]) << "element " << i << " of " << got.size();
}

struct Where {
  Backend backend;
  int order;
};
std::ostream& operator<<(std::ostream& o, const Where& w) {
  return o << (w.backend == Backend::cpu    ? "cpu"
               : w.backend == Backend::cuda ? "cuda"
                                            : "emulated")
           << " order " << w.order;
}
std::string label(const testing::TestParamInfo<Where>& p) {
  switch (p.param.backend) {
    case Backend::cpu: return "on_cpu";
    case Backend::cuda: return "on_cuda";
    case Backend::emulated: return "on_emulated_" + std::to_string(p.param.order);
  }
  return "";
}

class Patterns : public testing::TestWithParam<Where> {
 protected:
  void SetUp() override {
    if (runtime::device_count(where()) == 0) GTEST_SKIP() << "no CUDA device";
    stream_ = runtime::compute_stream(where(), 0);
  }
  static Backend where() { return GetParam().backend; }

  // Runs the kernel on x and y = kUntouched; expects want, which begins as the same y.
  template <class T>
  void run(void (*kernel)(Stream, const Probe<T>&), Probe<T> p, const std::vector<T>& x,
           std::size_t results, const std::function<void(std::vector<T>&)>& reference) {
    SCOPED_TRACE("outer " + std::to_string(p.outer) + " rows " + std::to_string(p.rows) + " cols " +
                 std::to_string(p.cols) + " bytes " + std::to_string(sizeof(T)));
    const DeviceArray<T> dx(where(), x), dy(where(), std::vector<T>(results, T(kUntouched)));
    p.x = dx.data();
    p.y = dy.data();
    kernel(stream_, p);
    std::vector<T> want(results, T(kUntouched));
    reference(want);
    expect_equal(dy.values(), want);
  }
  // body(rows, cols) for all pairs of sizes that are not too large together, a row costing at least
  // the work of least columns.
  static void for_each_shape(Index least, const std::function<void(Index, Index)>& body) {
    for (Index rows : kSizes)
      for (Index cols : kSizes)
        if (rows * std::max(cols, least) <= 70000 && !HasFatalFailure()) body(rows, cols);
  }

  Stream stream_;

 private:
  Order order_{GetParam().order};
};

template <class T>
std::size_t at(Index r, Index c, const Probe<T>& p) {
  return std::size_t(r * p.cols + c);
}

#define BOTH_TYPES(test)             \
  test.template operator()<float>(); \
  test.template operator()<double>()

TEST_P(Patterns, for_each) {
  const auto test = [&]<class T>() {
    for (Index n : kSizes) {
      const auto x = whole<T>(n, 1);
      run<T>(kernels::probe_for_each, {1, n}, x, x.size(), [&](std::vector<T>& y) {
        for (std::size_t i = 0; i < y.size(); i++) y[i] += x[i] + 1;
      });
    }
  };
  BOTH_TYPES(test);
}

TEST_P(Patterns, for_each_2d) {
  const auto test = [&]<class T>() {
    for_each_shape(1, [&](Index rows, Index cols) {
      const Probe<T> p{1, rows, cols};
      const auto x = whole<T>(rows * cols, 2);
      run<T>(kernels::probe_for_each_2d, p, x, x.size(), [&](std::vector<T>& y) {
        for (Index r = 0; r < rows; r++)
          for (Index c = 0; c < cols; c++) y[at(r, c, p)] += x[at(r, c, p)] + T(3 * r + c);
      });
    });
  };
  BOTH_TYPES(test);
}

TEST_P(Patterns, row_reduce) {
  const auto test = [&]<class T>() {
    const auto one = [&](Index rows, Index cols) {
      const Probe<T> p{1, rows, cols};
      const auto x = whole<T>(rows * cols, 3);
      const auto size = std::size_t(rows);
      run<T>(kernels::probe_row_reduce, p, x, size, [&](std::vector<T>& y) {
        for (Index r = 0; r < rows; r++) {
          y[std::size_t(r)] = 0;
          for (Index c = 0; c < cols; c++) y[std::size_t(r)] += x[at(r, c, p)];
        }
      });
      run<T>(kernels::probe_row_vec, p, x, 3 * size, [&](std::vector<T>& y) {
        for (Index r = 0; r < rows; r++) {
          T* sums = &y[3 * std::size_t(r)];
          sums[0] = sums[1] = 0;
          sums[2] = T(cols);
          for (Index c = 0; c < cols; c++) {
            sums[0] += x[at(r, c, p)];
            sums[1] += x[at(r, c, p)] * x[at(r, c, p)];
          }
        }
      });
      run<T>(kernels::probe_row_max, p, x, size, [&](std::vector<T>& y) {
        for (Index r = 0; r < rows; r++) {
          y[std::size_t(r)] = -T(INFINITY);
          for (Index c = 0; c < cols; c++)
            if (x[at(r, c, p)] > y[std::size_t(r)]) y[std::size_t(r)] = x[at(r, c, p)];
        }
      });
    };
    for_each_shape(kWarp, one);
    one(3, 65537);  // few long rows: two passes
    one(1, 300000);
    if (sizeof(T) == 4) one(17000, 1);  // more rows than the grid has warps
  };
  BOTH_TYPES(test);
}

TEST_P(Patterns, for_each_row) {
  const auto test = [&]<class T>() {
    for_each_shape(kWarp, [&](Index rows, Index cols) {
      const Probe<T> p{1, rows, cols};
      const auto x = whole<T>(rows * cols, 4);
      run<T>(kernels::probe_for_each_row, p, x, x.size(), [&](std::vector<T>& y) {
        for (Index r = 0; r < rows; r++) {
          T sum = 0;
          for (Index c = 0; c < cols; c++) sum += x[at(r, c, p)];
          for (Index c = 0; c < cols; c++) y[at(r, c, p)] = x[at(r, c, p)] + sum;
        }
      });
    });
  };
  BOTH_TYPES(test);
}

TEST_P(Patterns, column_reduce) {
  const auto test = [&]<class T>() {
    for_each_shape(1, [&](Index rows, Index cols) {
      const Probe<T> p{1, rows, cols};
      const auto x = whole<T>(rows * cols, 5);
      run<T>(kernels::probe_column_reduce, p, x, std::size_t(cols), [&](std::vector<T>& y) {
        for (Index c = 0; c < cols; c++) {
          y[std::size_t(c)] = 0;
          for (Index r = 0; r < rows; r++) y[std::size_t(c)] += x[at(r, c, p)];
        }
      });
    });
  };
  BOTH_TYPES(test);
}

TEST_P(Patterns, column_reduce_outer) {
  const auto test = [&]<class T>() {
    const auto one = [&](Index outer, Index rows, Index cols) {
      const auto x = whole<T>(outer * rows * cols, 6);
      run<T>(kernels::probe_column_reduce_outer, {outer, rows, cols}, x, std::size_t(outer * cols),
             [&](std::vector<T>& y) {
               for (Index o = 0; o < outer; o++)
                 for (Index c = 0; c < cols; c++) {
                   T& sum = y[std::size_t(o * cols + c)] = 0;
                   for (Index r = 0; r < rows; r++)
                     sum += x[std::size_t((o * rows + r) * cols + c)];
                 }
             });
    };
    for (Index outer : {0, 1, 3, 40})
      for (Index rows : {0, 1, 33, 257})
        for (Index cols : {0, 1, 31, 33}) one(outer, rows, cols);
    one(3000, 9, 2);  // more tiles than the grid has blocks
  };
  BOTH_TYPES(test);
}

TEST_P(Patterns, reduce_all) {
  const auto test = [&]<class T>() {
    for (Index n : kSizes) {
      const auto x = whole<T>(n, 7);
      run<T>(kernels::probe_reduce_all, {1, n}, x, 1, [&](std::vector<T>& y) {
        y[0] = 0;
        for (T v : x) y[0] += v;
      });
    }
  };
  BOTH_TYPES(test);
}

// The draw itself, from the words: what the patterns must agree with to the last bit.
std::vector<float> draw(void (*kernel)(Stream, const Probe<float>&), Backend b, Index n) {
  const DeviceArray<float> y(b, std::vector<float>(static_cast<std::size_t>(n), -100.f));
  Probe<float> p{1, n, 0, kKey};
  p.y = y.data();
  kernel(runtime::compute_stream(b, 0), p);
  return y.values();
}

TEST_P(Patterns, normals_are_bit_equal_to_the_cpu) {
  for (Index n : kSizes) {
    expect_equal(draw(kernels::probe_normal, where(), n),
                 draw(kernels::probe_normal, Backend::cpu, n));
    expect_equal(draw(kernels::probe_uniform, where(), n),
                 draw(kernels::probe_uniform, Backend::cpu, n));
  }
}

TEST_P(Patterns, uniforms_are_the_words) {
  const Index n = 1001, count = (n + 3) / 4;
  const DeviceArray<std::uint32_t> words(where(),
                                         std::vector<std::uint32_t>(std::size_t(4 * count)));
  kernels::probe_words(stream_, {count, kKey, words.data()});
  const auto w = words.values();
  std::vector<float> want(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < want.size(); i++) want[i] = float(w[i] >> 8) / 16777216.f;
  expect_equal(draw(kernels::probe_uniform, where(), n), want);
}

TEST_P(Patterns, rows_of_normals) {
  const auto test = [&]<class T>() {
    for (Index outer : {0, 1, 5})
      for (Index rows : {1, 3, 32})
        for (Index cols : {0, 1, 2, 5, 31, 64, 513, 2051}) {
          const Index n = outer * rows * cols;
          const auto e = draw(kernels::probe_normal, Backend::cpu, n);
          const auto x = whole<T>(n, 8);
          Probe<T> p{outer, rows, cols, kKey};
          run<T>(kernels::probe_normal_groups, p, x, x.size(), [&](std::vector<T>& y) {
            for (std::size_t i = 0; i < y.size(); i++)
              y[i] = T(e[i]) + T(4 * (Index(i) / (rows * cols)));
          });
          run<T>(kernels::probe_row_normal, p, x, std::size_t(outer * rows),
                 [&](std::vector<T>& y) {
                   for (Index r = 0; r < outer * rows; r++) {
                     y[std::size_t(r)] = 0;
                     for (Index c = 0; c < cols; c++)
                       y[std::size_t(r)] += T(std::floor(4 * e[at(r, c, p)])) + T(r / rows);
                   }
                 });
          run<T>(kernels::probe_group_normal, p, x, std::size_t(outer * cols),
                 [&](std::vector<T>& y) {
                   for (Index b = 0; b < outer; b++)
                     for (Index c = 0; c < cols; c++) {
                       T& sum = y[std::size_t(b * cols + c)] = 0;
                       for (Index r = b * rows; r < (b + 1) * rows; r++)
                         sum += T(std::floor(4 * e[at(r, c, p)])) * x[at(r, c, p)];
                     }
                 });
        }
  };
  BOTH_TYPES(test);
}

TEST_P(Patterns, multi_tensor) {
  const auto test = [&]<class T>() {
    for (const std::vector<Index>& sizes :
         {std::vector<Index>{}, {0}, {5}, {0, 1, 0, 9000, 31}, std::vector<Index>(200, 70)}) {
      std::vector<std::unique_ptr<DeviceArray<T>>> tensors;
      std::vector<std::vector<T>> want;
      std::vector<ProbeItem<T>> items;
      double all = 0;
      for (std::size_t t = 0; t < sizes.size(); t++) {
        want.push_back(whole<T>(sizes[t], unsigned(t)));
        tensors.push_back(std::make_unique<DeviceArray<T>>(where(), want.back()));
        items.push_back({sizes[t], tensors.back()->data(), {double(t % 3), 0, 0, 0}});
        for (T& v : want.back()) all += double(v += T(1 + t % 3));
      }
      const DeviceArray<T> sum(where(), {T(kUntouched)});
      const ProbeList<T> list{items.data(), Index(items.size()), sum.data()};
      kernels::probe_multi_tensor(stream_, list);
      for (std::size_t t = 0; t < sizes.size(); t++) expect_equal(tensors[t]->values(), want[t]);
      kernels::probe_multi_tensor_reduce(stream_, list);
      expect_equal(sum.values(), {T(all)});
    }
  };
  BOTH_TYPES(test);
}

// All of a draw from the published algorithm's known answers (Salmon et al., Random123).
TEST_P(Patterns, philox_known_answers) {
  struct Answer {
    PhiloxKey key;
    std::uint32_t words[4];
  };
  const Answer answers[] = {
      {{0, 0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{~0ull, ~0ull, ~0ull}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x299f31d0a4093822u, 0x0370734413198a2eu, 0x85a308d3243f6a88u},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}};
  for (const Answer& a : answers) {
    const DeviceArray<std::uint32_t> words(where(), std::vector<std::uint32_t>(4));
    kernels::probe_words(stream_, {1, a.key, words.data()});
    expect_equal(words.values(), {a.words, a.words + 4});
  }
}

// Philox as the paper states it, in plain loops.
std::vector<std::uint32_t> plain_philox(PhiloxKey key, std::uint64_t block) {
  const std::uint64_t counter = key.offset + block;
  std::uint32_t c[4] = {std::uint32_t(counter), std::uint32_t(counter >> 32),
                        std::uint32_t(key.subsequence), std::uint32_t(key.subsequence >> 32)};
  std::uint32_t k[2] = {std::uint32_t(key.seed), std::uint32_t(key.seed >> 32)};
  for (int round = 0; round < 10; round++) {
    const std::uint64_t a = std::uint64_t(0xD2511F53u) * c[0],
                        b = std::uint64_t(0xCD9E8D57u) * c[2];
    const std::uint32_t next[4] = {std::uint32_t(b >> 32) ^ c[1] ^ k[0], std::uint32_t(b),
                                   std::uint32_t(a >> 32) ^ c[3] ^ k[1], std::uint32_t(a)};
    std::copy(next, next + 4, c);
    k[0] += 0x9E3779B9u;
    k[1] += 0xBB67AE85u;
  }
  return {c, c + 4};
}

TEST_P(Patterns, philox_counter_carries) {
  const Index blocks = 40;
  for (std::uint64_t offset : {0xfffffff0ull, 0xffffffffull, ~0ull - 8}) {
    const PhiloxKey key{0x0123456789abcdefu, 0xfedcba9876543210u, offset};
    const DeviceArray<std::uint32_t> words(where(),
                                           std::vector<std::uint32_t>(std::size_t(4 * blocks)));
    kernels::probe_words(stream_, {blocks, key, words.data()});
    std::vector<std::uint32_t> want;
    for (Index b = 0; b < blocks; b++)
      for (std::uint32_t w : plain_philox(key, std::uint64_t(b))) want.push_back(w);
    expect_equal(words.values(), want);
  }
}

#if IMAGO_HAS_CPU_LEVELS
TEST(CpuLevel, its_kernels_are_the_ones_that_run) {
  EXPECT_EQ(kernels::probe_level(), cpu_level());
}
// The level is chosen once, so each setting gets a process of its own.
TEST(CpuLevelDeathTest, the_environment_lowers_it) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto run = [](const char* level) {
    setenv("IMAGO_CPU_LEVEL", level, 1);
    try {
      _exit(kernels::probe_level());
    } catch (const DeviceError& e) {
      std::fputs(e.what(), stderr);
      _exit(1);
    }
  };
  EXPECT_EXIT(run("3"), testing::ExitedWithCode(3), "");
  EXPECT_EXIT(run("2"), testing::ExitedWithCode(1), "kernels need x86-64-v3");
  EXPECT_EXIT(run("v4"), testing::ExitedWithCode(1), "is 'v4', expected 2, 3 or 4");
}
#endif

std::vector<Where> places() {
  std::vector<Where> all = {{Backend::cpu, 0}};
#if IMAGO_HAS_EMULATED
  for (int order : orders()) all.push_back({Backend::emulated, order});
#endif
#if IMAGO_HAS_CUDA
  all.push_back({Backend::cuda, 0});
#endif
  return all;
}
INSTANTIATE_TEST_SUITE_P(Kernels, Patterns, testing::ValuesIn(places()), label);

}  // namespace
}  // namespace imago::test
