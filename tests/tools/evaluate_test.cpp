// imago evaluate of images and features that no run of ours made, and of a run by more than fd.
#include "engine/io/npy.h"
#include "engine/io/safetensors.h"
#include "engine/random/host.h"
#include "models/measures/frechet.h"
#include "models/measures/kid.h"
#include "models/measures/manifold.h"
#include "models/measures/mmd.h"
#include "models/measures/transport.h"
#include "tests/tools/cli.h"

namespace imago::test {
namespace {

struct Evaluate : Cli {
  std::string at(const std::string& name) const { return (folder_ / name).string(); }
  // [n, d] floats of their own for each seed.
  Tensor features(const std::string& name, Index n, Index d, std::uint64_t seed) const {
    HostStream draw(seed, Purpose::generate);
    std::vector<float> v;
    for (Index i = 0; i < n * d; i++) v.push_back(draw.normal() + float(i % d));
    const io::HostArray a = io::host_array(v, {n, d});
    io::write_npy(at(name), a);
    return io::to_tensor(a);
  }
  // Grey images of 8 x 8 in two classes, bright above or below.
  void images(const std::string& name, Index n, std::uint64_t seed, bool labels) const {
    HostStream draw(seed, Purpose::generate);
    io::HostArray x = io::zeros(DType::u8, {n, 8, 8}), y = io::zeros(DType::i64, {n});
    for (Index i = 0; i < n * 64; i++)
      x.values<std::uint8_t>()[std::size_t(i)] =
          std::uint8_t(draw.below(100) + ((i / 64) % 2 == (i % 64) / 32 ? 150 : 0));
    for (Index i = 0; i < n; i++) y.values<std::int64_t>()[std::size_t(i)] = i % 2;
    if (labels)
      io::write_npz(at(name), {{"x", x}, {"y", y}});
    else
      io::write_npy(at(name), x);
  }
  json evaluated(const Arguments& arguments) const {
    const Result r = imago(Arguments{"evaluate"} + arguments + Arguments{"--json"});
    EXPECT_EQ(r.status, 0) << r.error;
    return r.status ? json() : json::parse(r.out);
  }
};

TEST_F(Evaluate, FeaturesOfFiles) {
  const Tensor a = features("a.npy", 60, 5, 1), b = features("b.npy", 50, 5, 2);
  const json j = evaluated({"--features", "a.npy", "--reference", "b.npy", "--metrics",
                            "fid,kid,prdc", "--subset", "30", "--device", "cpu"});
  EXPECT_EQ(j["fid"], models::frechet_distance(b, a).distance);
  EXPECT_FALSE(j.contains("fd"));
  EXPECT_EQ(j["kid"], models::kid(a, b, {.subset_size = 30})->mean);
  const models::Manifold m = *models::manifold(b, a);
  EXPECT_EQ(j["prdc"]["precision"], m.precision);
  EXPECT_EQ(j["prdc"]["recall"], m.recall);
  EXPECT_EQ(j["prdc"]["density"], m.density);
  EXPECT_EQ(j["prdc"]["coverage"], m.coverage);
  EXPECT_EQ(j["label"], "FD-features");
  EXPECT_EQ(j["ddof"], 1);
  EXPECT_EQ(j["n"], 60);
  EXPECT_EQ(j["reference_n"], 50);
  EXPECT_EQ(j["reference"], "b.npy");
  for (const Device device : devices()) {
    const json there = evaluated({"--features", "a.npy", "--reference", "b.npy", "--metrics", "fd",
                                  "--device", name(device)});
    EXPECT_EQ(there["method"], device == cpu_device ? "cholesky" : concat("cholesky on ", device));
    EXPECT_NEAR(there["fd"].get<double>(), j["fid"].get<double>(), 1e-10);
  }

  EXPECT_EQ(j["features"], 5);
  EXPECT_EQ(j["subset"], 30);

  const Result people = imago({"evaluate", "--features", "a.npy", "--reference", "b.npy"});
  EXPECT_NE(people.out.find("a.npy, 60 samples, against b.npy, 50"), std::string::npos)
      << people.out;
  EXPECT_NE(people.out.find("FD-features, 5 features"), std::string::npos) << people.out;
  EXPECT_EQ(people.out.find("FID"), std::string::npos);
}
TEST_F(Evaluate, AsItIsAskedFor) {
  const Tensor a = features("a.npy", 60, 5, 1), b = features("b.npy", 50, 5, 2);
  const Arguments both{"--features", "a.npy", "--reference", "b.npy"};
  for (const models::FrechetTool& tool : models::frechet_tools()) {
    const auto moments = [&](const Tensor& x) {
      models::MomentSum sum(5, "features", tool.moments);
      sum.add(x);
      return sum.moments();
    };
    const json j = evaluated(both + Arguments{"--metrics", "fid", "--frechet", tool.name});
    EXPECT_EQ(j["fid"], models::frechet_distance(moments(b), moments(a), tool.distance).distance)
        << tool.name;
    EXPECT_EQ(j["ddof"], tool.name == "nvlabs" ? 0 : 1);
    EXPECT_EQ(j.value("frechet", "imago"), tool.name);
  }
  EXPECT_NE(evaluated(both + Arguments{"--frechet", "products"})["method"].get<std::string>().find(
                "products, residual"),
            std::string::npos);
  for (const auto& [metric, option] : {std::pair{"kid", "--splits"},
                                       {"is", "--subset"},
                                       {"kid", "--frechet"},
                                       {"fid", "--chains"},
                                       {"fid", "--temperatures"}})
    fails(Arguments{"evaluate"} + both + Arguments{"--metrics", metric, option, "2"}, 2, option);
  fails({"evaluate", "--features", "a.npy", "--reference", "b.npy", "--frechet", "fid"}, 2,
        "pytorch-fid");
  const json j = evaluated(both + Arguments{"--metrics", "mmd,sinkhorn,sliced,prdc"});
  EXPECT_EQ(j["mmd"], models::mmd(a, b)->squared);
  EXPECT_EQ(j["sinkhorn"], models::sinkhorn(a, b)->distance);
  EXPECT_EQ(j["sliced"], models::sliced_wasserstein(a, b)->distance);
  EXPECT_EQ(j["near_ties"], 0);
  EXPECT_GT(j["sliced_error"], 0);
  EXPECT_GT(j["sinkhorn_epsilon"], 0);
  EXPECT_GT(j["mmd_median"], 0);
}
TEST_F(Evaluate, StatisticsAsOtherProgramsWriteThem) {
  const Tensor a = features("a.npy", 60, 5, 1), b = features("b.npy", 50, 5, 2);
  models::MomentSum sum(5);
  sum.add(b);
  const models::Moments moments = sum.moments();
  io::write_npz(at("mu_sigma.npz"),
                {{"mu", io::to_host(moments.mean)}, {"sigma", io::to_host(moments.covariance)}});
  const json j =
      evaluated({"--features", "a.npy", "--reference", "mu_sigma.npz", "--metrics", "fd"});
  EXPECT_NEAR(j["fd"].get<double>(), models::frechet_distance(a, b).distance, 1e-10);
  EXPECT_FALSE(j.contains("reference_n"));  // such a file does not say
  fails({"evaluate", "--features", "a.npy", "--reference", "mu_sigma.npz", "--metrics", "kid"}, 2,
        "mu_sigma.npz");
}
TEST_F(Evaluate, ImagesByAJudge) {
  images("real.npz", 60, 1, true);
  images("fake.npy", 40, 2, false);
  ASSERT_EQ(imago(Arguments{"train", "classifier", "--data", "real.npz", "--steps", "3", "--device",
                            "cpu", "--batch", "20", "--out", "judge"} +
                  with({"features=4", "width=4"}))
                .status,
            0);
  const Arguments anywhere{"fake.npy", "--data",  "real.npz", "--split",
                           "train",    "--judge", "judge",    "--device"},
      few = anywhere + Arguments{"cpu"};
  const json j = evaluated(few + Arguments{"--metrics", "fid,kid,is,precision", "--subset", "20"});
  EXPECT_EQ(j["label"], "FD-classifier");
  EXPECT_EQ(j["features"], 4);
  EXPECT_EQ(j["weights"].get<std::string>().size(), 16u);
  EXPECT_EQ(j["n"], 40);
  EXPECT_EQ(j["reference"], "real.npz");
  EXPECT_EQ(j["split"], "train");
  EXPECT_GE(j["is"].get<double>(), 1);
  EXPECT_LE(j["is"].get<double>(), 2);
  EXPECT_TRUE(j["precision"].is_number());
  EXPECT_FALSE(j.contains("recall"));
  EXPECT_FALSE(j.contains("prdc"));
  EXPECT_TRUE(j.contains("kid_std"));

  EXPECT_EQ(j["splits"], 10);
  const auto score = [&](const Arguments& more) {
    return evaluated(few + Arguments{"--metrics", "is"} + more)["is"].get<double>();
  };
  EXPECT_NE(score({"--splits", "1"}), score({}));
  fails(Arguments{"evaluate"} + few + Arguments{"--metrics", "is", "--bias"}, 2, "--bias");

  // The judge that the recipe leaves behind is found without a word.
  fails({"evaluate", "fake.npy", "--data", "real.npz", "--split", "train"}, 2,
        "imago train classifier --data real.npz");
  fs::create_directory(folder_ / "runs");
  fs::copy(folder_ / "judge", folder_ / "runs/classifier-real-s0", fs::copy_options::recursive);
  const json found = evaluated({"fake.npy", "--data", "real.npz", "--split", "train", "--device",
                                "cpu", "--metrics", "fid"});
  EXPECT_EQ(found["weights"], j["weights"]);
  EXPECT_EQ(found["fid"], j["fid"]);
  fs::remove_all(folder_ / "runs");

  for (const Device device : devices()) {
    if (device == cpu_device) continue;
    const json there = evaluated(anywhere + Arguments{name(device), "--metrics", "fid"});
    EXPECT_NEAR(there["fid"].get<double>(), j["fid"].get<double>(), 1e-4 * j["fid"].get<double>());
    EXPECT_NE(there["method"].get<std::string>().find(concat("on ", device)), std::string::npos);
  }

  // A cache changes nothing but the time, and is told apart by what it was made from.
  for (int i = 0; i < 2; i++)
    EXPECT_EQ(evaluated(few + Arguments{"--metrics", "fid", "--cache", "kept"})["fid"], j["fid"]);
  const auto files = [&] {
    return std::distance(fs::directory_iterator(folder_ / "kept"), fs::directory_iterator());
  };
  EXPECT_EQ(files(), 1);
  evaluated(few + Arguments{"--metrics", "fid", "--cache", "kept", "--limit", "30"});
  EXPECT_EQ(files(), 2);

  // What lies there under the name of other statistics is not taken for them.
  std::string first, second;
  for (const auto& e : fs::directory_iterator(folder_ / "kept"))
    (first.empty() ? first : second) = e.path().string();
  const Arguments kept = few + Arguments{"--metrics", "fid", "--cache", "kept"};
  fs::copy_file(second, first, fs::copy_options::overwrite_existing);
  const Result mixed = imago(Arguments{"evaluate"} + kept),
               mixed_too = imago(Arguments{"evaluate"} + kept + Arguments{"--limit", "30"});
  EXPECT_EQ(std::max(mixed.status, mixed_too.status), 3);
  EXPECT_NE((mixed.error + mixed_too.error).find("delete the file"), std::string::npos)
      << mixed.error << mixed_too.error;
  // A folder that cannot be is told before anything is measured.
  put(folder_ / "file", "");
  fails(Arguments{"evaluate"} + few + Arguments{"--metrics", "fid", "--cache", "file"}, 1,
        "give another with --cache");

  // The images a split is made of are at no distance from it.
  const json same =
      evaluated({"real.npz", "--data", "real.npz", "--split", "all", "--judge", "judge"});
  EXPECT_EQ(same["n"], 60);
  EXPECT_NEAR(same["fd"].get<double>(), 0, 1e-6 * j["fid"].get<double>());

  fails(Arguments{"evaluate"} + few + Arguments{"--metrics", "elbo"}, 2, "elbo");
  fails(Arguments{"evaluate"} + few + Arguments{"--metrics", "kid"}, 2, "subset");
  fails({"evaluate", "fake.npy", "--judge", "judge"}, 2, "--reference FILE or --data");
  fails({"evaluate", "fake.npy", "--data", "real.npz"}, 2, "--judge RUN or --weights");
  fails(Arguments{"evaluate"} + few + Arguments{"--dims", "64"}, 2, "--weights");
  fails(Arguments{"evaluate"} + few + Arguments{"--pipeline", "tf"}, 2, "--weights");
  // What would say nothing is not taken in silence.
  fails(Arguments{"evaluate"} + few + Arguments{"--weights", "w.pth"}, 2, "--judge");
  fails(Arguments{"evaluate"} + few + Arguments{"--drawn", "5"}, 2, "--drawn");
  fails(Arguments{"evaluate"} + few + Arguments{"--reference", "real.npz"}, 2, "--data");
  fails({"evaluate", "real.npz", "--judge", "judge", "--data", "real.npz", "--split", "all",
         "--cache", "kept"},
        2, "--cache");
}
TEST_F(Evaluate, WhatCannotBeMeasured) {
  features("a.npy", 60, 5, 1);
  features("other.npy", 60, 4, 1);
  features("one.npy", 1, 5, 1);
  images("images.npy", 8, 1, false);
  io::HostArray bad = io::zeros(DType::f32, {20, 5});
  bad.values<float>()[5 * 7 + 1] = NAN;
  io::write_npy(at("bad.npy"), bad);
  const auto against = [&](const std::string& file) {
    return Arguments{"evaluate", "--features", "a.npy", "--metrics", "fd", "--reference", file};
  };
  fails(against("other.npy"), 3, "expected 4 as in other.npy, received 5");
  fails(against("one.npy"), 3, "one.npy");
  fails(against("images.npy"), 3, "floating [n, features]");
  fails(against("bad.npy"), 3, "row 7");
  fails(against("nowhere.npy"), 3, "nowhere.npy");
  io::HostArray far = io::zeros(DType::f64, {20, 5});
  for (std::size_t i = 0; i < 20; i++) far.values<double>()[i * 5 + i % 5] = 1e200;
  io::write_npy(at("far.npy"), far);
  fails(against("far.npy"), 3, "too far out");
  // Every metric names the file.
  for (const Arguments& metric : {Arguments{"kid", "--subset", "15"}, Arguments{"precision"}})
    for (const char* file : {"bad.npy", "one.npy"})
      EXPECT_NE(
          imago(Arguments{"evaluate", "--features", "a.npy", "--reference", file, "--metrics"} +
                metric)
              .error.find(concat(", in ", file)),
          std::string::npos)
          << metric[0] << " " << file;
  for (const char* option : {"--judge", "--weights", "--cache", "--data"})
    fails({"evaluate", "--features", "a.npy", "--reference", "a.npy", option, "x"}, 2, option);
  fails({"evaluate", "--features", "a.npy"}, 2, "--reference");
  fails({"evaluate", "--features", "a.npy", "--data", "ring8"}, 2, "--reference");
  fails({"evaluate", "run", "--features", "a.npy", "--reference", "a.npy"}, 2, "leave one");
  fails({"evaluate", "--features", "a.npy", "--reference", "a.npy", "--metrics", "is"}, 2,
        "logits");
  fails({"evaluate", "--features", "a.npy", "--reference", "a.npy", "--metrics", "fidd"}, 2,
        "fidd");

  // Weights: cut, of another network, no weights at all.
  put(folder_ / "cut.pth", std::string("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
                                       "\x80\x02M\xe9\x03.\x80\x02}q",
                                       24));
  io::write_safetensors(at("other.safetensors"),
                        io::NamedArrays{{"fc.bias", io::zeros(DType::f32, {1000})}});
  const auto by = [](const std::string& weights) {
    return Arguments{"evaluate", "images.npy", "--data", "images.npy", "--weights", weights};
  };
  fails(by("cut.pth"), 3, "truncated PyTorch file, in cut.pth at byte");
  fails(by("other.safetensors"), 3, "lack 'Conv2d_1a_3x3.conv.weight'");
  fails(by("images.npy"), 3, "not a file of PyTorch");
  fails(by("cut.pth") + Arguments{"--pipeline", "tf"}, 2, "clean-fid");
  fails(by("cut.pth") + Arguments{"--dims", "100"}, 2, "64, 192, 768 or 2048");
}
TEST_F(Evaluate, ARunByItsJudge) {
  images("real.npz", 60, 1, true);
  const Arguments few{"--data", "real.npz", "--steps", "2", "--device", "cpu", "--batch", "20"};
  ASSERT_EQ(imago(Arguments{"train", "classifier", "--out", "judge"} + few +
                  with({"features=4", "width=4"}))
                .status,
            0);
  ASSERT_EQ(imago(Arguments{"train", "vae", "--out", "run"} + few + with({"hidden=4", "latent=2"}))
                .status,
            0);
  const json j = evaluated({"run", "--judge", "judge", "--split", "train", "--drawn", "50",
                            "--metrics", "fid,kid,is,prdc,elbo", "--subset", "20"});
  for (const char* name : {"fid", "kid", "kid_std", "is", "is_std", "elbo", "drawn", "method"})
    EXPECT_TRUE(j.contains(name)) << name;
  EXPECT_EQ(j["prdc"].size(), 4u);
  EXPECT_EQ(j["drawn"], 50);
  EXPECT_EQ(j["label"], "FD-classifier");
  EXPECT_EQ(j["subset"], 20);
  const json two = evaluated({"run", "--judge", "judge", "--split", "train", "--drawn", "50",
                              "--metrics", "nll,fid", "--samples", "2"});
  EXPECT_EQ(two["method"], concat("importance sampling; fd: ", j["method"].get<std::string>()));
  features("features.npy", 33, 4, 1);
  const json other = evaluated({"run", "--judge", "judge", "--split", "train", "--drawn", "50",
                                "--metrics", "fid", "--reference", "features.npy"});
  EXPECT_EQ(other["reference_n"], 33);
  // The same samples from a file.
  ASSERT_EQ(imago({"sample", "run", "-n", "50", "--out", "samples.npy"}).status, 0);
  const json file = evaluated({"samples.npy", "--data", "real.npz", "--split", "train", "--judge",
                               "judge", "--metrics", "fid"});
  EXPECT_NEAR(file["fid"].get<double>(), j["fid"].get<double>(), 1e-9 * j["fid"].get<double>());
}

TEST_F(Evaluate, TheBestCheckpointByANamedMetric) {
  images("real.npz", 60, 1, true);
  const Arguments few{"--data", "real.npz", "--device", "cpu", "--batch", "20"};
  for (const char* seed : {"0", "1"})
    ASSERT_EQ(imago(Arguments{"train", "classifier", "--steps", "2", "--seed", seed, "--out",
                              std::string("judge") + seed} +
                    few + with({"features=4", "width=4"}))
                  .status,
              0);
  const auto train = [&](const Arguments& more) {
    return Arguments{"train", "vae", "--eval-every", "1"} + few +
           with({"hidden=4", "latent=2", "lr=0.1"}) + more;
  };
  const Arguments by_fd = with({"judge=judge0", "valid=20", "best=fd"});
  ASSERT_EQ(imago(train({"--out", "run", "--steps", "5"}) + by_fd).status, 0);
  double least = INFINITY, most_elbo = -INFINITY;
  std::int64_t step = -1, elbo_step = -1;
  for (const json& line : lines(folder_ / "run/metrics.jsonl")) {
    if (line["split"] != "valid") continue;
    if (line["fd"] < least) least = line["fd"], step = line["step"];
    if (line["elbo"] > most_elbo) most_elbo = line["elbo"], elbo_step = line["step"];
  }
  EXPECT_EQ(evaluated({"run", "--metrics", "elbo"})["step"], step);
  EXPECT_NE(step, elbo_step) << "the two metrics agree: the test shows nothing";

  // Another judge's distances do not compare with those of before, and neither does another metric.
  const std::string before = read(folder_ / "run/config.json");
  const Arguments on{"--out", "run", "--resume", "--steps", "6"};
  fails(train(on) + with({"judge=judge1"}), 2, "other units");
  fails(train(on) + with({"best=elbo"}), 2, "'best'");
  EXPECT_EQ(read(folder_ / "run/config.json"), before);
  EXPECT_EQ(imago(train(on)).status, 0);

  const Arguments other{"--out", "other", "--steps", "1"};
  fails(train(other) + with({"best=fidd", "valid=20"}), 2, "elbo");
  fails(train(other) + with({"best=rate", "valid=20"}), 2, "distortion");
  fails(train(other) + with({"best=fd", "valid=20"}), 2, "judge");
  fails(train(other) + with({"best=elbo"}), 2, "valid=N");
  // What cannot be measured on these splits is told before training.
  const auto judged = [&](const char* best, const char* valid) {
    return train(other) +
           with({"judge=judge0", std::string("best=") + best, std::string("valid=") + valid});
  };
  fails(judged("kid", "20"), 2, "at least 1000 in the valid split, received 20");
  fails(judged("recall", "5"), 2, "at least 6 in the valid split, received 5");
  fails(judged("auto", "1"), 2, "at least 2 in the valid split, received 1");
  fails(Arguments{"train", "cgan"} + other + few + with({"best=label_accuracy", "valid=20"}), 2,
        "judge");
  EXPECT_FALSE(fs::exists(folder_ / "other"));
}

}  // namespace
}  // namespace imago::test
