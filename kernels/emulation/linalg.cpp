// Stands in for kernels/cuda/linalg.cpp in the emulation: plain loops. Says nothing about cuSOLVER.
#include "kernels/linalg.h"

#include <algorithm>

#include "kernels/backend.h"

namespace imago::emu {

void cholesky(Stream, Index n, double* a, bool* definite) {
  *definite = true;
  for (Index j = 0; j < n; j++) {
    for (Index i = 0; i < j; i++) a[i * n + j] = 0;
    for (Index i = j; i < n; i++) {
      double rest = a[i * n + j];
      for (Index k = 0; k < j; k++) rest -= a[i * n + k] * a[j * n + k];
      *definite = *definite && (i > j || rest > 0);
      a[i * n + j] = i > j ? rest / a[j * n + j] : sqrt(rest);
    }
  }
}

// By Jacobi's rotations, each of which makes one element beside the diagonal 0, in sweeps over all
// of them until none is left.
void symmetric_eigenvalues(Stream, Index n, double* a, double* w) {
  for (Index i = 0; i < n; i++)
    for (Index j = 0; j < i; j++) a[i * n + j] = a[j * n + i];
  for (bool left = true; left;) {
    left = false;
    for (Index p = 0; p < n; p++)
      for (Index q = p + 1; q < n; q++) {
        const double x = a[p * n + q], low = a[p * n + p], high = a[q * n + q];
        if (!(fabs(x) > 1e-17 * (fabs(low) + fabs(high)))) continue;  // nor where NaN
        left = true;
        const double half = (high - low) / (2 * x),
                     t = (half < 0 ? -1 : 1) / (fabs(half) + sqrt(1 + half * half)),
                     c = 1 / sqrt(1 + t * t), s = t * c;
        const auto rotate = [&](double& y, double& z) {
          const double old = y;
          y = c * old - s * z;
          z = s * old + c * z;
        };
        for (Index k = 0; k < n; k++) rotate(a[k * n + p], a[k * n + q]);
        for (Index k = 0; k < n; k++) rotate(a[p * n + k], a[q * n + k]);
        a[p * n + q] = a[q * n + p] = 0;
      }
  }
  for (Index i = 0; i < n; i++) w[i] = a[i * n + i];
  std::sort(w, w + n);
}

}  // namespace imago::emu
