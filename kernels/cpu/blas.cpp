#include "kernels/cpu/blas.h"

#include <dlfcn.h>

namespace imago::host {

void one_blas_thread() {
  static const bool done = [] {
    const auto parallel = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "openblas_get_parallel"));
    const auto set =
        reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
    if (parallel && set && parallel() == 1) set(1);
    return true;
  }();
  (void)done;
}

}  // namespace imago::host
