// Inception score, KID, precision and recall, PRDC against torch-fidelity's and clovaai's values
// (make_golden_measures_pairs.py).
#include <gtest/gtest.h>

#include "engine/io/safetensors.h"
#include "models/measures/inception_score.h"
#include "models/measures/kid.h"
#include "models/measures/manifold.h"

namespace imago::models {
namespace {

const io::SafeTensors& golden() {
  static const auto file = io::read_safetensors(IMAGO_GOLDEN "/measures_pairs.safetensors");
  return file;
}
Tensor tensor(const std::string& name) { return io::to_tensor(golden().tensors.at(name)); }
std::vector<double> values(const std::string& name) { return tensor(name).values(); }

const char* const sets[] = {"gaussian", "relu", "wide", "line", "clusters"};

TEST(GoldenMeasures, NothingInTheFileIsLeftOut) {
  std::size_t features = 0, logits = 0;
  for (const auto& [name, value] : golden().tensors) {
    features += name.ends_with(".x");
    logits += name.ends_with(".logits");
  }
  EXPECT_EQ(features, std::size(sets));
  EXPECT_EQ(logits, 2u);
}
TEST(GoldenMeasures, Kid) {
  for (const std::string name : sets) {
    const auto k = kid(tensor(name + ".x"), tensor(name + ".y"), {10, 40, 2020, {}});
    const std::vector<double> oracle = values(name + ".kid_oracle"), peer = values(name + ".kid");
    EXPECT_NEAR(k->mean, oracle[0], 1e-10 * k->mean_kernel) << name;
    EXPECT_NEAR(k->std, oracle[1], 1e-10 * k->mean_kernel) << name;
    EXPECT_NEAR(k->mean, peer[0], 1e-6 * k->mean_kernel) << name;
    EXPECT_NEAR(k->std, peer[1], 1e-6 * k->mean_kernel) << name;
  }
}
TEST(GoldenMeasures, PrecisionAndRecall) {
  for (const std::string name : sets) {
    const auto m = manifold(tensor(name + ".x"), tensor(name + ".y"), fidelity_manifold());
    const std::vector<double> peer = values(name + ".fidelity");  // means in float32
    EXPECT_EQ(m->near_ties, 0) << name;
    EXPECT_NEAR(m->precision, peer[0], 1e-7) << name;
    EXPECT_NEAR(m->recall, peer[1], 1e-7) << name;
    EXPECT_NEAR(m->f_score, peer[2], 1e-7) << name;
  }
}
TEST(GoldenMeasures, Prdc) {
  for (const std::string name : sets) {
    const auto m = manifold(tensor(name + ".x"), tensor(name + ".y"), clovaai_manifold());
    const std::vector<double> peer = values(name + ".prdc");
    EXPECT_NEAR(m->precision, peer[0], 1e-14) << name;
    EXPECT_NEAR(m->recall, peer[1], 1e-14) << name;
    EXPECT_NEAR(m->density, peer[2], 1e-13) << name;
    EXPECT_NEAR(m->coverage, peer[3], 1e-14) << name;
  }
}
TEST(GoldenMeasures, InceptionScore) {
  for (const std::string name : {"vague", "sure"}) {
    const Tensor logits = tensor(name + ".logits");
    const auto s = inception_score(logits),
               plain = inception_score(logits, {.splits = 1, .shuffle = {}});
    const std::vector<double> peer = values(name + ".isc"), one = values(name + ".isc_plain");
    EXPECT_NEAR(s->mean, peer[0], 1e-10 * peer[0]) << name;
    EXPECT_NEAR(s->std, peer[1], 1e-10 * peer[0]) << name;
    EXPECT_NEAR(plain->mean, one[0], 1e-10 * one[0]) << name;
    EXPECT_EQ(plain->std, 0) << name;
  }
}

}  // namespace
}  // namespace imago::models
