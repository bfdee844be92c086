// What a long measure tells its caller while it works, and how the caller ends it. Not here: the
// measures.
#pragma once
#include <functional>

namespace imago::models {

struct Watch {
  std::function<void(double)> progress = {};  // share done, 0 to 1; never falls
  std::function<bool()> stop = {};            // true: give up, there is no result

  void done(double share) const {
    if (progress) progress(share);
  }
  bool stopped() const { return stop && stop(); }
};

}  // namespace imago::models
