// Our words against cuRAND's own Philox for the same seed, subsequence and offset. cuRAND's device
// functions are compiled here for the host, so that the comparison needs no device; the ones named
// on_cuda run our kernels on one.
#define QUALIFIERS static inline
#include <curand_kernel.h>
#include <gtest/gtest.h>

#include "tests/kernels/memory.h"
#include "tests/kernels/probes.h"

namespace imago::test {
namespace {

constexpr Index kBlocks = 300;

std::vector<std::uint32_t> curand_words(PhiloxKey key) {
  curandStatePhilox4_32_10_t state;
  curand_init(key.seed, key.subsequence, 4 * key.offset, &state);  // cuRAND counts words
  std::vector<std::uint32_t> words;
  for (Index b = 0; b < kBlocks; b++) {
    const uint4 w = curand4(&state);
    words.insert(words.end(), {w.x, w.y, w.z, w.w});
  }
  return words;
}

class Curand : public testing::TestWithParam<Backend> {};

TEST_P(Curand, gives_the_same_words) {
  if (runtime::device_count(GetParam()) == 0) GTEST_SKIP() << "no CUDA device";
  const PhiloxKey keys[] = {{0, 0, 0},
                            {1, 0, 0},
                            {42, 7, 1000},
                            {0x0123456789abcdefu, 0xfedcba9876543210u, 0xffffff80u},
                            {~0ull, ~0ull, (1ull << 61) + 12345}};
  for (const PhiloxKey& key : keys) {
    const DeviceArray<std::uint32_t> words(GetParam(),
                                           std::vector<std::uint32_t>(std::size_t(4 * kBlocks)));
    kernels::probe_words(runtime::compute_stream(GetParam(), 0), {kBlocks, key, words.data()});
    EXPECT_EQ(words.values(), curand_words(key))
        << "seed " << key.seed << " subsequence " << key.subsequence << " offset " << key.offset;
  }
}

std::vector<Backend> backends() {
  std::vector<Backend> all = {Backend::cpu, Backend::cuda};
#if IMAGO_HAS_EMULATED
  all.push_back(Backend::emulated);
#endif
  return all;
}
INSTANTIATE_TEST_SUITE_P(Kernels, Curand, testing::ValuesIn(backends()), [](const auto& p) {
  return p.param == Backend::cpu ? "on_cpu" : p.param == Backend::cuda ? "on_cuda" : "on_emulated";
});

}  // namespace
}  // namespace imago::test
