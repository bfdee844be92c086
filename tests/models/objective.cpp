// The objective of every preset and likelihood: each parameter is trained, the parts add up, a
// configuration says what it is.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops/ops.h"
#include "models/preset_rows.h"

namespace imago::models {
namespace {

struct Case {
  std::string preset, likelihood, sigma;
};
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Preset& p : latent_variable_presets())
    for (const char* likelihood : {"bernoulli", "gaussian", "discretized_logistic"})
      for (const char* sigma : {"learned", "0.5"}) all.push_back({p.name, likelihood, sigma});
  return all;
}
std::string case_name(const testing::TestParamInfo<Case>& i) {
  std::string s = i.param.preset + "_" + i.param.likelihood + "_" + i.param.sigma;
  for (char& c : s)
    if (c == '-' || c == '.') c = '_';
  return s;
}

class EveryModel : public testing::TestWithParam<Case> {};

TEST_P(EveryModel, TrainsEveryParameter) {
  training::Config config(preset(GetParam().preset).options);
  for (const auto& [key, text] : training::Settings{{"likelihood", GetParam().likelihood},
                                                    {"sigma", GetParam().sigma},
                                                    {"latent", "3"},
                                                    {"hidden", "7,5"},
                                                    {"activation", "tanh"}})
    config.set_text(key, text);
  Generator initial{1}, noise{2}, pixels{3};
  const auto task =
      preset(GetParam().preset).make(config, {.sample_shape = {3, 4, 1}}, nn::Init{initial}, noise);
  nn::Module& model = task->model();
  const Tensor x = ops::rand({9, 12}, pixels);
  std::vector<Tensor> parameters;
  for (const auto& p : model.parameters()) parameters.push_back(p.value);
  const bool learned = GetParam().likelihood != "bernoulli" && GetParam().sigma == "learned";
  EXPECT_EQ(parameters.size(), 12u + learned);
  {
    const training::Terms terms = task->phases().at(0).objective({x});
    EXPECT_EQ(terms[0].name, "loss");
    EXPECT_TRUE(std::isfinite(terms[0].value.item()));
    if (terms.size() == 3) {
      EXPECT_NEAR(terms[0].value.item(),
                  terms[1].value.item() + config.real("beta") * terms[2].value.item(), 1e-4);
    }
    const std::vector<Tensor> gradients = grad({terms[0].value}, parameters);
    for (std::size_t i = 0; i < gradients.size(); i++) {
      double norm = 0;
      for (double g : gradients[i].values()) norm += std::fabs(g);
      EXPECT_GT(norm, 0) << model.parameters()[i].name;
      EXPECT_TRUE(std::isfinite(norm)) << model.parameters()[i].name;
    }
  }
  EXPECT_EQ(live_nodes(), 0);
}
INSTANTIATE_TEST_SUITE_P(Models, EveryModel, testing::ValuesIn(cases()), case_name);

TEST(Presets, AreFoundAndDescribed) {
  for (const Preset& p : presets()) {
    const std::string text = describe(p.name, {28, 28});
    EXPECT_NE(text.find(" parameters\n"), std::string::npos) << text;
    for (const auto& o : p.options)
      if (o.name != "preset") {
        EXPECT_NE(text.find("\n  " + o.name + " "), std::string::npos) << p.name << " " << o.name;
      }
  }
  EXPECT_NE(describe("vae", {28, 28}).find("all: 652824 parameters"), std::string::npos)
      << describe("vae", {28, 28});
  try {
    preset("vea");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(e.what()).find("'vae'"), std::string::npos) << e.what();
  }
}

TEST(Presets, HaveTheWeightNamesOfTheReference) {
  training::Config config(preset("vae").options);
  config.set_text("likelihood", "bernoulli");
  Generator g;
  const auto task = preset("vae").make(config, {.sample_shape = {28, 28, 1}}, nn::Init{g}, g);
  std::vector<std::string> expected;
  for (const char* net : {"encoder", "decoder"})
    for (const char* layer : {"0", "2"})
      for (const char* kind : {"weight", "bias"})
        expected.push_back(concat(net, ".", layer, ".", kind));
  std::vector<std::string> names;
  for (const auto& p : task->model().parameters()) names.push_back(p.name);
  EXPECT_EQ(names, expected);
  EXPECT_EQ(task->model().parameters()[2].value.shape(), (Shape{40, 400}));
}

}  // namespace
}  // namespace imago::models
