#include "kernels/linalg.h"

#include <algorithm>
#include <vector>

#include "kernels/cpu/blas.h"
#include "kernels/cpu/jobs.h"

extern "C" {
void dpotrf_(const char* triangle, const int* n, double* a, const int* lda, int* info);
void dsyevd_(const char* vectors, const char* triangle, const int* n, double* a, const int* lda,
             double* w, double* work, const int* lwork, int* iwork, const int* liwork, int* info);
void dgesdd_(const char* vectors, const int* m, const int* n, double* a, const int* lda, double* s,
             double* u, const int* ldu, double* v, const int* ldv, double* work, const int* lwork,
             int* iwork, int* info);
}

namespace imago::host {
namespace {

constexpr Index largest = 32000;  // 2 n^2 of work still has a 32-bit size

// call(): LAPACK's info, in a parallel region, where the library uses one thread. A positive info
// is returned.
template <class F>
int lapack(const char* name, Index size, F call) {
  if (size > largest)
    throw DeviceError(std::string(name) + ": a size of " + std::to_string(size) +
                      " is beyond a 32-bit LAPACK");
  one_blas_thread();
  int info = 0;
  run_jobs(1, !omp_in_parallel(), [&](Index) { info = call(); });
  if (info < 0) throw DeviceError(std::string(name) + ": wrong argument " + std::to_string(-info));
  return info;
}
void converged(const char* name, int info) {
  if (info) throw DeviceError(std::string(name) + " did not converge");
}

}  // namespace

// LAPACK is column-major: it sees transposes, and the lower triangle as the upper one.
constexpr char triangle = 'U';

bool cholesky(Index size, double* a) {
  if (size == 0) return true;
  const int n = int(size);
  const int failed = lapack("dpotrf", size, [&] {
    int info = 0;
    dpotrf_(&triangle, &n, a, &n, &info);
    return info;
  });
  for (Index i = 0; i < size; i++) std::fill(a + i * size + i + 1, a + (i + 1) * size, 0.);
  return !failed;
}

void symmetric_eigen(Index size, double* a, double* w) {
  if (size == 0) return;
  const char vectors = 'V';
  const int n = int(size);
  converged("dsyevd", lapack("dsyevd", size, [&] {
              double best = 0;
              int ibest = 0, ask = -1, info = 0;
              dsyevd_(&vectors, &triangle, &n, a, &n, w, &best, &ask, &ibest, &ask, &info);
              if (info) return info;
              const int lwork = int(best), liwork = ibest;
              std::vector<double> work(static_cast<std::size_t>(lwork));
              std::vector<int> iwork(static_cast<std::size_t>(liwork));
              dsyevd_(&vectors, &triangle, &n, a, &n, w, work.data(), &lwork, iwork.data(), &liwork,
                      &info);
              return info;
            }));
}

void singular_values(Index rows, Index columns, double* a, double* s) {
  if (rows == 0 || columns == 0) return;
  const char vectors = 'N';
  const int m = int(columns), n = int(rows), one = 1;  // of the transpose
  converged("dgesdd", lapack("dgesdd", std::max(rows, columns), [&] {
              double best = 0;
              int ask = -1, info = 0;
              std::vector<int> iwork(static_cast<std::size_t>(8 * std::min(m, n)));
              dgesdd_(&vectors, &m, &n, a, &m, s, nullptr, &one, nullptr, &one, &best, &ask,
                      iwork.data(), &info);
              if (info) return info;
              const int lwork = int(best);
              std::vector<double> work(static_cast<std::size_t>(lwork));
              dgesdd_(&vectors, &m, &n, a, &m, s, nullptr, &one, nullptr, &one, work.data(), &lwork,
                      iwork.data(), &info);
              return info;
            }));
}

}  // namespace imago::host
