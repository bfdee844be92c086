// The Frechet distance of two sets of features: that of the Gaussians with their means and
// covariances. In float64. Not here: the moments (models/measures/moments.h), the networks that
// features come from.
#pragma once
#include <string>
#include <vector>

#include "models/measures/moments.h"

namespace imago::models {

// How the trace of (S1 S2)^(1/2) is taken.
enum class TraceRoot {
  // The sum of the singular values of F1 F2^T with S = F^T F. Where neither set has as few samples
  // as features they are the roots of the eigenvalues of L^T S L, a pivoted Cholesky factor of one
  // covariance and the other covariance, when those are shown to be good: their rounding is below
  // 1e-9 of the traces even if it adds up, or their product is the product of the pivots (then the
  // grading of L made the small ones good to themselves). Elsewhere singular values are computed.
  // On a device L has no pivots; where samples are few, a covariance is singular or the eigenvalues
  // are not shown to be good, all is done on the cpu.
  exact,
  // By products of matrices alone, on any device: roots of S1 and of S1^(1/2) S2 S1^(1/2) by
  // iteration, whose error is measured. Where that is above the tolerance: exact.
  products,
  sqrtm,       // of a Schur form of S1 S2, as scipy.linalg.sqrtm and pytorch-fid after it
  sqrtm_real,  // the same without pytorch-fid's jitter and its check, real parts, as NVlabs
  eigvals,     // real parts of the roots of the eigenvalues of S1 S2, as torch-fidelity
};
struct FrechetOptions {
  TraceRoot trace = TraceRoot::exact;
  bool float32_mean = false;  // the difference of the means and its square in float32
  // Of products: what the error of the distance may be, as a share of tr S1 + tr S2.
  double tolerance = 1e-8;
  Device device = cpu_device;  // of exact and of products
  // Of products. float32 meets such a tolerance for covariances of conditions near 1 alone.
  DType dtype = DType::f64;
  std::string where = "Frechet distance";  // for errors
};

struct Frechet {
  // |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)); rounding may leave it a little below 0.
  double distance = 0;
  // How the trace was taken. exact: what each covariance is known by, one word where both are known
  // alike (cholesky; rank R, where singular; samples, where n <= d), and ", singular values" where
  // eigenvalues were not good enough; on a device "cholesky on cuda:0", or those words of the cpu
  // and ", not on cuda:0"; "products" or, where they were above the tolerance, that of exact and ",
  // not products"; sqrtm or eigvals, with what was done besides.
  std::string method;
  double mean_term = 0, trace_of_root = 0;
  // Of products: the measured error of the distance as a share of tr S1 + tr S2, also where it was
  // above the tolerance. 0 for the others.
  double residual = 0;
};
// Error (usage) where the numbers of features differ; Error (data) for sqrtm, as pytorch-fid's
// ValueError, where the diagonal of the root has imaginary parts above 1e-3; Error (data) where the
// distance is beyond a float64.
Frechet frechet_distance(const Moments& a, const Moments& b, const FrechetOptions& = {});
Frechet frechet_distance(const Tensor& x, const Tensor& y);  // [n, d], [m, d]

// What a tool does with the same features, by name: imago, pytorch-fid, clean-fid, torch-fidelity,
// nvlabs; and products, which is ours by matrix products alone. Error (usage) naming them for
// another.
struct FrechetTool {
  std::string name;
  MomentOptions moments;
  FrechetOptions distance;
};
const FrechetTool& frechet_tool(const std::string& name);
const std::vector<FrechetTool>& frechet_tools();

}  // namespace imago::models
