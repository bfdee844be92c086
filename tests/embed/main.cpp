// Trains a VAE on the caller's own tensors: 8 x 8 pictures of one bright row. Uses <imago/imago.h>
// and imago::imago alone.
#include <imago/imago.h>

#include <cstdio>

namespace nn = imago::nn;
namespace ops = imago::ops;
using imago::Index, imago::Tensor;

struct Vae : nn::Module {
  Vae(Index features, Index hidden, Index latent, const nn::Init& init) : latent_(latent) {
    encoder_.add<nn::Linear>(features, hidden, init);
    encoder_.add<nn::Activation>("relu");
    encoder_.add<nn::Linear>(hidden, 2 * latent, init);
    decoder_.add<nn::Linear>(latent, hidden, init);
    decoder_.add<nn::Activation>("relu");
    decoder_.add<nn::Linear>(hidden, features, init);
    child("encoder", encoder_);
    child("decoder", decoder_);
  }
  // E_q log p(x|z) - KL(q(z|x) || p(z)), the mean over the batch in nats.
  Tensor elbo(const Tensor& x, imago::Generator& noise) {
    const auto posterior = ops::split(encoder_(x), 1, {latent_, latent_});
    const Tensor z = ops::reparameterize(posterior[0], posterior[1], noise);
    return ops::mean(ops::bernoulli_log_prob(x, decoder_(z)) -
                     ops::gaussian_kl(posterior[0], posterior[1]));
  }

 private:
  Index latent_;
  nn::Sequential encoder_, decoder_;
};

int main() {
  try {
    const Index rows = 128, side = 8;
    std::vector<float> pixels(std::size_t(rows * side * side));
    for (Index i = 0; i < rows; i++)
      for (Index j = 0; j < side; j++) pixels[std::size_t((i * side + i % side) * side + j)] = 1;
    const Tensor x = Tensor::from(pixels, {rows, side * side});

    imago::Generator random{1};
    Vae vae(side * side, 32, 2, {random});
    std::vector<imago::Parameter> parameters;
    for (const auto& [name, value] : vae.parameters()) parameters.push_back({name, value});
    imago::Optimizer adam(parameters, imago::Adam{}, {.lr = 5e-3});
    double elbo = 0;
    for (int step = 0; step < 800; step++) {
      adam.zero_grad();
      const Tensor bound = vae.elbo(x, random);
      backward(-bound);
      adam.step();
      if (step % 100 == 99) std::printf("step %d: elbo %.3f nats\n", step + 1, elbo = bound.item());
    }
    // No model can exceed -log 8 = -2.079 for eight equally likely pictures; an untrained one is
    // near -44.
    if (!(elbo > -6 && elbo < -1.5)) return std::printf("the elbo is off\n"), 1;
    if (imago::models::presets().empty())
      return std::printf("no presets: the linker dropped them\n"), 1;
  } catch (const imago::Error& e) {
    return std::fprintf(stderr, "%s\n", e.what()), 1;
  }
  try {
    Tensor::zeros({2, 3}) + Tensor::zeros({4, 5});
  } catch (const imago::Error& e) {
    std::printf("errors are exceptions: %s\n", e.what());
    return 0;
  }
  return 1;
}
