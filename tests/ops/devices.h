// The devices a parametrised test runs on: all back-ends of this build. Not here: whether a device
// answers; the test skips.
#pragma once
#include <gtest/gtest.h>

#include <ostream>

#include "engine/core/tensor.h"
#include "kernels/runtime.h"

namespace imago {
// What gtest appends to the name of a parametrised test.
inline void PrintTo(Backend b, std::ostream* out) { *out << name(Device{b, 0}); }
}  // namespace imago

namespace imago::test {

class OnDevice : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    if (runtime::device_count(GetParam()) == 0)
      GTEST_SKIP() << "no " << name(device()) << " device";
  }
  Device device() const { return {GetParam(), 0}; }
};
inline std::vector<Backend> built_backends() {
  std::vector<Backend> all{Backend::cpu};
#if IMAGO_HAS_EMULATED
  all.push_back(Backend::emulated);
#endif
#if IMAGO_HAS_CUDA
  all.push_back(Backend::cuda);
#endif
  return all;
}
inline std::string backend_name(const testing::TestParamInfo<Backend>& i) {
  return i.param == Backend::cpu ? "cpu" : i.param == Backend::cuda ? "_cuda" : "emulated";
}

}  // namespace imago::test
