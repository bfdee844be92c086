// Rows of engine/ops/variational.h. The references are the textbook formulas in double.
#include <cmath>

#include "tests/op_cases/op_case.h"

namespace imago::test {
namespace {

constexpr double kLogTwoPi = 1.8378770664093454836;
constexpr Generator kGenerator{42, 7};  // an odd place in the stream

double sigmoid(double u) {
  return u > 0 ? 1 / (1 + std::exp(-u)) : std::exp(u) / (1 + std::exp(u));
}

// The normals a draw of n elements at kGenerator yields; ops::randn has its own independent
// reference.
std::vector<double> normals(Index n) {
  Generator g = kGenerator;
  return ops::randn({n}, g, DType::f64).values();
}

Arrays kl_reference(const Arrays& in) {
  const Index rows = in[0].shape[0], cols = in[0].shape[1];
  const bool pair = in.size() == 4;
  Array kl = zeros({rows});
  for (Index i = 0; i < rows * cols; i++) {
    const double mu2 = pair ? in[2][i] : 0, logvar2 = pair ? in[3][i] : 0, d = in[0][i] - mu2;
    kl[i / cols] +=
        .5 * (logvar2 - in[1][i] + (std::exp(in[1][i]) + d * d) / std::exp(logvar2) - 1);
  }
  return {kl};
}

// z, log q, log p.
Arrays sample_reference(const Arrays& in, Index samples) {
  const Index cols = in[0].shape[1], rows = in[0].shape[0] * samples;
  const std::vector<double> eps = normals(rows * cols);
  Array z = zeros({rows, cols}), log_q = zeros({rows}), log_p = zeros({rows});
  for (Index r = 0; r < rows; r++)
    for (Index c = 0; c < cols; c++) {
      const Index from = r / samples * cols + c, i = r * cols + c;
      const double sigma = std::exp(in[1][from] / 2), d = sigma * eps[std::size_t(i)];
      z[i] = in[0][from] + d;
      log_q[r] -= .5 * kLogTwoPi + std::log(sigma) + .5 * d * d / (sigma * sigma);
      log_p[r] -= .5 * (kLogTwoPi + z[i] * z[i]);
    }
  return {z, log_q, log_p};
}

Arrays bernoulli_reference(const Arrays& in) {
  const Index cols = in[0].shape[1], rows = in[1].shape[0],
              samples = rows ? rows / in[0].shape[0] : 1;
  Array lp = zeros({rows});
  for (Index r = 0; r < rows; r++)
    for (Index c = 0; c < cols; c++) {
      const double x = in[0][r / samples * cols + c], p = sigmoid(in[1][r * cols + c]);
      lp[r] += x * std::log(p) + (1 - x) * std::log1p(-p);
    }
  return {lp};
}

// f(x, mean, scale) summed over each row; the scale is one per element, per column, or one for all.
template <class F>
Arrays density_reference(const Arrays& in, F f) {
  const Index rows = in[1].shape[0], cols = in[1].shape[1],
              samples = rows ? rows / in[0].shape[0] : 1;
  const Shape& s = in[2].shape;
  Array lp = zeros({rows});
  for (Index r = 0; r < rows; r++)
    for (Index c = 0; c < cols; c++) {
      const Index i = r * cols + c;
      const double scale = s == in[1].shape ? in[2][i] : s.numel() == 1 ? in[2][0] : in[2][c];
      lp[r] += f(in[0][r / samples * cols + c], in[1][i], scale);
    }
  return {lp};
}
double gaussian_density(double x, double mean, double logvar) {
  const double v = std::exp(logvar);
  return -.5 * std::log(2 * M_PI * v) - (x - mean) * (x - mean) / (2 * v);
}
// By quadrature of the logistic density over the bin: Gauss-Legendre of 5 points on 64 pieces.
// Tails are closed forms.
double logistic_mass(double x, double mean, double log_scale) {
  const double h = 1. / 510, s = std::exp(log_scale);
  if (x < h) return std::log(sigmoid((x + h - mean) / s));
  if (x > 1 - h) return std::log(sigmoid((mean - x + h) / s));
  constexpr double at[] = {0, .5384693101056831, .9061798459386640};
  constexpr double weight[] = {.5688888888888889, .4786286704993665, .2369268850561891};
  // e^-least is taken out of sigmoid(t) sigmoid(-t) = e^-|t| / (1 + e^-|t|)^2, so that nothing
  // underflows.
  const double least = std::max(0., (std::fabs(x - mean) - h) / s);
  double mass = 0;
  for (int piece = 0; piece < 64; piece++) {
    const double half = h / 64, middle = x - h + (2 * piece + 1) * half;
    for (int k = -2; k <= 2; k++) {
      const double t = std::fabs((middle + (k < 0 ? -1 : 1) * at[std::abs(k)] * half - mean) / s);
      mass += weight[std::abs(k)] * half / s * std::exp(least - t) / std::pow(1 + std::exp(-t), 2);
    }
  }
  return std::log(mass) - least;
}

Arrays log_mean_exp_reference(const Arrays& in) {
  const Index rows = in[0].shape[0], cols = in[0].shape[1];
  Array out = zeros({rows});
  for (Index r = 0; r < rows; r++) {
    double largest = -INFINITY, sum = 0;
    for (Index c = 0; c < cols; c++) largest = std::max(largest, in[0][r * cols + c]);
    for (Index c = 0; c < cols; c++) sum += std::exp(in[0][r * cols + c] - largest);
    out[r] = largest + std::log(sum / double(cols));
  }
  return {out};
}

struct Size {
  const char* name;
  Index rows, cols, samples = 1;
};
// 1, primes, less and more than a warp, several tiles of normals, empty both ways.
const Size kSizes[] = {
    {"one", 1, 1},          {"prime", 7, 13},    {"wide", 3, 1031},           {"tall", 101, 3},
    {"samples", 5, 7, 3},   {"many", 2, 33, 11}, {"long_samples", 2, 601, 2}, {"no_rows", 0, 5},
    {"no_columns", 3, 0, 2}};

}  // namespace

void add_variational_cases(std::vector<OpCase>& rows) {
  // Sums of up to 1031 terms in float32: pairwise or in lanes, within 1e-5 of 1 + |sum|.
  for (const auto& [name, r, c, k] : kSizes) {
    const Input mu{{r, c}}, logvar{{r, c}, -1.5, 1.5}, row_mu{{r * k, c}},
        row_logvar{{r * k, c}, -1.5, 1.5};
    const Input x{{r, c}, .05, .95}, logits{{r * k, c}, -4, 4}, level{{r, c}, .01, .99};
    const std::string suffix = name;
    if (k == 1) {
      rows.push_back(
          {.op = "gaussian_kl",
           .name = suffix,
           .inputs = {mu, logvar},
           .forward = [](const Tensors& in) { return Tensors{ops::gaussian_kl(in[0], in[1])}; },
           .reference = kl_reference});
      rows.push_back({.op = "gaussian_kl",
                      .name = suffix + "_pair",
                      .inputs = {mu, logvar, mu, logvar},
                      .forward =
                          [](const Tensors& in) {
                            return Tensors{ops::gaussian_kl(in[0], in[1], in[2], in[3])};
                          },
                      .reference = kl_reference});
    }
    rows.push_back(
        {.op = "reparameterize",
         .name = suffix,
         .inputs = {mu, logvar},
         .forward =
             [k = k](const Tensors& in) {
               Generator g = kGenerator;
               return Tensors{ops::reparameterize(in[0], in[1], g, k)};
             },
         .reference = [k = k](const Arrays& in) { return Arrays{sample_reference(in, k)[0]}; }});
    rows.push_back({.op = "reparameterize_log_prob",
                    .name = suffix,
                    .inputs = {mu, logvar},
                    .forward =
                        [k = k](const Tensors& in) {
                          Generator g = kGenerator;
                          const ops::PosteriorSample s =
                              ops::reparameterize_log_prob(in[0], in[1], g, k);
                          return Tensors{s.z, s.log_q, s.log_p};
                        },
                    .reference = [k = k](const Arrays& in) { return sample_reference(in, k); }});
    if (r > 0 || k == 1) {
      rows.push_back(
          {.op = "bernoulli_log_prob",
           .name = suffix,
           .inputs = {x, logits},
           .forward =
               [](const Tensors& in) { return Tensors{ops::bernoulli_log_prob(in[0], in[1])}; },
           .reference = bernoulli_reference});
      const auto gaussian = [](const Tensors& in) {
        return Tensors{ops::gaussian_log_prob(in[0], in[1], in[2])};
      };
      const auto gaussian_ref = [](const Arrays& in) {
        return density_reference(in, gaussian_density);
      };
      // Bins of width 1/255 in float32: x - mean keeps 24 bits, divided by s of at least e^-3.
      const auto logistic = [](const Tensors& in) {
        return Tensors{ops::discretized_logistic_log_prob(in[0], in[1], in[2])};
      };
      const auto logistic_ref = [](const Arrays& in) {
        return density_reference(in, logistic_mass);
      };
      const Input mean{{r * k, c}, 0, 1};
      const struct {
        const char* spread;
        Shape shape;
      } spreads[] = {{"", {r * k, c}}, {"_column", {c}}, {"_scalar", {}}, {"_one", {1, 1}}};
      for (const auto& [spread, shape] : spreads) {
        rows.push_back({.op = "gaussian_log_prob",
                        .name = suffix + spread,
                        .inputs = {mu, row_mu, Input{shape, -1.5, 1.5}},
                        .forward = gaussian,
                        .reference = gaussian_ref});
        rows.push_back({.op = "discretized_logistic_log_prob",
                        .name = suffix + spread,
                        .inputs = {level, mean, Input{shape, -3, -1}},
                        .forward = logistic,
                        .reference = logistic_ref});
      }
    }
    if (c > 0)
      rows.push_back(
          {.op = "log_mean_exp",
           .name = suffix,
           .inputs = {Input{{r, c}, -30, 5}},
           .forward = [](const Tensors& in) { return Tensors{ops::log_mean_exp(in[0])}; },
           .reference = log_mean_exp_reference});
  }
  // The tails of the discretised logistic, both with a gradient, and x constant as in training.
  for (const auto& [name, low, high] :
       {std::tuple{"low_tail", 0., .0015}, std::tuple{"high_tail", .9985, 1.}})
    rows.push_back(
        {.op = "discretized_logistic_log_prob",
         .name = name,
         .inputs = {constant({6, 5}, low, high), Input{{12, 5}, 0, 1}, Input{{12, 5}, -3, -1}},
         .forward =
             [](const Tensors& in) {
               return Tensors{ops::discretized_logistic_log_prob(in[0], in[1], in[2])};
             },
         .reference = [](const Arrays& in) { return density_reference(in, logistic_mass); }});
  // Bins up to a thousand scales from the mean, whose probability no float holds.
  rows.push_back(
      {.op = "discretized_logistic_log_prob",
       .name = "far",
       .inputs = {Input{{6, 5}, .01, .99}, Input{{12, 5}, 0, 1}, Input{{12, 5}, -7, -5}},
       .forward =
           [](const Tensors& in) {
             return Tensors{ops::discretized_logistic_log_prob(in[0], in[1], in[2])};
           },
       .reference = [](const Arrays& in) { return density_reference(in, logistic_mass); }});
  // What training runs: case A, and IWAE with 50 samples.
  const auto bench = [&](const char* op, std::vector<Input> inputs, double bytes, double special,
                         double normals = 0) {
    for (OpCase& row : rows)
      if (row.op == op && row.name == "prime")
        row.bench = std::move(inputs), row.bench_bytes = bytes, row.bench_special = special,
        row.bench_normals = normals;
  };
  const double n = 5000 * 784, d = 5000 * 50;
  bench("bernoulli_log_prob", {constant({5000, 784}, 0, 1), Input{{5000, 784}}}, 8 * n, 2 * n);
  bench("gaussian_log_prob", {constant({5000, 784}, 0, 1), Input{{5000, 784}}, Input{{5000, 784}}},
        12 * n, n);
  bench("discretized_logistic_log_prob",
        {constant({5000, 784}, 0, 1), Input{{5000, 784}, 0, 1}, Input{{5000, 784}, -3, -1}}, 12 * n,
        5 * n);
  bench("gaussian_kl", {Input{{5000, 50}}, Input{{5000, 50}}}, 8 * d, d);
  bench("reparameterize", {Input{{5000, 50}}, Input{{5000, 50}}}, 12 * d, d, d);
  bench("reparameterize_log_prob", {Input{{5000, 50}}, Input{{5000, 50}}}, 12 * d, d, d);
  bench("log_mean_exp", {Input{{128, 5000}, -30, 5}}, 4. * 128 * 5000, 128 * 5000);
}

}  // namespace imago::test
