// The emulation catches planted faults: a missing barrier by its result, undefined behaviour with
// one line and an abort, what the device itself refuses as a DeviceError.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/kernels/memory.h"
#include "tests/kernels/planted_faults.h"

namespace imago::test {
namespace {

class Emulation : public testing::Test {
 protected:
  // Death tests start the program anew: forking would copy only one of its threads.
  Emulation() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
  Stream stream = runtime::compute_stream(Backend::emulated, 0);
  DeviceArray<float> y{Backend::emulated, std::vector<float>(1024)};
};

bool reverses(Stream s, bool second_barrier) {
  constexpr int kPiece = 256, kRounds = 3;
  std::vector<float> x(kPiece * kRounds), want(x.size());
  for (std::size_t i = 0; i < x.size(); i++) x[i] = float(i);
  for (std::size_t i = 0; i < x.size(); i++)
    want[i] = x[i / kPiece * kPiece + kPiece - 1 - i % kPiece];
  const DeviceArray<float> dx(Backend::emulated, x), dy(Backend::emulated, x);
  emu::reverse(s, dx.data(), dy.data(), kRounds, second_barrier);
  return dy.values() == want;
}

TEST_F(Emulation, a_missing_barrier_changes_the_result) {
  int wrong = 0;
  for (int o : orders()) {
    const Order order(o);
    EXPECT_TRUE(reverses(stream, true)) << "order " << o;
    wrong += !reverses(stream, false);
  }
  EXPECT_GE(wrong, 1);
}

TEST_F(Emulation, fresh_memory_is_nan) {
  emu::fresh_shared(stream, y.data(), 3);
  for (int b = 0; b < 3; b++) EXPECT_TRUE(std::isnan(y.values()[std::size_t(b)])) << "block " << b;
  void* p = runtime::allocate(Backend::emulated, 0, sizeof(double));
  double value = 0;
  runtime::copy(stream, &value, Backend::cpu, p, Backend::emulated, sizeof value);
  runtime::release(Backend::emulated, 0, p);
  EXPECT_TRUE(std::isnan(value));
}

TEST_F(Emulation, undefined_behaviour_ends_the_program) {
  using enum emu::WarpFault;
  const std::pair<emu::WarpFault, const char*> faults[] = {
      {divergent_barrier, "divergent barrier: .*planted_faults.cpp"},
      {barrier_and_shuffle, "deadlock: of 32 live threads 16 wait in a block barrier"},
      {exited_lane, "shuffles from missing lane 5"},
      {lane_never_there, "shuffles from missing lane 24"},
      {source_outside_mask, "shuffles from missing lane 20"},
      {lane_outside_mask, "lane 16 calls a warp collective with mask 0000ffff"},
      {mixed_collectives, "different warp collectives"}};
  for (const auto& [fault, message] : faults)
    EXPECT_DEATH(emu::warp_fault(stream, y.data(), fault), message);
  EXPECT_DEATH(emu::large_shared(stream, y.data()),
               "53248 bytes of shared memory; expected at most");
}

TEST_F(Emulation, divergence_is_found_in_every_order) {
  for (int o : orders()) {
    const Order order(o);
    EXPECT_DEATH(emu::warp_fault(stream, y.data(), emu::WarpFault::divergent_barrier), "divergent");
    EXPECT_DEATH(emu::warp_fault(stream, y.data(), emu::WarpFault::exited_lane), "missing lane");
  }
}

TEST_F(Emulation, shared_memory_beyond_48_KiB_must_be_asked_for) {
  constexpr std::size_t kLarge = 64 << 10;
  EXPECT_THROW(emu::dynamic_shared(stream, y.data(), kLarge, 0), DeviceError);
  emu::allow_dynamic_shared(kLarge);
  emu::dynamic_shared(stream, y.data(), kLarge, int(kLarge / sizeof(float)) - 1);
  EXPECT_EQ(y.values()[31], 1.f);
  EXPECT_THROW(emu::allow_dynamic_shared(228 << 10), DeviceError);
  EXPECT_DEATH(emu::dynamic_shared(stream, y.data(), 0, 0), "a launch that has none");
}

TEST_F(Emulation, refuses_what_the_device_refuses) {
  EXPECT_THROW(emu::launch_shape(stream, y.data(), 0, 32), DeviceError);
  EXPECT_THROW(emu::launch_shape(stream, y.data(), 1, 0), DeviceError);
  EXPECT_THROW(emu::launch_shape(stream, y.data(), 1, 1025), DeviceError);
  EXPECT_THROW(emu::launch_nothing(stream, y.data()), DeviceError);
  const Stream none{Backend::emulated, 0, nullptr};
  EXPECT_THROW(emu::launch_shape(none, y.data(), 1, 1), DeviceError);
  emu::launch_shape(stream, y.data(), 1, 32);  // the error is gone
  try {
    emu::launch_shape(stream, y.data(), 0, 32);
  } catch (const DeviceError& e) {
    EXPECT_STREQ(e.what(), "fresh_shared_kernel: invalid configuration argument");
  }
}

TEST_F(Emulation, copies_know_their_sides) {
  float host[4] = {};
  const auto copy = [&](void* to, Backend to_side, const void* from, Backend from_side) {
    runtime::copy(stream, to, to_side, from, from_side, sizeof host);
  };
  EXPECT_THROW(copy(y.data(), Backend::cpu, host, Backend::cpu), DeviceError);
  EXPECT_THROW(copy(host, Backend::emulated, y.data(), Backend::emulated), DeviceError);
  EXPECT_THROW(copy(y.data() + 1022, Backend::emulated, host, Backend::cpu), DeviceError);
  copy(y.data() + 1020, Backend::emulated, host, Backend::cpu);
}

TEST_F(Emulation, memory_runs_out_without_an_error) {
  EXPECT_EQ(runtime::allocate(Backend::emulated, 0, std::size_t(1) << 50), nullptr);
  emu::launch_shape(stream, y.data(), 1, 1);  // and does not spoil the next launch
  const DeviceInfo before = runtime::device_info(Backend::emulated, 0);
  void* p = runtime::allocate(Backend::emulated, 0, 1000);
  EXPECT_EQ(runtime::device_info(Backend::emulated, 0).memory_free, before.memory_free - 1000);
  runtime::release(Backend::emulated, 0, p);
  EXPECT_THROW(runtime::release(Backend::emulated, 0, &p), DeviceError);
}

TEST_F(Emulation, scratch_grows_and_keeps_what_a_graph_may_hold) {
  void* small = emu::scratch(stream, 100);
  EXPECT_EQ(emu::scratch(stream, 50), small);
  auto* large = static_cast<char*>(emu::scratch(stream, 1 << 20));
  EXPECT_EQ(emu::scratch(stream, 100), large);
  runtime::fill(stream, small, 1, 100);  // still memory of the device
  runtime::fill(stream, large, 1, 1 << 20);
}

}  // namespace
}  // namespace imago::test
