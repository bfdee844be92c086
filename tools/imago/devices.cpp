// imago devices: what this build can compute on, here.
#include <cstdio>
#include <thread>

#include "engine/imago.h"
#include "tools/imago/program.h"
#include "tools/imago/terminal.h"

namespace imago::tool {
namespace {
struct Options {};

int run(const Options&) {
  const Device best = device_from("auto");
  for (Device d : devices()) {
    const DeviceInfo info = runtime::device_info(d.backend, d.index);
    std::string text = concat(info.name, ", ", megabytes(double(info.memory)), ", ",
                              megabytes(double(info.memory_free)), " free");
    if (d.backend == Backend::cpu) {
      text += concat(", ", std::thread::hardware_concurrency(), " threads");
#if IMAGO_HAS_CPU_LEVELS
      text += concat(", x86-64-v", cpu_level());
#endif
    }
    std::printf("%-9s %s%s\n", name(d).c_str(), text.c_str(), d == best ? "  (auto)" : "");
  }
  return 0;
}
}  // namespace

void add_devices(Program& program) {
  static Options o;
  program.command(
      "devices", "what this build can compute on, here",
      {"Prints one line for each device that answers, with its memory; (auto) marks the one that "
       "--device auto takes. What the build contains is in `imago --version`.",
       {{"imago devices", "the processor, and each graphics card"}}},
      &o, run);
}

}  // namespace imago::tool
