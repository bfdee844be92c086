// Probabilistic PCA: p(x|z) = N(W z + m, s^2 I) with orthogonal columns in W, so that the posterior
// is diagonal and log p(x), the ELBO and the posterior are known in closed form.
#include <gtest/gtest.h>

#include "engine/ops/ops.h"
#include "models/measures/bounds.h"
#include "tests/models/linear_algebra.h"

namespace imago::models {
namespace {

using test::Matrix;
constexpr std::size_t D = 6, d = 3;
constexpr double sigma = 0.5;

std::vector<double> normals(std::size_t n, std::uint64_t seed) {
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

const std::vector<double>& data() {
  static const std::vector<double> x = normals(40 * D, 13);
  return x;
}
Tensor batch() { return Tensor::from(data(), {40, Index(D)}); }

TEST(LinearGaussian, AtThePosteriorEveryWeightIsLogP) {
  LinearGaussian m(Bound::iwae, 5, 0, 0);
  const NoGrad no_grad;
  Generator g{3};
  const std::vector<double> w = m.model.log_weights(batch(), 7, g).values();
  ASSERT_EQ(w.size(), 40u * 7);
  for (std::size_t i = 0; i < w.size(); i++) EXPECT_NEAR(w[i], m.log_p(data(), i / 7), 1e-6);
  EXPECT_NEAR(-m.model.objective(batch())[0].value.item(), m.mean_log_p(data()), 1e-6);
}

TEST(LinearGaussian, ElboIsLogPLessTheDivergence) {
  for (const auto& [shift, widen] : {std::pair{0., 0.}, {0.3, 0.}, {0., 0.7}, {-0.2, -0.5}}) {
    LinearGaussian m(Bound::elbo, 1, shift, widen);
    const NoGrad no_grad;
    Generator g{4}, h{5};
    const Index K = 5000;
    const double exact = m.mean_log_p(data()) - m.kl;
    // Both estimators: the mean log weight, and the one with the analytic rate.
    const auto estimate = [&](const std::vector<double>& per_draw, const char* what) {
      double mean = 0, variance = 0;
      for (double v : per_draw) mean += v / double(per_draw.size());
      // Draws differ within a row only; the rows' own spread is no error.
      for (std::size_t i = 0; i < 40; i++) {
        double row = 0, square = 0;
        for (Index k = 0; k < K; k++)
          row += per_draw[i * std::size_t(K) + std::size_t(k)] / double(K);
        for (Index k = 0; k < K; k++)
          square += std::pow(per_draw[i * std::size_t(K) + std::size_t(k)] - row, 2);
        variance += square / double(K - 1) / double(K) / 1600;
      }
      EXPECT_NEAR(mean, exact, 4 * std::sqrt(variance) + 1e-9)
          << what << ", shift " << shift << ", widen " << widen;
    };
    estimate(m.model.log_weights(batch(), K, g).values(), "log weights");

    const auto [mu, logvar] = m.model.encode(batch());
    const Tensor z = ops::reparameterize(mu, logvar, h, K);
    std::vector<double> bound = m.model.likelihood.log_prob(batch(), m.model.decode(z)).values();
    const std::vector<double> rate = ops::gaussian_kl(mu, logvar).values();
    for (std::size_t i = 0; i < bound.size(); i++) bound[i] -= rate[i / std::size_t(K)];
    estimate(bound, "analytic rate");
  }
}

TEST(LinearGaussian, IwaeRisesWithKAndStaysBelowLogP) {
  LinearGaussian m(Bound::iwae, 1, 0.3, 0.4);
  const NoGrad no_grad;
  const double exact = m.mean_log_p(data());
  double before = exact - m.kl;
  for (Index K : {1, 5, 50}) {
    Generator g{6};
    const Index repeats = 4000 / K;  // groups of the same draws: nested, so the rise is not luck
    const Tensor w =
        ops::reshape(m.model.log_weights(batch(), repeats * K, g), Shape{40 * repeats, K});
    const std::vector<double> bounds = ops::log_mean_exp(w).values();
    double mean = 0, variance = 0;
    for (double b : bounds) mean += b / double(bounds.size());
    for (std::size_t i = 0; i < 40; i++) {
      double row = 0;
      for (Index r = 0; r < repeats; r++)
        row += bounds[i * std::size_t(repeats) + std::size_t(r)] / double(repeats);
      for (Index r = 0; r < repeats; r++)
        variance += std::pow(bounds[i * std::size_t(repeats) + std::size_t(r)] - row, 2) /
                    double(repeats * repeats) / 1600;
    }
    if (K == 1)
      EXPECT_NEAR(mean, before, 4 * std::sqrt(variance));
    else
      EXPECT_GT(mean, before);
    EXPECT_LT(mean, exact);
    before = mean;
  }
  EXPECT_LT(exact - before, 0.1 * m.kl) << "50 samples close most of the gap";
}

TEST(LinearGaussian, RateAndItsGradientAreAnalytic) {
  LinearGaussian m(Bound::elbo, 1, 0.3, 0.4);
  const auto [mu, logvar] = m.model.encode(batch());
  const Tensor rate = ops::gaussian_kl(mu, logvar);
  const auto gradients = grad({ops::sum(rate)}, {mu, logvar});
  const auto a = mu.values(), b = logvar.values(), r = rate.values(), ga = gradients[0].values(),
             gb = gradients[1].values();
  for (std::size_t i = 0; i < 40; i++) {
    double kl = 0;
    for (std::size_t j = i * d; j < (i + 1) * d; j++) {
      kl += 0.5 * (a[j] * a[j] + std::exp(b[j]) - 1 - b[j]);
      EXPECT_NEAR(ga[j], a[j], 1e-6);
      EXPECT_NEAR(gb[j], 0.5 * (std::exp(b[j]) - 1), 1e-6);
    }
    EXPECT_NEAR(r[i], kl, 1e-6);
  }
}

TEST(LinearGaussian, TheLossItselfHasTheAnalyticGradient) {
  // With the draws' noise integrated out, d(-ELBO)/d(mu bias) = shift / posterior variance for each
  // latent.
  LinearGaussian m(Bound::elbo, 4000, 0.3, 0.);
  const Tensor bias = m.model.parameters()[1].value;
  const auto g = grad({m.model.objective(batch())[0].value}, {bias})[0].values();
  const auto head = bias.values();
  for (std::size_t j = 0; j < d; j++) {
    const double variance = std::exp(head[d + j]);
    EXPECT_NEAR(g[j], 0.3 / variance, 0.05 * 0.3 / variance);
    EXPECT_NEAR(g[d + j], 0, 0.02);  // the variance is already the posterior's
  }
}

data::DataSet data_set() {
  data::DataSet set;
  set.name = "normals";
  set.kind = data::Kind::vector;
  set.sample_shape = {Index(D)};
  set.test.x = ops::cast(batch(), DType::f32);
  return set;
}

TEST(LinearGaussian, MeasuresAreTheClosedForms) {
  LinearGaussian m(Bound::elbo, 1, 0.1, 0.2, DType::f32);
  const data::DataSet set = data_set();
  const auto at = [&](Index samples, Index limit) {
    return measure(m.model, set, set.test,
                   {.metrics = {"nll", "elbo", "rate", "distortion"},
                    .seed = 1,
                    .samples = samples,
                    .limit = limit});
  };
  const double exact = m.mean_log_p(data());
  const training::Figures f = at(5000, 0);
  EXPECT_NEAR(training::figure(f, "nll"), -exact, 0.01);
  EXPECT_NEAR(training::figure(f, "elbo"),
              -training::figure(f, "rate") - training::figure(f, "distortion"), 1e-9);
  EXPECT_NEAR(training::figure(f, "elbo"), exact - m.kl, 0.5);
  EXPECT_EQ(training::figure(f, "elbo"), training::figure(at(10, 0), "elbo"));
  EXPECT_GT(training::figure(at(1, 0), "nll"), training::figure(f, "nll") - 0.5);
  // A limit takes the first samples, with the very draws they have in the whole.
  Generator g{1, evaluation_draws};
  const NoGrad no_grad;
  const Tensor first = rows(set, set.test, 0, 8, 1);
  const auto [distortion, rate] = m.model.parts(first, 1, g);
  EXPECT_NEAR(training::figure(at(1, 8), "distortion"), ops::mean(distortion).item(), 1e-5);
  EXPECT_THROW(measure(m.model, set, set.test, {.metrics = {"fid"}}), Error);
  EXPECT_THROW(measure(m.model, set, set.valid, {}), Error);
}

}  // namespace
}  // namespace imago::models
