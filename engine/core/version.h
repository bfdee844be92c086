// What this build of imago is, for people and their reports. Not here: anything a result may depend
// on; no checkpoint and no metric holds it.
#pragma once

namespace imago {

// All texts are static and non-empty.
struct Version {
  const char* number;     // semantic version, "0.1.0"
  const char* commit;     // hexadecimal, or "unknown" outside a repository
  bool modified;          // tracked files differed from that commit
  const char* compiler;   // "GNU 12.2.0"
  const char* build;      // "Release", "Debug, sanitized"
  const char* cpu;        // "tuned for the machine it was built on", "x86-64-v3, x86-64-v4"
  const char* cuda;       // toolkit and architectures, "12.6 for 90-real", or "none"
  bool emulated;          // the CUDA kernels run on the host too
  const char* libraries;  // "oneDNN 2.6.0, zlib 1.2.13, libpng 1.6.39"
};
const Version& version();

}  // namespace imago
