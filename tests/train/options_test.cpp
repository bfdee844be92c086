// Options and configurations: what is accepted, and what each refusal says.
#include "engine/train/options.h"

#include <gtest/gtest.h>

#include "engine/core/error.h"

namespace imago::training {
namespace {

Config example() {
  using T = OptionType;
  const double inf = std::numeric_limits<double>::infinity();
  return Config({{"latent", T::integer, std::int64_t(20), "size of z", OptionGroup::model, 1, 1000},
                 {"hidden", T::integers, Integers{400}, "hidden layers", OptionGroup::model, 1},
                 {"activation",
                  T::text,
                  std::string("relu"),
                  "of hidden layers",
                  OptionGroup::model,
                  -inf,
                  inf,
                  {"relu", "tanh"}},
                 {"lr", T::real, 1e-3, "learning rate", OptionGroup::training, 0, 10},
                 {"sigma",
                  T::real_or_word,
                  std::string("learned"),
                  "width",
                  OptionGroup::model,
                  0,
                  100,
                  {"learned"}},
                 {"shuffle", T::boolean, true, "order", OptionGroup::run}});
}

std::string usage_of(const std::function<void(Config&)>& f) {
  Config c = example();
  try {
    f(c);
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::usage);
    EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos);
    EXPECT_EQ(c, example()) << "a refused value must change nothing";
    return e.what();
  }
  ADD_FAILURE() << "accepted";
  return {};
}
std::string refusal(const std::string& key, const std::string& text) {
  return usage_of([&](Config& c) { c.set_text(key, text); });
}
bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Options, TextSetsEveryType) {
  Config c = example();
  c.set_text("latent", "7");
  c.set_text("hidden", "512,256");
  c.set_text("activation", "tanh");
  c.set_text("lr", "1e-4");
  c.set_text("sigma", "0.5");
  c.set_text("shuffle", "false");
  EXPECT_EQ(c.integer("latent"), 7);
  EXPECT_EQ(c.integers("hidden"), (Integers{512, 256}));
  EXPECT_EQ(c.text("activation"), "tanh");
  EXPECT_EQ(c.real("lr"), 1e-4);
  EXPECT_FALSE(c.is_word("sigma"));
  EXPECT_EQ(c.real("sigma"), 0.5);
  EXPECT_FALSE(c.flag("shuffle"));
  c.set_text("sigma", "learned");
  EXPECT_TRUE(c.is_word("sigma"));
  c.set_text("hidden", "");
  EXPECT_TRUE(c.integers("hidden").empty());
  c.set_text("lr", "1");  // an integer is a number
  EXPECT_EQ(c.real("lr"), 1);
}

TEST(Options, JsonRoundTrips) {
  Config a = example(), b = example();
  a.set_text("hidden", "512,256");
  a.set_text("lr", "0.1");
  a.set_text("sigma", "0.25");
  b.merge_json(a.json(), "test");
  EXPECT_EQ(a, b);
  EXPECT_EQ(a.json(), b.json());
  EXPECT_FALSE(contains(a.json({OptionGroup::model}), "lr"));
  EXPECT_TRUE(contains(a.json({OptionGroup::model}), "latent"));
  b.merge_json(R"({"latent": 5, "hidden": 100})", "test");
  EXPECT_EQ(b.integer("latent"), 5);
  EXPECT_EQ(b.integers("hidden"), (Integers{100}));
  EXPECT_EQ(json_string(R"({"preset": "vae"})", "preset", "test"), "vae");
  EXPECT_EQ(json_string("{}", "preset", "test"), "");
}

TEST(Options, UnknownKeyNamesTheNearest) {
  EXPECT_TRUE(contains(refusal("lattent", "5"), "'latent'"));
  EXPECT_TRUE(contains(refusal("hiden", "5"), "'hidden'"));
  for (const char* far : {"zzzzzzzzzz", "x"})
    EXPECT_TRUE(contains(refusal(far, "5"), "imago describe")) << far;
  EXPECT_TRUE(
      contains(usage_of([](Config& c) { c.merge_json(R"({"activaton": "relu"})", "run.json"); }),
               "run.json"));
}

TEST(Options, TextIsUtf8) {
  Config c({option::text("data", "", {}, "where")});
  c.set_text("data", "caf\u00e9.npy");
  EXPECT_TRUE(contains(c.json(), "caf\u00e9.npy"));
  EXPECT_THROW(c.set_text("data", "caf\xe9.npy"), Error);
}

TEST(Options, WrongValuesSayExpectedAndReceived) {
  for (const char* text : {"0", "1001", "2.5", "x", "", "5 ", "99999999999999999999"})
    EXPECT_TRUE(contains(refusal("latent", text), "integer in [1, 1000]")) << text;
  for (const char* text : {"nan", "inf", "-1", "11", "1e-3x"})
    EXPECT_TRUE(contains(refusal("lr", text), "number in [0, 10]")) << text;
  for (const char* text : {"0", "5,", ",5", "5,x", "5;6"})
    EXPECT_TRUE(contains(refusal("hidden", text), "'hidden'")) << text;
  EXPECT_TRUE(contains(refusal("activation", "rleu"), "relu, tanh"));
  EXPECT_TRUE(contains(refusal("sigma", "unlearned"), "learned"));
  EXPECT_TRUE(contains(refusal("shuffle", "maybe"), "true or false"));
  const auto json = [](const std::string& text) {
    return usage_of([&](Config& c) { c.merge_json(text, "c.json"); });
  };
  EXPECT_TRUE(contains(json(R"({"latent": "20"})"), "integer"));
  EXPECT_TRUE(contains(json(R"({"latent": null})"), "null"));
  EXPECT_TRUE(contains(json(R"({"hidden": [1.5]})"), "hidden"));
  EXPECT_TRUE(contains(json(R"({"shuffle": 1})"), "true or false"));
  EXPECT_TRUE(contains(json(R"({"latent": 20)"), "not valid JSON"));
  EXPECT_TRUE(contains(json(R"({"latent": 2, "lr": 1, "latent": 3})"), "'latent' is there twice"));
  EXPECT_LT(json(R"({"activation": ")" + std::string(5000, 'x') + "\"}").size(), 300u);
  EXPECT_TRUE(contains(json("[1]"), "not an object"));
  // Not -1, as which a 64-bit integer would read it.
  EXPECT_TRUE(contains(json(R"({"latent": 18446744073709551615})"), "received 1844674407370955"));
  EXPECT_TRUE(contains(json(R"({"hidden": [18446744073709551615]})"), "[18446744073709551615]"));
  // Deeper than a recursion over it could go.
  const std::string deep = std::string(1 << 20, '[') + std::string(1 << 20, ']');
  EXPECT_TRUE(contains(json(("{\"latent\": " + deep + "}").c_str()), "nested too deeply"));
  EXPECT_TRUE(contains(json(R"({"latent": [[1]]})"), "a nested array"));
  EXPECT_THROW(json_string("{\"preset\": " + deep + "}", "preset", "c.json"), Error);
}

}  // namespace
}  // namespace imago::training
