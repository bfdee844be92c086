// Writes past the end of global and shared memory, which only the address sanitizer sees: built in
// sanitized configurations.
#include <gtest/gtest.h>

#include "tests/kernels/memory.h"
#include "tests/kernels/planted_faults.h"

namespace imago::test {
namespace {

class Overruns : public testing::Test {
 protected:
  Overruns() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
  Stream stream = runtime::compute_stream(Backend::emulated, 0);
  DeviceArray<float> y{Backend::emulated, std::vector<float>(300)};
};

TEST_F(Overruns, off_by_one_in_global_memory) {
  emu::global_overrun(stream, y.data(), 299);
  EXPECT_DEATH(emu::global_overrun(stream, y.data(), 300), "heap-buffer-overflow");
}
TEST_F(Overruns, off_by_one_in_shared_memory) {
  emu::shared_overrun(stream, y.data(), 0);
  EXPECT_DEATH(emu::shared_overrun(stream, y.data(), 1), "heap-buffer-overflow");
}
TEST_F(Overruns, off_by_one_in_dynamic_shared_memory) {
  emu::dynamic_shared(stream, y.data(), 40, 9);
  EXPECT_DEATH(emu::dynamic_shared(stream, y.data(), 40, 10), "heap-buffer-overflow");
}

}  // namespace
}  // namespace imago::test
