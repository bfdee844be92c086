#include "engine/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/core/error.h"

namespace imago::schedule {
namespace {

void check_steps(const char* what, Index steps) {
  if (steps < 1)
    throw Error(
        ErrorKind::usage,
        {concat("[schedule::", what, "] wrong number of steps"), {}, "at least 1", concat(steps)});
}

}  // namespace

Schedule constant(double lr) {
  return [lr](Index) { return lr; };
}

Schedule linear(double lr, Index steps, double last) {
  check_steps("linear", steps);
  return [=](Index step) {
    return step >= steps ? last : lr + (last - lr) * (double(step) / double(steps));
  };
}

Schedule cosine(double lr, Index steps, double last) {
  check_steps("cosine", steps);
  return [=](Index step) {
    if (step >= steps) return last;
    return last +
           .5 * (lr - last) * (1 + std::cos(std::numbers::pi * double(step) / double(steps)));
  };
}

Schedule milestones(double lr, std::vector<Index> milestones, double factor) {
  if (!std::is_sorted(milestones.begin(), milestones.end()))
    throw Error(ErrorKind::usage, {"[schedule::milestones] milestones out of order",
                                   {},
                                   "ascending steps",
                                   "a smaller one after a larger"});
  return [=, milestones = std::move(milestones)](Index step) {
    const auto reached =
        std::upper_bound(milestones.begin(), milestones.end(), step) - milestones.begin();
    return lr * std::pow(factor, double(reached));
  };
}

Schedule warm_up(Index steps, Schedule after) {
  check_steps("warm_up", steps);
  const double peak = after(0);
  return [=, after = std::move(after)](Index step) {
    return step < steps ? peak * double(step + 1) / double(steps) : after(step - steps);
  };
}

}  // namespace imago::schedule
