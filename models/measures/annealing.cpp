#include "models/measures/annealing.h"

#include <cmath>
#include <limits>

#include "engine/ops/ops.h"

namespace imago::models {

namespace {

constexpr double log_two_pi = 1.83787706640934548;

void check(const LatentVariableModel& model, const AnnealingOptions& o) {
  constexpr const char* where = "annealed importance sampling";
  if (model.options().bound == Bound::reconstruction)
    throw Error(ErrorKind::usage,
                {"an autoencoder has no prior", where, "a variational model", "ae"});
  if (o.chains < 1 || o.temperatures < 1 || o.leapfrog < 1)
    throw Error(ErrorKind::usage,
                {"options out of range", where, "chains, temperatures and leapfrog of at least 1",
                 concat(o.chains, ", ", o.temperatures, " and ", o.leapfrog)});
  if (!(o.step > 0) || !(o.acceptance > 0 && o.acceptance < 1))
    throw Error(ErrorKind::usage,
                {"options out of range", where, "a step above 0, an acceptance within (0, 1)",
                 concat(o.step, " and ", o.acceptance)});
}

// log N(z; mu, e^logvar) of each row.
Tensor log_normal(const Tensor& z, const Tensor& mu, const Tensor& logvar) {
  return -.5 * ops::sum(ops::square(z - mu) * ops::exp(-logvar) + logvar + log_two_pi, {1});
}

// All chains of all x at once, row i K + k for chain k of x_i. f_beta(z) = start(z)^(1 - beta)
// p(x, z)^beta.
class Chains {
 public:
  Chains(LatentVariableModel& model, const Tensor& x, const AnnealingOptions& o, Generator& g)
      : model_(model), x_(x), o_(o), g_(g), rows_(x.size(0) * o.chains) {
    const NoGrad no_grad;
    const Shape codes{rows_, model.options().latent};
    if (o.start == AnnealingOptions::Start::prior) {
      mu_ = logvar_ = Tensor::zeros(codes, x.dtype(), x.device());
    } else {
      const auto [mu, logvar] = model.encode(x);
      mu_ = ops::repeat_interleave(mu, o.chains);
      logvar_ = ops::repeat_interleave(logvar, o.chains);
    }
    step_ = Tensor::full({rows_}, o.step, x.dtype(), x.device());
    accepted_ = Tensor::zeros({rows_}, x.dtype(), x.device());
    log_weights_ = Tensor::zeros({rows_}, DType::f64, x.device());
  }
  void begin_at_start() { at_ = point(ops::reparameterize(mu_, logvar_, g_)); }
  void begin_at(const Tensor& z) { at_ = point(ops::repeat_interleave(z, o_.chains)); }

  // log f_to(z) / f_from(z) of the present z, added to the weights.
  void weigh(double from, double to) {
    log_weights_ =
        log_weights_ + (to - from) * ops::cast(at_.log_joint - at_.log_start, DType::f64);
  }
  // A Hamiltonian transition that leaves f_beta invariant (Neal 2011).
  void move(double beta) {
    const Tensor step = ops::unsqueeze(step_, 1);
    Tensor v = ops::randn(mu_.shape(), g_, mu_.dtype(), mu_.device());
    const Tensor before = energy(at_, v, beta);
    Point p = at_;
    v = v + .5 * step * slope(p, beta);
    for (Index i = 1; i <= o_.leapfrog; i++) {
      p = point(p.z + step * v);
      v = v + (i < o_.leapfrog ? 1 : .5) * step * slope(p, beta);
    }
    // An energy that is not a number is not accepted.
    const Tensor zero = Tensor::zeros(Shape{}, mu_.dtype(), mu_.device()),
                 change = before - energy(p, v, beta),
                 known = ops::where(ops::less(change, zero), change,
                                    ops::where(ops::greater_equal(change, zero), zero,
                                               zero - std::numeric_limits<double>::infinity())),
                 probability = ops::exp(known),
                 yes = ops::less(ops::rand({rows_}, g_, mu_.dtype(), mu_.device()), probability),
                 yes_rows = ops::unsqueeze(yes, 1);
    at_ = {ops::where(yes_rows, p.z, at_.z), ops::where(yes, p.log_start, at_.log_start),
           ops::where(yes, p.log_joint, at_.log_joint),
           ops::where(yes_rows, p.start_slope, at_.start_slope),
           ops::where(yes_rows, p.joint_slope, at_.joint_slope)};
    accepted_ = accepted_ + yes;
    moves_++;
    // One step size for all chains of an x: it depends less on where any one of them is.
    const Tensor share = ops::mean(ops::reshape(probability, {x_.size(0), o_.chains}), {1});
    step_ = step_ * ops::exp(.1 * (ops::repeat_interleave(share, o_.chains) - o_.acceptance));
  }
  // log mean over chains of e^(sign log weight), of each x.
  std::vector<double> log_mean(double sign) const {
    return ops::log_mean_exp(ops::reshape(sign * log_weights_, {x_.size(0), o_.chains})).values();
  }
  double accepted() const { return moves_ > 0 ? ops::mean(accepted_).item() / double(moves_) : 1; }

