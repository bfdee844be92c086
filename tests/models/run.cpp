// Runs from the outside: train, stop, resume to the same bytes, refuse, diverge, open, sample,
// measure.
#include "models/run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "engine/io/file.h"
#include "engine/io/image.h"
#include "engine/io/npy.h"
#include "engine/io/safetensors.h"
#include "engine/ops/ops.h"
#include "engine/train/checkpoint.h"
#include "models/measures/feature_figures.h"
#include "tests/io/event_reader.h"
#include "tests/io/files.h"

namespace imago::models {
namespace {

using test::contents;

TrainRequest request(const std::string& out, const std::string& preset = "vae") {
  return {preset,
          {{"data", "four-patterns"},
           {"device", "cpu"},
           {"latent", "2"},
           {"hidden", "8"},
           {"steps", "30"},
           {"batch", "200"}},
          out};
}
TrainRequest with(TrainRequest r, const std::string& key, const std::string& text) {
  r.settings.emplace_back(key, text);
  return r;
}
Hooks stop_at(Index step) {
  auto count = std::make_shared<Index>(0);
  Hooks hooks;
  hooks.stop = [=] { return ++*count == step; };
  return hooks;
}
std::string last(const std::string& out) { return contents(out + "/checkpoints/last.safetensors"); }

TEST(Runs, ResumesToTheSameBytesFromAnyStep) {
  const test::TemporaryFolder folder;
  // Everything that draws or remembers: dropout, binarisation, samples, EMA, clipping, validation.
  const auto wanted = [&](const std::string& out) {
    TrainRequest r = request(out, "iwae");
    for (const auto& [key, text] : training::Settings{{"dropout", "0.2"},
                                                      {"binarize", "dynamic"},
                                                      {"samples", "3"},
                                                      {"ema", "0.9"},
                                                      {"clip_norm", "1"},
                                                      {"valid", "100"},
                                                      {"eval_every", "6"},
                                                      {"checkpoint_every", "8"},
                                                      {"lr_milestones", "1"}})
      r.settings.emplace_back(key, text);
    return r;
  };
  const std::string straight = folder / "straight";
  EXPECT_EQ(train(wanted(straight)).state, Outcome::State::finished);
  for (Index at : {1, 17, 24}) {
    const std::string out = folder / concat("stopped-", at);
    const Outcome stopped = train(wanted(out), stop_at(at));
    EXPECT_EQ(stopped.state, Outcome::State::stopped);
    EXPECT_EQ(stopped.step, at);
    TrainRequest again{"iwae", {}, out};  // the run knows its options
    again.resume = true;
    const Outcome finished = train(again);
    EXPECT_EQ(finished.state, Outcome::State::finished);
    EXPECT_EQ(finished.step, 30);
    EXPECT_TRUE(last(out) == last(straight)) << "stopped at " << at;
    EXPECT_TRUE(contents(out + "/checkpoints/best.safetensors") ==
                contents(straight + "/checkpoints/best.safetensors"))
        << at;
    EXPECT_EQ(contents(out + "/metrics.jsonl"), contents(straight + "/metrics.jsonl")) << at;
    EXPECT_EQ(contents(out + "/config.json"), contents(straight + "/config.json")) << at;
  }
}

TEST(Runs, ACrashLosesOnlyWhatCameAfterTheCheckpoint) {
  const test::TemporaryFolder folder;
  const auto wanted = [&](const std::string& out) {
    return with(with(request(out), "checkpoint_every", "10"), "eval_every", "5");
  };
  train(wanted(folder / "straight"));
  // Killed at step 17 after the checkpoint of step 10: the stop's own checkpoint is taken away.
  Hooks hooks;
  std::string kept;
  auto count = std::make_shared<int>(0);
  hooks.stop = [&, count] {
    if (++*count == 11) kept = last(folder / "crashed");
    return *count == 17;
  };
  train(wanted(folder / "crashed"), hooks);
  test::put(folder / "crashed/checkpoints/last.safetensors", kept);
  test::put(folder / "crashed/metrics.jsonl",
            contents(folder / "crashed/metrics.jsonl") + R"({"step":16,"ep)");
  TrainRequest again{"vae", {}, folder / "crashed"};
  again.resume = true;
  train(again);
  EXPECT_TRUE(last(folder / "crashed") == last(folder / "straight"));
  EXPECT_EQ(contents(folder / "crashed/metrics.jsonl"),
            contents(folder / "straight/metrics.jsonl"));
}

TEST(Runs, EvaluationAndPicturesNeverChangeTraining) {
  const test::TemporaryFolder folder;
  train(with(with(request(folder / "often"), "eval_every", "1"), "sample_every", "2"));
  train(with(with(request(folder / "never"), "eval_every", "1000"), "sample_every", "1000"));
  train(with(request(folder / "again"), "device", "cpu"));
  EXPECT_TRUE(last(folder / "often") == last(folder / "never"));
  EXPECT_TRUE(last(folder / "often") == last(folder / "again"));
  train(with(request(folder / "seed"), "seed", "1"));
  EXPECT_FALSE(last(folder / "often") == last(folder / "seed"));
  if (io::has_png()) {
    EXPECT_TRUE(io::exists(folder / "often/samples/step-000002.png"));
    EXPECT_EQ(contents(folder / "often/samples.png"),
              contents(folder / "often/samples/step-000030.png"));
  }
}

TEST(Runs, FinishedRunsAreLeftAlone) {
  const test::TemporaryFolder folder;
  const std::string out = folder / "run";
  const Outcome first = train(request(out));
  const std::string before =
      last(out) + contents(out + "/metrics.jsonl") + contents(out + "/log.txt");
  test::expect_error(ErrorKind::usage, {"--resume", "--overwrite", out},
                     [&] { train(request(out)); });
  TrainRequest again = request(out);
  again.resume = true;
  std::string said;
  Hooks hooks;
  hooks.message = [&](const std::string& text) { said = text; };
  const Outcome second = train(again, hooks);
  EXPECT_EQ(second.state, Outcome::State::already_finished);
  EXPECT_NE(said.find("finished"), std::string::npos);
  EXPECT_EQ(second.test, first.test);
  EXPECT_EQ(before, last(out) + contents(out + "/metrics.jsonl") + contents(out + "/log.txt"));

  // More steps: it goes on, to what it would have been.
  const Outcome longer = train(with(again, "steps", "40"));
  EXPECT_EQ(longer.state, Outcome::State::finished);
  EXPECT_EQ(longer.step, 40);
  train(with(request(folder / "long"), "steps", "40"));
  EXPECT_TRUE(last(out) == last(folder / "long"));

  test::expect_error(ErrorKind::usage, {"'latent'", "2", "3"},
                     [&] { train(with(again, "latent", "3")); });
  TrainRequest overwrite = request(out);
  overwrite.overwrite = true;
  EXPECT_EQ(train(overwrite).step, 30);

  TrainRequest fresh = request(folder / "fresh");
  fresh.resume = true;
  said.clear();
  hooks.message = [&](const std::string& text) { said += text; };
  EXPECT_EQ(train(fresh, hooks).step, 30);
  EXPECT_NE(said.find("step 0"), std::string::npos);
}

TEST(Runs, TensorBoardIsToldWhatTheFilesSay) {
  const test::TemporaryFolder folder;
  const std::string out = folder / "run";
  const auto wanted =
      with(with(with(request(out), "eval_every", "5"), "sample_every", "10"), "valid", "50");
  const auto expected = [&] {
    std::map<std::string, std::vector<std::pair<long long, double>>> points;
    for (const training::MetricsLine& line : training::read_metrics(out + "/metrics.jsonl"))
      for (const auto& [name, value] : line.figures)
        points[line.split + "/" + name].emplace_back(line.step, float(value));
    for (const Index step : {10, 20, 30})
      if (io::has_png())
        points["samples"].emplace_back(
            step,
            double(contents(out + "/samples/step-0000" + std::to_string(step) + ".png").size()));
    return points;
  };
  const auto shown = [&] {
    std::vector<test::Event> all;
    for (const std::string& file : training::RunFiles(out).event_files())
      for (const test::Event& e : test::events_of(contents(file))) all.push_back(e);
    return test::shown(all);
  };
  // Killed at step 23, behind its checkpoint of step 15: what came after is written once more.
  std::string kept;
  Index count = 0;
  Hooks hooks;
  hooks.stop = [&] {
    if (++count == 16) kept = last(out);
    return count == 23;
  };
  train(with(wanted, "checkpoint_every", "15"), hooks);
  test::put(out + "/checkpoints/last.safetensors", kept);
  EXPECT_EQ(shown()["train/loss"].size(), 4u);
  TrainRequest again{"vae", {}, out};
  again.resume = true;
  train(again);
  EXPECT_EQ(training::RunFiles(out).event_files().size(), 2u);
  EXPECT_EQ(shown(), expected());
  EXPECT_EQ(shown()["valid/elbo"].size(), 6u);
  EXPECT_EQ(shown()["test/elbo"].size(), 1u);

  train(again);  // finished: nothing is written
  EXPECT_EQ(training::RunFiles(out).event_files().size(), 2u);
  TrainRequest over = wanted;
  over.overwrite = true;
  train(over);
  EXPECT_EQ(training::RunFiles(out).event_files().size(), 1u);
  EXPECT_EQ(shown(), expected());
}

TEST(Runs, NothingIsMadeBeforeEverythingIsGood) {
  const test::TemporaryFolder folder;
  const std::string out = folder / "run";
  test::expect_error(ErrorKind::usage, {"'latent'", "lattent"},
                     [&] { train(with(request(out), "lattent", "2")); });
  test::expect_error(ErrorKind::usage, {"'vae'"}, [&] { train(request(out, "vaee")); });
  test::expect_error(ErrorKind::usage, {"likelihood", "gaussian"}, [&] {
    train(with(with(request(out), "data", "ring8"), "likelihood", "bernoulli"));
  });
  test::expect_error(ErrorKind::data, {"no-such-set"},
                     [&] { train(with(request(out), "data", "no-such-set")); });
  test::expect_error(ErrorKind::usage, {"--data"}, [&] { train(with(request(out), "data", "")); });
  test::expect_error(ErrorKind::usage, {"device"},
                     [&] { train(with(request(out), "device", "gpu")); });
  test::expect_error(ErrorKind::data, {"missing.json"},
                     [&] { train(request(out, folder / "missing.json")); });
  EXPECT_EQ(folder.entries(), 0u);
}

TEST(Runs, DivergenceNamesTermAndStepAndKeepsTheCheckpoint) {
  const test::TemporaryFolder folder;
  const std::string out = folder / "run";
  const auto diverging =
      with(with(with(request(out), "optimizer", "sgd"), "lr", "1e6"), "checkpoint_every", "1");
  test::expect_error(ErrorKind::diverged, {"'loss'", "step", "lr"}, [&] { train(diverging); });
  const training::Checkpoint kept =
      training::read_checkpoint(out + "/checkpoints/last.safetensors");
  EXPECT_GE(kept.step, 1);
  EXPECT_LT(kept.step, 30);
}

TEST(Runs, ConfigurationFeedsBack) {
  const test::TemporaryFolder folder;
  train(with(request(folder / "a"), "lr", "0.002"));
  TrainRequest from_file{folder / "a/config.json", {}, folder / "b"};
  EXPECT_EQ(resolve(from_file).json(), contents(folder / "a/config.json"));
  EXPECT_FALSE(io::exists(folder / "b"));
  train(from_file);
  EXPECT_TRUE(last(folder / "a") == last(folder / "b"));
  EXPECT_EQ(resolve({"vae", {{"data", "four-patterns"}, {"seed", "3"}}, ""}).out,
            "runs/vae-four-patterns-s3");
  // The last of epochs and steps wins.
  EXPECT_EQ(resolve(with(request(""), "epochs", "2")).config.integer("steps"), 0);
}

TEST(Runs, OpensSamplesReconstructsAndMeasures) {
  const test::TemporaryFolder folder;
  for (const char* name : {"vae", "iwae", "ae", "beta-vae"}) {
    const std::string out = folder / name;
    const Outcome trained = train(with(request(out, name), "ema", "0.5"));
    const models::Run run = models::Run::open(out, "cpu");
    EXPECT_EQ(run.preset(), name);
    EXPECT_EQ(run.step(), 30);
    EXPECT_EQ(run.sample_shape(), (Shape{2, 2, 1}));
    EvaluateOptions options;
    EXPECT_EQ(run.evaluate(options), trained.test)
        << "the run's own weights, and the figures of its test line";
    options.measure.metrics = run.metric_names();
    if (std::string(name) != "ae") {  // what needs a network says so
      test::expect_error(ErrorKind::usage, {"'fd'", "--judge"}, [&] { run.evaluate(options); });
      const auto of_features = std::erase_if(options.measure.metrics,
                                             [](const auto& m) { return is_feature_metric(m); });
      EXPECT_EQ(of_features, feature_metrics().size());
    }
    options.measure.limit = 3;
    EXPECT_EQ(run.evaluate(options).size(), options.measure.metrics.size());
    EXPECT_EQ(run.reconstruct(4).x.shape(), (Shape{8, 2, 2, 1}));
    EXPECT_EQ(run.interpolate({2, 5}).x.shape(), (Shape{10, 2, 2, 1}));
    EXPECT_EQ(run.traverse({.columns = 5}).x.shape(), (Shape{10, 2, 2, 1}));
    if (std::string(name) == "ae") {
      test::expect_error(ErrorKind::usage, {"prior"}, [&] { run.sample({.n = 4, .seed = 0}); });
    } else {
      const Picture picture = run.sample({.n = 6, .seed = 1});
      EXPECT_EQ(picture.x.shape(), (Shape{6, 2, 2, 1}));
      const auto more = run.sample({.n = 1003, .seed = 1}).x.values(), some = picture.x.values();
      EXPECT_TRUE(std::equal(some.begin(), some.end(), more.begin()))
          << "a sample does not depend on how many there are";
      EXPECT_NE(run.sample({.n = 6, .seed = 2}).x.values(), some);
      write_picture(picture, folder / "x.npy");
      if (io::has_png()) write_picture(picture, folder / "x.png");
      test::expect_error(ErrorKind::usage, {".png or .npy"},
                         [&] { write_picture(picture, folder / "x.jpg"); });
    }
  }
  test::expect_error(ErrorKind::data, {"no such run"}, [&] { models::Run::open(folder / "none"); });
  test::expect_error(ErrorKind::data, {"config.json"}, [&] { models::Run::open(folder.path()); });
  // A configuration as small as its preset: the checkpoint knows the rest.
  test::put(folder / "vae/config.json", R"({"preset": "vae", "data": "four-patterns"})");
  EXPECT_EQ(models::Run::open(folder / "vae").config().integer("latent"), 2);
  const std::string weights = folder / "vae/checkpoints/last.safetensors";
  const io::SafeTensors whole = io::read_safetensors(weights);
  for (const char* shape : {"[2.5,2,1]", "[1e300]", "[true,4]", "4", "[-4]"}) {
    io::Metadata metadata = whole.metadata;
    metadata["imago.data"] = concat(R"({"sample_shape":)", shape, "}");
    io::write_safetensors(weights, whole.tensors, metadata);
    test::expect_error(
        ErrorKind::data, {weights}, [&] { models::Run::open(folder / "vae"); }, shape);
  }
  test::put(folder / "vae/config.json", R"({"preset": )");
  test::expect_error(ErrorKind::data, {"config.json"}, [&] { models::Run::open(folder / "vae"); });
  test::put(folder / "vae/checkpoints/last.safetensors", "x");
  test::expect_error(ErrorKind::data, {"last.safetensors"},
                     [&] { models::Run::open(folder / "vae"); });
}

TEST(Runs, MilestonesCountFromTheFirstStep) {
  const test::TemporaryFolder folder;
  const auto weights = [&](const char* out, const char* milestones, const char* warm_up) {
    train(with(with(request(folder / out), "lr_milestones", milestones), "warm_up", warm_up));
    std::vector<double> all;
    for (const Parameter& p :
         training::read_checkpoint(folder / out + "/checkpoints/last.safetensors").model)
      for (double v : p.value.values()) all.push_back(v);
    return all;
  };
  // A rise of one step changes no rate; it must not put the milestone off either.
  const std::vector<double> plain = weights("plain", "1", "0");
  EXPECT_EQ(weights("rise", "1", "1"), plain);
  EXPECT_NE(weights("later", "2", "0"), plain);
  EXPECT_NE(weights("long_rise", "1", "3"), plain);
}

TEST(Runs, APublishedSettingIsAPresetWithItsFigures) {
  const test::TemporaryFolder folder;
  const auto request_of = [&](const std::string& preset, const training::Settings& settings) {
    TrainRequest r{preset, {{"data", "four-patterns"}, {"device", "cpu"}}, folder / preset};
    r.settings.insert(r.settings.end(), settings.begin(), settings.end());
    return r;
  };
  const TrainRequest published = request_of("vae-binarized-mnist", {}),
                     by_hand = request_of("vae", {{"hidden", "400,400"},
                                                  {"activation", "relu"},
                                                  {"likelihood", "bernoulli"},
                                                  {"latent", "40"},
                                                  {"batch", "100"},
                                                  {"epochs", "500"},
                                                  {"lr", "1e-4"},
                                                  {"lr_milestones", "200,350,500"},
                                                  {"lr_factor", "0.630957344480193"},
                                                  {"eval_every", "5000"},
                                                  {"sample_every", "25000"},
                                                  {"checkpoint_every", "5000"}});
  const Config a = resolve(published).config;
  const Config b = resolve(by_hand).config;
  ASSERT_EQ(a.options().size(), b.options().size());
  for (std::size_t i = 1; i < b.options().size(); i++)
    EXPECT_EQ(a.options()[i].value, b.options()[i].value) << b.options()[i].name;
  const auto weights = [&](const TrainRequest& r) {
    train(with(r, "steps", "3"));
    std::vector<double> all;
    for (const Parameter& p :
         training::read_checkpoint(r.out + "/checkpoints/last.safetensors").model)
      for (double v : p.value.values()) all.push_back(v);
    return all;
  };
  EXPECT_EQ(weights(published), weights(by_hand));
}

// The weights are as PyTorch saved them, and the expected reconstructions PyTorch's
// (tests/peer/exchange.py).
TEST(Runs, WeightsOfAnotherProgramAreReadUnderTheRunsConfiguration) {
  const test::TemporaryFolder folder;
  const std::string golden = IMAGO_GOLDEN "/exchange.safetensors";
  train(request(folder / "run"));
  const models::Run run = models::Run::open(folder / "run", "cpu", golden);
  const io::SafeTensors file = io::read_safetensors(IMAGO_GOLDEN "/exchange_expected.safetensors");
  const auto expected = file.tensors.at("reconstructed").values<double>();
  const std::vector<double> pairs = run.reconstruct(4).x.values();  // x0, x0', x1, x1', ...
  ASSERT_EQ(pairs.size(), 4u * 2 * 4);
  for (std::size_t i = 0; i < 4; i++) {
    const double* x = &pairs[i * 8];
    const std::size_t pattern = std::size_t(std::find(x, x + 4, 1.) - x);
    ASSERT_LT(pattern, 4u);
    for (std::size_t j = 0; j < 4; j++)
      EXPECT_NEAR(x[4 + j], expected[pattern * 4 + j], 1e-6) << "pattern " << pattern;
  }
  train(with(request(folder / "wider"), "hidden", "9"));
  test::expect_error(ErrorKind::data, {"encoder.0.weight", golden, "[9, 4]", "[8, 4]"},
                     [&] { models::Run::open(folder / "wider", "cpu", golden); });
}

TEST(Runs, TrainsOnPoints) {
  const test::TemporaryFolder folder;
  const Outcome o = train(
      {"vae",
       {{"data", "ring8"}, {"device", "cpu"}, {"latent", "2"}, {"hidden", "16"}, {"steps", "20"}},
       folder / "ring"});
  const models::Run run = models::Run::open(folder / "ring");
  EXPECT_EQ(run.config().text("likelihood"), "gaussian");
  EXPECT_EQ(run.sample({.n = 7, .seed = 0}).x.shape(), (Shape{7, 2}));
  if (io::has_png()) {
    EXPECT_GT(contents(folder / "ring/samples.png").size(), 100u);
  }
}

// What follows the number of steps follows the steps that are taken.
TEST(Runs, ALastBatchTooSmallIsNoStep) {
  const test::TemporaryFolder folder;
  Generator g{1};
  io::write_npz(folder / "points.npz", {{"train", io::to_host(ops::randn({129, 2}, g))},
                                        {"test", io::to_host(ops::randn({10, 2}, g))}});
  const auto trained = [&](const std::string& preset, const training::Settings& own) {
    TrainRequest r{preset,
                   {{"data", folder / "points.npz"},
                    {"device", "cpu"},
                    {"width", "4"},
                    {"batch", "64"},
                    {"steps", "0"},
                    {"epochs", "4"},
                    {"lr_decay", "auto"}},
                   folder / preset};
    r.settings.insert(r.settings.end(), own.begin(), own.end());
    const Outcome o = train(r);
    const models::Run run = models::Run::open(folder / preset);
    const training::Config& c = run.config();
    EXPECT_EQ(c.real("lr_decay"), double(o.step)) << preset;
    return std::pair(o.step, c.has("round_steps") ? c.real("round_steps") : 0);
  };
  EXPECT_EQ(trained("adagan", {{"critic_norm", "batch"}, {"penalty", "none"}, {"rounds", "2"}}),
            std::pair(Index(8), 4.));
  EXPECT_EQ(trained("ali", {{"encoder_norm", "batch"}}).first, 8);
  EXPECT_EQ(trained("gan", {}).first, 12);  // a row is enough for it
}

TEST(Runs, RoundsNeedStepsUnlessThereAreNone) {
  const test::TemporaryFolder folder;
  const auto wanted = [&](const char* epochs) {
    return TrainRequest{"adagan",
                        {{"data", "ring8"},
                         {"device", "cpu"},
                         {"width", "4"},
                         {"batch", "10000"},
                         {"rounds", "3"},
                         {"steps", "0"},
                         {"epochs", epochs}},
                        folder / "run"};
  };
  EXPECT_EQ(train(wanted("0")).step, 0);
  test::expect_error(ErrorKind::usage, {"fewer steps", "rounds", "3"}, [&] {
    TrainRequest r = wanted("1");
    r.overwrite = true;
    r.settings.emplace_back("batch", "1000000");
    train(r);
  });
}

TEST(Runs, StepsAtALearningRateOfZeroAreRefused) {
  const test::TemporaryFolder folder;
  const std::string out = folder / "run";
  train(with(request(out), "lr_decay", "auto"));
  const std::string before = last(out);
  TrainRequest more{"vae", {{"steps", "40"}}, out};
  more.resume = true;
  test::expect_error(ErrorKind::usage, {"fallen to 0", "at most 30", "40"}, [&] { train(more); });
  EXPECT_TRUE(last(out) == before);
}

}  // namespace
}  // namespace imago::models
