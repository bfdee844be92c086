// imago-bench: kernels and training steps, timed against the ceilings of the machine. Google
// Benchmark's flags, --compare FILE.json for an earlier --benchmark_out, and --dump-losses CASE
// FILE for a check of the steps against another system.
#include <cstdio>
#include <cstring>
#include <memory>

#include "bench.h"
#include "kernels/kernel.h"
#include "tools/spinning.h"

int main(int argc, char** argv) {
  imago::limit_spinning(argv);
  try {
    std::unique_ptr<imago::bench::Comparison> comparison;
    if (argc > 1 && std::strcmp(argv[1], "--dump-losses") == 0) {
      if (argc != 4)
        throw imago::Error(imago::ErrorKind::usage,
                           {"--dump-losses needs a case and a file",
                            {},
                            "imago-bench --dump-losses CASE FILE.safetensors",
                            std::to_string(argc - 2) + " arguments"});
      imago::bench::dump_losses(argv[2], argv[3]);
      return 0;
    }
    int kept = 1;
    for (int i = 1; i < argc; i++) {
      const bool joined = std::strncmp(argv[i], "--compare=", 10) == 0;
      if (!joined && std::strcmp(argv[i], "--compare") != 0) {
        argv[kept++] = argv[i];
        continue;
      }
      const char* file = joined ? argv[i] + 10 : ++i < argc ? argv[i] : nullptr;
      if (!file)
        throw imago::Error(imago::ErrorKind::usage,
                           {"--compare needs a file", {}, "--compare FILE.json", "nothing"});
      comparison = std::make_unique<imago::bench::Comparison>(file);
    }
    benchmark::Initialize(&kept, argv);
    if (benchmark::ReportUnrecognizedArguments(kept, argv)) return 2;
    imago::bench::register_ops();
    imago::bench::register_steps();
    imago::bench::register_critic_steps();
    imago::bench::register_dcgan_steps();
    imago::bench::register_measures();
    imago::bench::register_frechet();
    if (comparison)
      benchmark::RunSpecifiedBenchmarks(comparison.get());
    else
      benchmark::RunSpecifiedBenchmarks();
    return 0;
  } catch (const imago::Error& e) {
    std::fprintf(stderr, "imago: %s\n", e.what());
    return e.kind() == imago::ErrorKind::usage    ? 2
           : e.kind() == imago::ErrorKind::data   ? 3
           : e.kind() == imago::ErrorKind::device ? 4
                                                  : 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "imago: %s\n", e.what());
    return 1;
  }
}
