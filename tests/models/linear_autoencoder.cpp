// A linear autoencoder with squared error spans the subspace of the first principal components.
#include <gtest/gtest.h>

#include "engine/ops/ops.h"
#include "engine/optim/optimizer.h"
#include "models/latent_variable.h"
#include "tests/models/linear_algebra.h"

namespace imago::models {
namespace {

using test::Matrix;

TEST(LinearAutoencoder, RecoversThePrincipalSubspace) {
  constexpr std::size_t N = 300, D = 8, d = 3;
  Generator g{21}, noise{22};
  // Correlated data of distinct variances, centred.
  Matrix x(N, D), mix(D, D);
  x.v = ops::randn({N, D}, g, DType::f64).values();
  mix.v = ops::randn({D, D}, g, DType::f64).values();
  mix = test::orthonormal(mix);
  for (std::size_t i = 0; i < N; i++)
    for (std::size_t j = 0; j < D; j++) x(i, j) *= 2.4 * std::pow(0.75, double(j));
  x = x * test::transpose(mix);
  for (std::size_t j = 0; j < D; j++) {
    double mean = 0;
    for (std::size_t i = 0; i < N; i++) mean += x(i, j) / double(N);
    for (std::size_t i = 0; i < N; i++) x(i, j) -= mean;
  }
  const test::Eigen pca = test::eigen(test::transpose(x) * x);

  LatentVariableOptions o;
  o.features = D, o.latent = d, o.hidden = {}, o.likelihood = Likelihood::Kind::gaussian,
  o.sigma = 1, o.bound = Bound::reconstruction;
  LatentVariableModel model(o, nn::Init{g, {}, DType::f64}, noise);
  Optimizer adam(model.parameters(), Adam{}, {.lr = 0.02});
  std::vector<Tensor> parameters;
  for (const auto& p : model.parameters()) parameters.push_back(p.value);
  const Tensor batch = Tensor::from(x.v, {N, D});
  double loss = 0;
  for (int step = 0; step < 1500; step++) {
    if (step == 1000) adam.set_lr(0.002);
    const Tensor objective = model.objective(batch)[0].value;
    adam.step(grad({objective}, parameters));
    loss = objective.item();
  }
  // The least squared error any rank-3 map leaves is the sum of the remaining eigenvalues.
  double least = 0.5 * double(D) * std::log(2 * M_PI);
  for (std::size_t j = d; j < D; j++) least += 0.5 * pca.values[j] / double(N);
  EXPECT_NEAR(loss, least, 1e-4);

  Matrix w(D, d);
  w.v = model.decoder.parameters()[0].value.values();
  const Matrix q = test::orthonormal(w);
  // Sine of the largest angle: the norm of what q has outside the principal subspace.
  Matrix inside(d, d);
  for (std::size_t i = 0; i < d; i++)
    for (std::size_t j = 0; j < d; j++)
      for (std::size_t k = 0; k < D; k++) inside(i, j) += pca.vectors(k, i) * q(k, j);
  Matrix outside = q;
  for (std::size_t k = 0; k < D; k++)
    for (std::size_t j = 0; j < d; j++)
      for (std::size_t i = 0; i < d; i++) outside(k, j) -= pca.vectors(k, i) * inside(i, j);
  const double sine =
      std::sqrt(std::max(0., test::eigen(test::transpose(outside) * outside).values[0]));
  EXPECT_LT(std::asin(std::min(1., sine)), 1e-2);
}

}  // namespace
}  // namespace imago::models