 private:
  struct Point {
    Tensor z, log_start, log_joint;   // [rows, d], [rows], [rows]
    Tensor start_slope, joint_slope;  // gradients by z, [rows, d]
  };
  Point point(const Tensor& z) {
    const Tensor leaf = z.detach();
    Tensor joint, slope;
    {
      const EnableGrad on;
      leaf.requires_grad_();
      joint = model_.likelihood.log_prob(x_, model_.decode(leaf)) -
              .5 * ops::sum(ops::square(leaf) + log_two_pi, {1});
      slope = grad({ops::sum(joint)}, {leaf})[0];
    }
    return {z, log_normal(z, mu_, logvar_), joint.detach(), (mu_ - z) * ops::exp(-logvar_), slope};
  }
  static Tensor slope(const Point& p, double beta) {
    return (1 - beta) * p.start_slope + beta * p.joint_slope;
  }
  static Tensor energy(const Point& p, const Tensor& v, double beta) {
    return .5 * ops::sum(ops::square(v), {1}) - (1 - beta) * p.log_start - beta * p.log_joint;
  }

  LatentVariableModel& model_;
  Tensor x_;
  const AnnealingOptions& o_;
  Generator& g_;
  Index rows_, moves_ = 0;
  Tensor mu_, logvar_, step_, accepted_, log_weights_;
  Point at_;
};

// From 0 to 1, slow at both ends.
std::vector<double> schedule(Index temperatures) {
  const auto sigmoid = [](double t) { return 1 / (1 + std::exp(-t)); };
  constexpr double ends = 4;
  const double low = sigmoid(-ends), high = sigmoid(ends);
  std::vector<double> beta;
  for (Index t = 0; t <= temperatures; t++)
    beta.push_back((sigmoid(ends * (2 * double(t) / double(temperatures) - 1)) - low) /
                   (high - low));
  return beta;
}

}  // namespace

std::optional<Annealed> annealed_log_p(LatentVariableModel& model, const Tensor& x,
                                       const AnnealingOptions& o, Generator& g) {
  check(model, o);
  const NoGrad no_grad;
  const std::vector<double> beta = schedule(o.temperatures);
  Chains chains(model, x, o, g);
  chains.begin_at_start();
  for (std::size_t t = 1; t < beta.size(); t++) {
    if (o.watch.stopped()) return {};
    chains.weigh(beta[t - 1], beta[t]);
    if (t + 1 < beta.size()) chains.move(beta[t]);
    o.watch.done(double(t) / double(o.temperatures));
  }
  return Annealed{chains.log_mean(1), chains.accepted()};
}

std::optional<Annealed> annealed_log_p_above(LatentVariableModel& model, const Tensor& x,
                                             const Tensor& z, const AnnealingOptions& o,
                                             Generator& g) {
  check(model, o);
  if (z.rank() != 2 || z.size(0) != x.size(0) || z.size(1) != model.options().latent)
    throw Error(ErrorKind::usage,
                {"wrong codes", "annealed importance sampling",
                 concat("[", x.size(0), ", ", model.options().latent, "]"), concat(z.shape())});
  const NoGrad no_grad;
  const std::vector<double> beta = schedule(o.temperatures);
  Chains chains(model, x, o, g);
  chains.begin_at(z);
  for (std::size_t t = beta.size() - 1; t > 0; t--) {
    if (o.watch.stopped()) return {};
    chains.weigh(beta[t - 1], beta[t]);
    if (t > 1) chains.move(beta[t - 1]);
    o.watch.done(double(beta.size() - t) / double(o.temperatures));
  }
  Annealed r{chains.log_mean(-1), chains.accepted()};
  for (double& v : r.log_p) v = -v;
  return r;
}

}  // namespace imago::models
