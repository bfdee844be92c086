// Schedules against hand-computed values.
#include "engine/optim/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/core/error.h"

namespace imago {
namespace {

TEST(Schedule, Constant) {
  const Schedule s = schedule::constant(.3);
  EXPECT_EQ(s(0), .3);
  EXPECT_EQ(s(1000000), .3);
}

TEST(Schedule, LinearEndsAtLast) {
  const Schedule s = schedule::linear(1, 10, .5);
  EXPECT_DOUBLE_EQ(s(0), 1);
  EXPECT_DOUBLE_EQ(s(5), .75);
  EXPECT_DOUBLE_EQ(s(9), .55);
  EXPECT_EQ(s(10), .5);
  EXPECT_EQ(s(99), .5);
}

TEST(Schedule, Cosine) {
  const Schedule s = schedule::cosine(2, 8);
  EXPECT_DOUBLE_EQ(s(0), 2);
  EXPECT_DOUBLE_EQ(s(4), 1);
  EXPECT_NEAR(s(2), 1 + std::sqrt(.5), 1e-15);
  EXPECT_EQ(s(8), 0);
}

TEST(Schedule, MilestonesAtTheStepItself) {
  const Schedule s = schedule::milestones(1, {3, 3, 7}, .5);
  EXPECT_EQ(s(2), 1);
  EXPECT_EQ(s(3), .25);
  EXPECT_EQ(s(6), .25);
  EXPECT_EQ(s(7), .125);
}

TEST(Schedule, WarmUpReachesTheFirstValueThenFollows) {
  const Schedule s = schedule::warm_up(4, schedule::linear(1, 10));
  EXPECT_DOUBLE_EQ(s(0), .25);
  EXPECT_DOUBLE_EQ(s(3), 1);
  EXPECT_DOUBLE_EQ(s(4), 1);
  EXPECT_DOUBLE_EQ(s(9), .5);
}

TEST(Schedule, RefusesNonsense) {
  EXPECT_THROW(schedule::linear(1, 0), Error);
  EXPECT_THROW(schedule::cosine(1, -3), Error);
  EXPECT_THROW(schedule::warm_up(0, schedule::constant(1)), Error);
  EXPECT_THROW(schedule::milestones(1, {5, 4}), Error);
}

}  // namespace
}  // namespace imago
