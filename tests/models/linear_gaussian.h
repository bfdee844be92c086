// Probabilistic PCA: p(x|z) = N(W z + m, s^2 I) with orthogonal columns in W, so that the posterior
// is diagonal and log p(x), the ELBO and the posterior are known in closed form. Not here: what is
// compared with them.
#pragma once
#include <gtest/gtest.h>

#include "engine/ops/ops.h"
#include "models/latent_variable.h"
#include "tests/models/linear_algebra.h"

namespace imago::models::linear_gaussian {

using test::Matrix;
constexpr std::size_t D = 6, d = 3;
constexpr double sigma = 0.5;

inline std::vector<double> normals(std::size_t n, std::uint64_t seed) {
  Generator g{seed};
  return ops::randn({Index(n)}, g, DType::f64).values();
}

struct LinearGaussian {
  // shift and widen move q away from the posterior: mu + shift, logvar + widen.
  LinearGaussian(Bound bound, Index samples, double shift, double widen, DType dtype = DType::f64)
      : model(options(bound, samples), nn::Init{initial, {}, dtype}, noise),
        covariance(D, D),
        mean(normals(D, 12)) {
    Matrix w(D, d);
    w.v = normals(D * d, 11);
    w = test::orthonormal(w);
    for (std::size_t j = 0; j < d; j++)
      for (std::size_t i = 0; i < D; i++) w(i, j) *= 0.6 + 0.5 * double(j);
    covariance = w * test::transpose(w);
    for (std::size_t i = 0; i < D; i++) covariance(i, i) += sigma * sigma;

    std::vector<double> head(2 * d * D), head_bias(2 * d);
    for (std::size_t j = 0; j < d; j++) {
      double column = 0;
      for (std::size_t i = 0; i < D; i++) column += w(i, j) * w(i, j);
      const double m = column + sigma * sigma;  // W^T W + s^2 I is diagonal
      head_bias[j] = shift;
      for (std::size_t i = 0; i < D; i++) {
        head[j * D + i] = w(i, j) / m;
        head_bias[j] -= w(i, j) / m * mean[i];
      }
      head_bias[d + j] = std::log(sigma * sigma / m) + widen;
      // KL(q || posterior), one dimension: ((v - 1 - ln v) + shift^2 / variance) / 2 with v =
      // e^widen.
      kl += 0.5 * (std::exp(widen) - 1 - widen + shift * shift / (sigma * sigma / m));
    }
    load("encoder.0.weight", head);
    load("encoder.0.bias", head_bias);
    load("decoder.0.weight", w.v);
    load("decoder.0.bias", mean);
  }
  static LatentVariableOptions options(Bound bound, Index samples) {
    LatentVariableOptions o;
    o.features = D, o.latent = d, o.hidden = {}, o.likelihood = Likelihood::Kind::gaussian,
    o.sigma = sigma, o.bound = bound, o.samples = samples;
    return o;
  }
  void load(const std::string& name, const std::vector<double>& values) {
    for (const auto& p : model.parameters())
      if (p.name == name)
        return p.value.copy_(ops::cast(Tensor::from(values, p.value.shape()), p.value.dtype()));
    FAIL() << "no parameter " << name;
  }
  double log_p(const std::vector<double>& x, std::size_t row) const {
    return test::log_normal(
        {x.begin() + std::ptrdiff_t(row * D), x.begin() + std::ptrdiff_t((row + 1) * D)}, mean,
        covariance);
  }
  double mean_log_p(const std::vector<double>& x) const {
    double s = 0;
    for (std::size_t i = 0; i < x.size() / D; i++) s += log_p(x, i);
    return s / double(x.size() / D);
  }

  Generator initial{1}, noise{2};
  LatentVariableModel model;
  Matrix covariance;
  std::vector<double> mean;
  double kl = 0;
};

inline const std::vector<double>& data() {
  static const std::vector<double> x = normals(40 * D, 13);
  return x;
}
inline Tensor batch() { return Tensor::from(data(), {40, Index(D)}); }

}  // namespace imago::models::linear_gaussian
