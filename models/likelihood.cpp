#include "models/likelihood.h"

#include <cmath>

#include "engine/ops/ops.h"

namespace imago::models {

Likelihood::Kind Likelihood::kind_from(const std::string& name) {
  if (name == "bernoulli") return Kind::bernoulli;
  if (name == "gaussian") return Kind::gaussian;
  if (name == "discretized_logistic") return Kind::discretized_logistic;
  throw Error(ErrorKind::usage,
              {"unknown likelihood", {}, "bernoulli, gaussian or discretized_logistic", name});
}

Likelihood::Likelihood(Kind kind, std::optional<double> sigma, const nn::Init& init)
    : kind_(kind), sigma_(sigma) {
  if (kind == Kind::bernoulli) return;
  // Learning starts from a unit Gaussian; a unit logistic would spread over five times the range of
  // an image.
  const double first = sigma.value_or(kind == Kind::gaussian ? 1 : 0.1);
  Tensor log_sigma = Tensor::full({1}, std::log(first), init.dtype, init.device);
  if (sigma)
    log_sigma_ = log_sigma;
  else
    parameter("log_sigma", log_sigma_, log_sigma);
}

Tensor Likelihood::log_prob(const Tensor& x, const Tensor& decoded) const {
  switch (kind_) {
    case Kind::bernoulli: return ops::bernoulli_log_prob(x, decoded);
    case Kind::gaussian: return ops::gaussian_log_prob(x, decoded, 2 * log_sigma_);
    case Kind::discretized_logistic:
      return ops::discretized_logistic_log_prob(x, decoded, log_sigma_);
  }
  return {};
}

Tensor Likelihood::mean(const Tensor& decoded) const {
  return kind_ == Kind::bernoulli ? ops::sigmoid(decoded) : decoded;
}

Tensor Likelihood::draw(const Tensor& decoded, Generator& g) const {
  if (kind_ != Kind::gaussian)
    throw Error(ErrorKind::usage,
                {"only a gaussian likelihood draws continuous data", {}, "gaussian", describe()});
  return decoded +
         ops::exp(log_sigma_) * ops::randn(decoded.shape(), g, decoded.dtype(), decoded.device());
}

std::string Likelihood::describe() const {
  const std::string width = sigma_ ? concat(*sigma_) : std::string("learned");
  switch (kind_) {
    case Kind::bernoulli: return "bernoulli(logits)";
    case Kind::gaussian: return "gaussian(mean, sigma " + width + ")";
    case Kind::discretized_logistic: return "discretized_logistic(mean, scale " + width + ")";
  }
  return {};
}

}  // namespace imago::models
