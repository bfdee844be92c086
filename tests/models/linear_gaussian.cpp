// Latent-variable models and what is measured of them where all is known in closed form.
#include "tests/models/linear_gaussian.h"

#include "models/measures/bounds.h"
#include "tests/errors.h"

namespace imago::models {
namespace {
using namespace linear_gaussian;

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

// Annealing and what codes know, as figures of a split.
TEST(LinearGaussian, FiguresOfAnnealingAndInformation) {
  LinearGaussian m(Bound::elbo, 1, .8, 0, DType::f32);
  const data::DataSet set = data_set();
  const auto at = [&](MeasureOptions o) { return measure(m.model, set, set.test, o); };
  MeasureOptions o{.metrics = {"ais", "active_units", "mi_lower", "mi_upper", "rate"}, .seed = 1};
  o.chains = 16, o.temperatures = 100;
  const training::Figures f = at(o);
  // Of one sample the error is about .2: 4 standard errors of 40.
  EXPECT_NEAR(training::figure(f, "ais"), -m.mean_log_p(data()), 4 * .2 / std::sqrt(40.));
  EXPECT_EQ(training::figure(f, "active_units"), double(d));
  EXPECT_GT(training::figure(f, "mi_lower"), .5);
  EXPECT_LE(training::figure(f, "mi_lower"), std::log(40.) + 1e-9);
  EXPECT_GT(training::figure(f, "mi_upper"), training::figure(f, "mi_lower"));
  o.metrics = {"ais"};
  const double whole = training::figure(at(o), "ais");
  EXPECT_EQ(whole, training::figure(f, "ais"));
  double share = 0;
  o.progress = [&](double s) { share = std::max(share, s); };
  at(o);
  EXPECT_EQ(share, 1);
  o.stop = [] { return true; };
  EXPECT_TRUE(at(o).empty());
  o.metrics = {"mi_lower"};
  EXPECT_TRUE(at(o).empty());
  o.metrics = {"ais"};
  o.chains = 0;
  test::expect_error([&] { at(o); }, {"chains out of range", "at least 1", "received 0"});
}

}  // namespace
}  // namespace imago::models
