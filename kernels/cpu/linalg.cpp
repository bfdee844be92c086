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
void dpstrf_(const char* triangle, const int* n, double* a, const int* lda, int* pivots, int* rank,
             const double* tolerance, double* work, int* info);
void dtrtri_(const char* triangle, const char* diagonal, const int* n, double* a, const int* lda,
             int* info);
void dgeev_(const char* left, const char* right, const int* n, double* a, const int* lda,
            double* re, double* im, double* vl, const int* ldvl, double* vr, const int* ldvr,
            double* work, const int* lwork, int* info);
void dgees_(const char* vectors, const char* sort, int (*select)(const double*, const double*),
            const int* n, double* a, const int* lda, int* chosen, double* re, double* im, double* z,
            const int* ldz, double* work, const int* lwork, int* bwork, int* info);
void dgemm_(const char* transpose_a, const char* transpose_b, const int* m, const int* n,
            const int* k, const double* alpha, const double* a, const int* lda, const double* b,
            const int* ldb, const double* beta, double* c, const int* ldc);
void dsyrk_(const char* triangle, const char* transpose, const int* n, const int* k,
            const double* alpha, const double* a, const int* lda, const double* beta, double* c,
            const int* ldc);
}

namespace imago::host {
namespace {

constexpr Index largest = 32000;  // 2 n^2 of work still has a 32-bit size

// call(): LAPACK's info, with one thread. A positive info is returned.
template <class F>
int lapack(const char* name, Index size, F call) {
  if (size > largest)
    throw DeviceError(std::string(name) + ": a size of " + std::to_string(size) +
                      " is beyond a 32-bit LAPACK");
  one_blas_thread();
  const Threads scope(1);
  const int info = call();
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

Index pivoted_cholesky(Index size, double* a, double tolerance, Index* order) {
  if (size == 0) return 0;
  const int n = int(size);
  int rank = 0;
  std::vector<int> pivots(static_cast<std::size_t>(n));
  std::vector<double> work(static_cast<std::size_t>(2 * size));
  lapack("dpstrf", size, [&] {
    int info = 0;
    dpstrf_(&triangle, &n, a, &n, pivots.data(), &rank, &tolerance, work.data(), &info);
    return info;
  });
  for (Index i = 0; i < size; i++) {
    order[i] = pivots[std::size_t(i)] - 1;
    std::fill(a + i * size + std::min<Index>(i + 1, rank), a + (i + 1) * size, 0.);
  }
  return rank;
}

void invert_lower(Index size, double* l) {
  if (size == 0) return;
  const char diagonal = 'N';
  const int n = int(size);
  if (lapack("dtrtri", size, [&] {
        int info = 0;
        dtrtri_(&triangle, &diagonal, &n, l, &n, &info);
        return info;
      }))
    throw DeviceError("dtrtri: a singular matrix");
}

namespace {
// vectors N or V; which is LAPACK's triangle.
void syevd(char vectors, char which, Index size, double* a, double* w) {
  if (size == 0) return;
  const int n = int(size);
  converged("dsyevd", lapack("dsyevd", size, [&] {
              double best = 0;
              int ibest = 0, ask = -1, info = 0;
              dsyevd_(&vectors, &which, &n, a, &n, w, &best, &ask, &ibest, &ask, &info);
              if (info) return info;
              const int lwork = int(best), liwork = ibest;
              std::vector<double> work(static_cast<std::size_t>(lwork));
              std::vector<int> iwork(static_cast<std::size_t>(liwork));
              dsyevd_(&vectors, &which, &n, a, &n, w, work.data(), &lwork, iwork.data(), &liwork,
                      &info);
              return info;
            }));
}

// Of the transpose, which is what LAPACK sees: its u is our vt.
void gesdd(char vectors, Index rows, Index columns, double* a, double* s, double* u, double* vt) {
  if (rows == 0 || columns == 0) return;
  const int m = int(columns), n = int(rows), k = std::min(m, n);
  converged("dgesdd", lapack("dgesdd", std::max(rows, columns), [&] {
              double best = 0;
              int ask = -1, info = 0;
              std::vector<int> iwork(static_cast<std::size_t>(8 * k));
              dgesdd_(&vectors, &m, &n, a, &m, s, vt, &m, u, &k, &best, &ask, iwork.data(), &info);
              if (info) return info;
              const int lwork = int(best);
              std::vector<double> work(static_cast<std::size_t>(lwork));
              dgesdd_(&vectors, &m, &n, a, &m, s, vt, &m, u, &k, work.data(), &lwork, iwork.data(),
                      &info);
              return info;
            }));
}
}  // namespace

void symmetric_eigen(Index n, double* a, double* w) { syevd('V', triangle, n, a, w); }
void symmetric_eigenvalues(Index n, double* a, double* w) { syevd('N', 'L', n, a, w); }
void singular_values(Index m, Index n, double* a, double* s) {
  gesdd('N', m, n, a, s, nullptr, nullptr);
}
void svd(Index m, Index n, double* a, double* s, double* u, double* vt) {
  gesdd('S', m, n, a, s, u, vt);
}

void eigenvalues(Index size, double* a, double* re, double* im) {
  if (size == 0) return;
  const char none = 'N';
  const int n = int(size), one = 1;  // of the transpose, which has the same
  converged("dgeev", lapack("dgeev", size, [&] {
              double best = 0;
              int ask = -1, info = 0;
              dgeev_(&none, &none, &n, a, &n, re, im, nullptr, &one, nullptr, &one, &best, &ask,
                     &info);
              if (info) return info;
              const int lwork = int(best);
              std::vector<double> work(static_cast<std::size_t>(lwork));
              dgeev_(&none, &none, &n, a, &n, re, im, nullptr, &one, nullptr, &one, work.data(),
                     &lwork, &info);
              return info;
            }));
}
void schur(Index size, double* a, double* z, double* re, double* im) {
  if (size == 0) return;
  const char vectors = 'V', sort = 'N';
  const int n = int(size);
  converged("dgees", lapack("dgees", size, [&] {
              double best = 0;
              int ask = -1, info = 0, chosen = 0;
              dgees_(&vectors, &sort, nullptr, &n, a, &n, &chosen, re, im, z, &n, &best, &ask,
                     nullptr, &info);
              if (info) return info;
              const int lwork = int(best);
              std::vector<double> work(static_cast<std::size_t>(lwork));
              dgees_(&vectors, &sort, nullptr, &n, a, &n, &chosen, re, im, z, &n, work.data(),
                     &lwork, nullptr, &info);
              return info;
            }));
}

namespace {

constexpr Index tile = 512;  // rows and columns of c that one thread makes at a time
// Multiplications, and elements, below which one thread is faster.
constexpr double small_product = 1 << 22, small_sum = 1 << 16;

Index tiles(Index n) { return (n + tile - 1) / tile; }
struct Range {
  Index begin, size;
};
Range tile_of(Index n, Index i) { return {i * tile, std::min(tile, n - i * tile)}; }

// c [m, n] (a row ldc) += or, if fresh, = a b; a [m, k], or [k, m] where transposed. One thread.
void multiply(Index m, Index n, Index k, const double* a, Index lda, bool transpose_a,
              const double* b, Index ldb, double* c, Index ldc, bool fresh) {
  const char plain = 'N', transposed = transpose_a ? 'T' : 'N';
  const int mi = int(m), ni = int(n), ki = int(k), la = int(lda), lb = int(ldb), lc = int(ldc);
  const double one = 1, beta = fresh ? 0 : 1;
  // Of the transposes: LAPACK's columns are our rows.
  dgemm_(&plain, &transposed, &ni, &mi, &ki, &one, b, &lb, a, &la, &beta, c, &lc);
}
// The lower triangle of c [m, m] (a row d) += x^T x of m columns of x [n, d]. One thread.
void add_gram(Index m, Index n, const double* x, Index d, double* c) {
  const char plain = 'N';
  const int mi = int(m), ni = int(n), di = int(d);
  const double one = 1;
  dsyrk_(&triangle, &plain, &mi, &ni, &one, x, &di, &one, c, &di);
}
// f(job) in threads where there is much to do; BLAS has one in each.
template <class F>
void run(Index jobs, bool much, F f) {
  one_blas_thread();
  if (much && jobs > 1 && !omp_in_parallel()) return run_jobs(jobs, true, f);
  const Threads scope(1);
  run_jobs(jobs, false, f);
}
// f(i, j) for the tiles j <= i of a square matrix.
template <class F>
void for_each_lower_tile(Index count, bool much, F f) {
  run(count * (count + 1) / 2, much, [&](Index job) {
    Index i = 0;
    while (job > i) job -= ++i;
    f(i, job);
  });
}

}  // namespace

void add_centred_gram(Index n, Index d, double* x, double* mean, double* c) {
  if (n == 0 || d == 0) return;
  // A page of each row at a time; a sum's order depends on n alone.
  constexpr Index strip = 512;
  run((d + strip - 1) / strip, double(n) * double(d) > small_sum, [&](Index job) {
    const Index begin = job * strip, size = std::min(strip, d - begin);
    double* m = mean + begin;
    std::fill(m, m + size, 0.);
    for (Index r = 0; r < n; r++)
      for (Index j = 0; j < size; j++) m[j] += x[r * d + begin + j];
    for (Index j = 0; j < size; j++) m[j] /= double(n);
    for (Index r = 0; r < n; r++)
      for (Index j = 0; j < size; j++) x[r * d + begin + j] -= m[j];
  });
  for_each_lower_tile(
      tiles(d), double(n) * double(d) * double(d) > small_product, [&](Index i, Index j) {
        const Range rows = tile_of(d, i), columns = tile_of(d, j);
        if (i == j) return add_gram(rows.size, n, x + rows.begin, d, c + rows.begin * (d + 1));
        multiply(rows.size, columns.size, n, x + rows.begin, d, true, x + columns.begin, d,
                 c + rows.begin * d + columns.begin, d, false);
      });
}

void congruence(Index n, Index r, const double* l, const double* s, double* t, double* m) {
  if (n == 0 || r == 0) return;
  const Index wide = tiles(r);
  const bool much = double(n) * double(r) * double(r) > small_product;
  run(tiles(n) * wide, much, [&](Index job) {
    // l has no more than the rows from its columns' first on.
    const Range rows = tile_of(n, job % tiles(n)), columns = tile_of(r, job / tiles(n));
    const Index k = columns.begin;
    multiply(rows.size, columns.size, n - k, s + rows.begin * n + k, n, false,
             l + k * r + columns.begin, r, t + rows.begin * r + columns.begin, r, true);
  });
  for_each_lower_tile(wide, much, [&](Index i, Index j) {  // m[j, i], by the fewer rows of l[:, i]
    const Range rows = tile_of(r, j), columns = tile_of(r, i);
    const Index k = columns.begin;
    multiply(rows.size, columns.size, n - k, t + k * r + rows.begin, r, true,
             l + k * r + columns.begin, r, m + rows.begin * r + columns.begin, r, true);
  });
}

}  // namespace imago::host
