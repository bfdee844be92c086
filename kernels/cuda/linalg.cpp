// Factorisations by cuSOLVER's 64-bit interface. Its results are the same bits every time: that is
// the default of a handle.
#include "kernels/linalg.h"

#include <cusolverDn.h>

#include <map>
#include <memory>
#include <mutex>

#include "kernels/backend.h"

namespace imago::cuda {
namespace {

constexpr cudaDataType real = CUDA_R_64F;

using cuda::check;
void check(cusolverStatus_t status, const char* call) {
  if (status != CUSOLVER_STATUS_SUCCESS)  // the library has no words for it
    throw DeviceError(std::string(call) + ": cuSOLVER's status " + std::to_string(int(status)));
}

struct Library {
  std::mutex mutex;  // a handle serves one thread at a time
  cusolverDnHandle_t handle = nullptr;
  cusolverDnParams_t params = nullptr;
};
// Kept until the program ends: the driver may be gone before destructors run.
Library& library(int device) {
  static std::mutex mutex;
  static auto* const all = new std::map<int, Library>;
  const std::lock_guard lock(mutex);
  Library& l = (*all)[device];
  if (!l.params) check(cusolverDnCreateParams(&l.params), "cusolverDnCreateParams");
  if (!l.handle) check(cusolverDnCreate(&l.handle), "cusolverDnCreate");
  return l;
}

// What a call works in: memory of the device, of the host, and where it leaves its info.
struct Work {
  void* device = nullptr;
  std::size_t device_bytes = 0;
  void* host = nullptr;
  std::size_t host_bytes = 0;
  int* info = nullptr;
};
// The info of call(library, work), for which ask(library, work) tells the bytes. 0: all is well.
template <class Ask, class Call>
int solve(Stream s, const char* name, Ask ask, Call call) {
  check(cudaSetDevice(s.device), "cudaSetDevice");
  Library& l = library(s.device);
  const std::lock_guard lock(l.mutex);
  check(cusolverDnSetStream(l.handle, raw(s)), "cusolverDnSetStream");
  Work work;
  check(ask(l, work), name);
  constexpr std::size_t before = 256;  // of the info; what follows stays aligned
  auto* const memory = static_cast<char*>(scratch(s, before + work.device_bytes));
  const std::unique_ptr<char[]> host(new char[work.host_bytes + 1]);
  work.info = reinterpret_cast<int*>(memory);
  work.device = memory + before;
  work.host = host.get();
  check(call(l, work), name);
  int info = 0;
  copy(s, &info, false, work.info, true, sizeof info);  // waits: both memories may go
  if (info < 0) throw DeviceError(std::string(name) + ": wrong argument " + std::to_string(-info));
  return info;
}

}  // namespace

// The library is column-major: it sees transposes, and the lower triangle as the upper one.
void cholesky(Stream s, Index n, double* a, bool* definite) {
  *definite = true;
  if (n == 0) return;
  constexpr auto triangle = CUBLAS_FILL_MODE_UPPER;
  const int failed = solve(
      s, "cusolverDnXpotrf",
      [&](Library& l, Work& w) {
        return cusolverDnXpotrf_bufferSize(l.handle, l.params, triangle, n, real, a, n, real,
                                           &w.device_bytes, &w.host_bytes);
      },
      [&](Library& l, Work& w) {
        return cusolverDnXpotrf(l.handle, l.params, triangle, n, real, a, n, real, w.device,
                                w.device_bytes, w.host, w.host_bytes, w.info);
      });
  *definite = failed == 0;
  for_each(
      s, n, n, KERNEL(Index i, Index j) {
        if (j > i) a[i * n + j] = 0;
      });
}

void symmetric_eigenvalues(Stream s, Index n, double* a, double* values) {
  if (n == 0) return;
  constexpr auto none = CUSOLVER_EIG_MODE_NOVECTOR;
  constexpr auto triangle = CUBLAS_FILL_MODE_LOWER;
  if (solve(
          s, "cusolverDnXsyevd",
          [&](Library& l, Work& w) {
            return cusolverDnXsyevd_bufferSize(l.handle, l.params, none, triangle, n, real, a, n,
                                               real, values, real, &w.device_bytes, &w.host_bytes);
          },
          [&](Library& l, Work& w) {
            return cusolverDnXsyevd(l.handle, l.params, none, triangle, n, real, a, n, real, values,
                                    real, w.device, w.device_bytes, w.host, w.host_bytes, w.info);
          }))
    throw DeviceError("cusolverDnXsyevd did not converge");
}

}  // namespace imago::cuda
