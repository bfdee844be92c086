// What every program does first: keeps libgomp's threads from spinning for long. Not here: anything
// of imago.
#pragma once
#include <unistd.h>

#include <cstdlib>

namespace imago {

// libgomp's threads spin for milliseconds by default; when the other core is taken away, that costs
// a hundred times the work. It reads its environment before main, so the program sets it and starts
// itself again, once.
inline void limit_spinning(char** argv) {
  if (std::getenv("GOMP_SPINCOUNT") || std::getenv("OMP_WAIT_POLICY")) return;
  setenv("GOMP_SPINCOUNT", "10000", 1);
  execv("/proc/self/exe", argv);
  // Where that is impossible the program runs all the same, with the default.
}

}  // namespace imago
