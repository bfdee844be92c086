// Learning-rate schedules: pure functions of the step, so that a resumed run needs no state. Step 0
// is the first. Not here: the optimiser; call set_lr(schedule(step)) before its step.
#pragma once
#include <functional>
#include <vector>

#include "kernels/kernel.h"

namespace imago {

using Schedule = std::function<double(Index step)>;

namespace schedule {
Schedule constant(double lr);
// From lr at step 0 in a straight line to last at step steps, and last from then on.
Schedule linear(double lr, Index steps, double last = 0);
// Half a cosine from lr at step 0 to last at step steps, and last from then on (Loshchilov & Hutter
// 2017, no restarts).
Schedule cosine(double lr, Index steps, double last = 0);
// lr times factor for each milestone reached: torch's MultiStepLR. milestones are sorted steps.
Schedule milestones(double lr, std::vector<Index> milestones, double factor = 0.1);
// Rises from after(0) / steps at step 0 to after(0) at step steps - 1, then continues with
// after(step - steps).
Schedule warm_up(Index steps, Schedule after);
}  // namespace schedule

}  // namespace imago
