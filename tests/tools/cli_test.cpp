// The program as a user meets it: what it prints, where, its exit status, and the files it leaves.
#include "tests/tools/cli.h"

#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>

#include <chrono>
#include <thread>

#include "kernels/config.h"
#include "tests/io/jpegs.h"

using namespace imago::test;

TEST_F(Cli, UsageErrors) {
  fails({}, 2, "--help");
  fails({"trian"}, 2, "perhaps train");
  fails({"train"}, 2, "PRESET");
  fails({"train", "vae", "--data", "four-patterns", "--no-such-option"}, 2, "--no-such-option");
  fails({"train", "vea", "--data", "four-patterns"}, 2, "vae");
  fails({"train", "vae", "--data", "four-patterns", "--epochs", "many"}, 2, "in the command line");
  fails({"train", "vae", "--data", "four-patterns", "--epochs", "-3"}, 2, "-3");
  fails({"train", "vae", "--data", "four-patterns", "--steps", "99999999999999999999"}, 2,
        "99999999999999999999");
  fails({"train", "vae", "--data", "four-patterns", "--set", "latnt=3"}, 2, "latent");
  fails({"train", "vae", "--data", "four-patterns", "--set", "latent"}, 2, "key=value");
  fails({"train", "vae", "--data", "four-patterns", "--set", "latent=abc"}, 2, "abc");
  fails({"train", "vae", "--data", "four-patterns", "--set", "lr=nan"}, 2, "lr");
  fails({"train", "vae", "--data", "four-patterns", "--set", "activation=step"}, 2, "step");
  fails({"train", "vae", "--data", "four-patterns", "--device", "abacus"}, 2, "abacus");
  fails({"train", "vae", "--data", "four-patterns", "--epochs", "9223372036854775807"}, 2,
        "1000000000");
  fails({"train", "vae", "--data", "caf\xe9.npy"}, 2, "UTF-8");
  fails({"sample", "runs/x", "-n", "0"}, 2, "-n");
  fails({"sample", "runs/x", "--temperature", "warm"}, 2, "warm");
  fails({"describe", "vea"}, 2, "vae");
  fails({"train", "vae", "--data", "four-patterns", "--out", ""}, 2, "--out");
  fails({"report", "runs/x", "--out", "runs/x/checkpoints/last.safetensors"}, 2, ".html");
  fails({"describe", "vae", "--shape", "28,,28"}, 2, "--shape");
  EXPECT_TRUE(only_logs());
}

TEST_F(Cli, DataAndDeviceErrors) {
  fails({"train", "vae", "--data", "no-such-set"}, 3, "no-such-set");
  fails({"train", "vae", "--data", "mnist", "--data-dir", "nowhere"}, 3, "nowhere");
  fails({"train", "vae", "--data", "missing.npy"}, 3, "missing.npy");
  fails({"train", "missing.json", "--data", "four-patterns"}, 3, "missing.json");
  fails({"train", "vae", "--data", "four-patterns", "--device", "cuda:77"}, 4, "cuda");
  for (const char* command :
       {"sample", "reconstruct", "interpolate", "traverse", "evaluate", "report"})
    fails({command, "no-run"}, 3, "no-run");
  EXPECT_TRUE(only_logs());
  std::ofstream(folder_ / "broken.npy") << "this is no array";
  fails({"train", "vae", "--data", "broken.npy"}, 3, "broken.npy");
  std::ofstream(folder_ / "broken.json") << "{\"preset\": ";
  fails({"train", "./broken.json", "--data", "four-patterns"}, 2, "broken.json");
  EXPECT_FALSE(fs::exists(folder_ / "runs"));
}

TEST_F(Cli, DamagedRunsAreRefused) {
  ASSERT_EQ(trained("run").status, 0);
  const fs::path last = folder_ / "run/checkpoints/last.safetensors";
  const std::string whole = read(last);
  for (const std::size_t kept :
       {std::size_t(0), std::size_t(5), whole.size() / 2, whole.size() - 1}) {
    std::ofstream(last, std::ios::binary).write(whole.data(), std::streamsize(kept));
    fails({"sample", "run", "--checkpoint", "last"}, 3, "last.safetensors");
  }
  fs::remove(last);
  fails({"sample", "run", "--checkpoint", "last"}, 3, "last");
}

TEST_F(Cli, TrainsAndUsesARun) {
  const Result r = trained("run", 30, {"--eval-every", "10", "--set", "lr=0.005"});
  ASSERT_EQ(r.status, 0) << r.error;
  EXPECT_EQ(r.error, "");
  EXPECT_NE(r.out.find("test"), std::string::npos) << r.out;
  for (const char* file :
       {"config.json", "metrics.jsonl", "log.txt", "samples.png", "checkpoints/last.safetensors"})
    EXPECT_TRUE(fs::exists(folder_ / "run" / file)) << file;
  const auto metrics = lines(folder_ / "run/metrics.jsonl");
  ASSERT_FALSE(metrics.empty());
  EXPECT_EQ(metrics.back()["split"], "test");
  EXPECT_EQ(metrics.back()["step"], 30);
  EXPECT_LE(metrics.back()["elbo"].get<double>(), 0);
  std::vector<double> elbo;
  for (const json& line : metrics)
    if (line["split"] == "test") elbo.push_back(line["elbo"]);
  ASSERT_GE(elbo.size(), 2u);
  EXPECT_GT(elbo.back(), elbo.front() + 0.05);  // it learns

  EXPECT_EQ(imago({"sample", "run"}).out, "run/generated.png\n");
  EXPECT_EQ(read(folder_ / "run/generated.png").substr(1, 3), "PNG");
  EXPECT_EQ(imago({"sample", "run", "-n", "3", "--out", "some.npy"}).status, 0);
  EXPECT_EQ(read(folder_ / "some.npy").substr(1, 5), "NUMPY");
  EXPECT_EQ(imago({"sample", "run", "-n", "3", "--out", "each/"}).status, 0);
  EXPECT_TRUE(fs::exists(folder_ / "each/sample-000002.png"));
  EXPECT_EQ(imago({"reconstruct", "run", "-n", "4"}).out, "run/reconstructions.png\n");
  EXPECT_EQ(imago({"interpolate", "run", "--rows", "2", "--columns", "3"}).out,
            "run/interpolation.png\n");
  EXPECT_EQ(imago({"traverse", "run", "--rows", "1", "--columns", "3", "--around", "0"}).out,
            "run/traversal.png\n");
  fails({"traverse", "run", "--rows", "1000"}, 2, "rows");
  fails({"sample", "run", "--out", "picture.bmp"}, 2, "picture.bmp");
  fails({"evaluate", "run", "--metrics", "elbo,fidd"}, 2, "fidd");
  fails({"evaluate", "run", "--split", "tset"}, 2, "tset");

  const Result e = imago({"evaluate", "run", "--metrics", "elbo,rate,distortion,nll", "--samples",
                          "50", "--limit", "3", "--json"});
  ASSERT_EQ(e.status, 0) << e.error;
  const json figures = json::parse(e.out);
  EXPECT_EQ(figures["n"], 3);
  EXPECT_NEAR(figures["elbo"].get<double>(),
              -figures["rate"].get<double>() - figures["distortion"].get<double>(), 1e-4);
  EXPECT_LE(figures["nll"].get<double>(), -figures["elbo"].get<double>() + 0.05);
  EXPECT_GE(figures["nll"].get<double>(), 0);

  // What an estimate depends on is beside it.
  const Arguments estimates{"evaluate", "run", "--metrics",      "nll,ais", "--samples", "7",
                            "--chains", "2",   "--temperatures", "3",       "--limit",   "3"};
  const std::string people = imago(estimates).out;
  EXPECT_NE(people.find("samples        7, importance"), std::string::npos) << people;
  EXPECT_NE(people.find("chains         2, of 3 temperatures"), std::string::npos) << people;
  const json ais = json::parse(imago(estimates + Arguments{"--json"}).out);
  EXPECT_EQ(ais["samples"], 7);
  EXPECT_EQ(ais["chains"], 2);
  EXPECT_EQ(ais["temperatures"], 3);
  EXPECT_GT(ais["ais"], 0);
}

TEST_F(Cli, EvaluatesOnOtherData) {
  ASSERT_EQ(trained("run", 5).status, 0);
  const json own = json::parse(imago({"evaluate", "run", "--json"}).out);
  EXPECT_EQ(own["data"], "four-patterns");
  const Result same = imago({"evaluate", "run", "--data", "four-patterns", "--json"});
  EXPECT_EQ(json::parse(same.out), own) << same.error;
  ASSERT_EQ(imago({"sample", "run", "-n", "40", "--out", "other.npy"}).status, 0);
  const Result other = imago({"evaluate", "run", "--data", "other.npy", "--metrics", "elbo,nll",
                              "--samples", "10", "--json"});
  ASSERT_EQ(other.status, 0) << other.error;
  const json figures = json::parse(other.out);
  EXPECT_EQ(figures["data"], "other.npy");
  EXPECT_EQ(figures["n"], 4);  // a tenth is the test split
  EXPECT_EQ(figures["method"], "importance sampling");
  EXPECT_NE(figures["elbo"], own["elbo"]);
  fails({"evaluate", "run", "--data", "two-moons"}, 3, "two-moons");
  fails({"evaluate", "run", "--data", "nowhere.npy"}, 3, "nowhere.npy");
}

#if IMAGO_TEST_JPEG
TEST_F(Cli, TrainsOnAFolderOfMixedJpegs) {
  const auto put = [&](const std::string& name, int height, int width, int channels) {
    fs::create_directories((folder_ / name).parent_path());
    const std::vector<std::uint8_t> pixels(std::size_t(height * width * channels), 90);
    std::ofstream(folder_ / name, std::ios::binary)
        << imago::test::jpeg(height, width, channels, pixels);
  };
  for (int i = 0; i < 12; i++)
    put("pictures/" + std::to_string(i) + ".jpg", 8 + i, 20 - i, i % 2 ? 3 : 1);
  put("others/a.jpeg", 30, 17, 3);
  put("others/b.jpeg", 9, 9, 1);
  const std::vector<std::string> train{"train", "vae",   "--data",   "pictures", "--steps",
                                       "3",     "--set", "hidden=8", "--out",    "run"};
  fails(train, 3, "--resize");
  std::vector<std::string> resized = train;
  resized.insert(resized.end(), {"--resize", "6by7"});
  fails(resized, 2, "6by7");
  EXPECT_FALSE(fs::exists(folder_ / "run"));
  resized.back() = "6x7";
  const Result r = imago(resized);
  ASSERT_EQ(r.status, 0) << r.error;
  EXPECT_EQ(json::parse(read(folder_ / "run/config.json"))["resize"], "6x7");
  EXPECT_EQ(imago({"reconstruct", "run", "-n", "1"}).status, 0);
  // Another folder comes to the run's size, or to the one that is asked for.
  const json other = json::parse(imago({"evaluate", "run", "--data", "others", "--json"}).out);
  EXPECT_EQ(other["n"], 1);
  fails({"evaluate", "run", "--data", "others", "--resize", "5"}, 3, "[5, 5, 3]");
  EXPECT_EQ(imago({"evaluate", "run", "--data", "others", "--resize", "6x7"}).status, 0);
  fails({"evaluate", "run", "--data", "ring8", "--resize", "6x7"}, 2, "resize");
  fails({"evaluate", "run", "--data", "ring8"}, 3, "[6, 7, 3]");
  fails({"train", "vae", "--out", "run", "--resume", "--resize", "8"}, 2, "resize");
  fails({"train", "vae", "--data", "four-patterns", "--resize", "8"}, 2, "resize");
}
#endif

TEST_F(Cli, PicturesOfASmallTestSplit) {
  ASSERT_EQ(trained("run", 5).status, 0);
  EXPECT_EQ(imago({"reconstruct", "run"}).status, 0);  // 4 of them, not the usual 32
  EXPECT_EQ(imago({"interpolate", "run"}).status, 0);
  fails({"reconstruct", "run", "-n", "5"}, 2, "at most 4");
}

TEST_F(Cli, ResumeRefusesAnotherRun) {
  ASSERT_EQ(trained("run", 5).status, 0);
  const auto resume = [&](std::vector<std::string> more, int status, const std::string& holding) {
    std::vector<std::string> all{"train", "vae", "--out", "run", "--resume", "--steps", "9"};
    all.insert(all.end(), more.begin(), more.end());
    fails(all, status, holding);
  };
  resume({"--set", "likelihood=gaussian", "--set", "sigma=1"}, 2, "likelihood");
  resume({"--set", "latent=3"}, 2, "latent");
  resume({"--data", "ring8"}, 3, "ring8");
  fails({"train", "iwae", "--out", "run", "--resume"}, 2, "preset");
  EXPECT_EQ(imago({"train", "vae", "--out", "run", "--resume", "--steps", "9", "--set",
                   "likelihood=auto"})
                .status,
            0);
}

TEST_F(Cli, TheSameSeedDrawsTheSameSamples) {
  ASSERT_EQ(trained("run", 5).status, 0);
  for (const char* file : {"a.npy", "b.npy"})
    ASSERT_EQ(imago({"sample", "run", "--seed", "7", "--out", file}).status, 0);
  ASSERT_EQ(imago({"sample", "run", "--seed", "8", "--out", "c.npy"}).status, 0);
  EXPECT_EQ(read(folder_ / "a.npy"), read(folder_ / "b.npy"));
  EXPECT_NE(read(folder_ / "a.npy"), read(folder_ / "c.npy"));
}

TEST_F(Cli, ARunIsNeitherOverwrittenNorResumedBySurprise) {
  ASSERT_EQ(trained("run").status, 0);
  const std::string before = read(folder_ / "run/checkpoints/last.safetensors");
  const Result again = trained("run");
  EXPECT_EQ(again.status, 2);
  EXPECT_NE(again.error.find("--resume"), std::string::npos) << again.error;
  EXPECT_NE(again.error.find("--overwrite"), std::string::npos) << again.error;
  EXPECT_EQ(read(folder_ / "run/checkpoints/last.safetensors"), before);
  const Result finished = trained("run", 30, {"--resume"});
  EXPECT_EQ(finished.status, 0) << finished.error;
  EXPECT_EQ(read(folder_ / "run/checkpoints/last.safetensors"), before);
  EXPECT_EQ(trained("run", 10, {"--overwrite"}).status, 0);
  EXPECT_EQ(lines(folder_ / "run/metrics.jsonl").back()["step"], 10);
}

TEST_F(Cli, DryRunFeedsBack) {
  const Result r = imago({"train", "vae", "--data", "four-patterns", "--set", "hidden=16",
                          "--steps", "5", "--dry-run"});
  ASSERT_EQ(r.status, 0) << r.error;
  EXPECT_TRUE(only_logs());
  std::ofstream(folder_ / "config.json") << r.out;
  const Result back = imago({"train", "./config.json", "--dry-run"});
  EXPECT_EQ(back.status, 0) << back.error;
  EXPECT_EQ(back.out, r.out);
  const Result run = imago({"train", "./config.json", "--out", "run", "--quiet"});
  EXPECT_EQ(run.status, 0) << run.error;
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.error, "");
  EXPECT_EQ(json::parse(read(folder_ / "run/config.json")), json::parse(r.out));
}

TEST_F(Cli, SignalsStopCleanlyAndResumeGoesOn) {
  const std::vector<std::string> command{"train",   "vae",       "--data", "four-patterns",
                                         "--steps", "400000000", "--out",  "run",
                                         "--set",   "hidden=16", "--set",  "latent=2"};
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    std::vector<std::string> arguments = command;
    if (number != SIGINT) arguments.push_back("--resume");
    const pid_t child = start(arguments);
    // Long enough for the first steps; the run itself would take hours.
    const std::string begun = number == SIGINT ? "training for" : "resuming from";
    for (int i = 0; i < 600 && read(folder_ / "out.txt").find(begun) == std::string::npos; i++)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    kill(child, number);
    const Result r = wait(child);
    EXPECT_EQ(r.status, 128 + number) << r.error;
    EXPECT_EQ(r.error, "");
    EXPECT_TRUE(fs::exists(folder_ / "run/checkpoints/last.safetensors"));
    if (number != SIGINT) {
      EXPECT_NE(r.out.find("resum"), std::string::npos) << r.out;
    }
  }
}

TEST_F(Cli, TheStatusLineFitsTheTerminal) {
  int terminal = -1;
  const winsize size{24, 60, 0, 0};
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    if (chdir(folder_.c_str())) _exit(99);
    setenv("TERM", "xterm", 1);
    execl(IMAGO_PROGRAM, IMAGO_PROGRAM, "train", "vae", "--data", "grid25", "--steps", "400000000",
          "--eval-every", "400000000", "--set", "checkpoint_every=400000000", "--out", "run",
          nullptr);
    _exit(98);
  }
  ASSERT_GT(child, 0);
  // Until five redraws came, or a minute passed.
  std::string shown;
  const auto begin = std::chrono::steady_clock::now();
  char bytes[4096];
  for (ssize_t n; std::count(shown.begin(), shown.end(), '\x1b') < 5 &&
                  std::chrono::steady_clock::now() - begin < std::chrono::minutes(1) &&
                  (n = ::read(terminal, bytes, sizeof bytes)) > 0;)
    shown.append(bytes, std::size_t(n));
  kill(child, SIGTERM);
  while (::read(terminal, bytes, sizeof bytes) > 0) {
  }
  int status = 0;
  waitpid(child, &status, 0);
  close(terminal);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGTERM) << status;
  int redraws = 0;
  for (std::size_t at = shown.find("\rstep "); at != std::string::npos;
       at = shown.find("\rstep ", at + 1), redraws++) {
    const std::size_t end = shown.find("\x1b[K", at);
    if (end == std::string::npos) break;
    const std::string line = shown.substr(at + 1, end - at - 1);
    EXPECT_LT(line.size(), 60u) << line;
    EXPECT_NE(line.find(" left"), std::string::npos) << line;
    EXPECT_NE(line.find("MB"), std::string::npos) << line;
  }
  EXPECT_GE(redraws, 3) << shown;
}

TEST_F(Cli, ACheckpointThatIsMissingIsNamed) {
  ASSERT_EQ(trained("run", 2).status, 0);
  fails({"sample", "run", "--checkpoint", "nope.safetensors"}, 3,
        "no such checkpoint, in nope.safetensors");
}

TEST_F(Cli, OutputThatNobodyReadsDoesNotEndTraining) {
  const std::string command =
      "cd " + folder_.string() + " && (" + IMAGO_PROGRAM +
      " train vae --data four-patterns --steps 60 --eval-every 1 --set hidden=8 --out run "
      "2>error.txt </dev/null; echo $? >status.txt) | head -n 1 >out.txt";
  EXPECT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(read(folder_ / "status.txt"), "1\n") << "the lines that were lost are a failure";
  EXPECT_EQ(read(folder_ / "error.txt").rfind("imago: standard output cannot be written", 0), 0u);
  EXPECT_NE(read(folder_ / "run/log.txt").find("finished at step 60"), std::string::npos);
}

TEST_F(Cli, ADivergedRunSaysSo) {
  const Result r = trained("run", 200, {"--set", "lr=1e6", "--set", "checkpoint_every=1"});
  EXPECT_EQ(r.status, 5) << r.error;
  EXPECT_NE(r.error.find("at step"), std::string::npos) << r.error;
  EXPECT_EQ(imago({"evaluate", "run", "--checkpoint", "last"}).status, 0);
  // The last update of a run is followed by no loss; its figures tell.
  const Result end = trained(
      "end", 1, {"--set", "lr=1e6", "--set", "optimizer=sgd", "--set", "likelihood=gaussian"});
  EXPECT_EQ(end.status, 5) << end.error;
  EXPECT_NE(end.error.find("of test"), std::string::npos) << end.error;
  EXPECT_FALSE(fs::exists(folder_ / "end/checkpoints/last.safetensors"));
  EXPECT_EQ(r.error.rfind("imago: ", 0), 0u) << r.error;
  EXPECT_EQ(std::count(r.error.begin(), r.error.end(), '\n'), 1) << r.error;
}

// Each preset from the shell: training with its evaluations, samples, a report.
TEST_F(Cli, EveryPresetFromTrainToReport) {
  const json all = json::parse(imago({"list", "--json"}).out)["presets"];
  ASSERT_GT(all.size(), 25u);
#ifdef __SANITIZE_ADDRESS__
  const std::size_t every = 5;
#else
  const std::size_t every = 1;
#endif
  for (std::size_t i = 0; i < all.size(); i += every) {
    const std::string preset = all[i]["name"];
    SCOPED_TRACE(preset);
    // What learns from images alone takes the 2 x 2 patterns, padded where its networks ask for it.
    const bool grows = preset == "progan", images = grows || preset == "vae-binarized-mnist";
    Arguments train{"train",
                    preset,
                    "--device",
                    "cpu",
                    "--batch",
                    "24",
                    "--steps",
                    "6",
                    "--quiet",
                    "--out",
                    preset,
                    "--data",
                    images                    ? "four-patterns"
                    : preset == "implicit-vi" ? "density:ring"
                                              : "ring8"};
    if (grows) train = train + with({"size=8", "width=4"});
    const Result trained = imago(train);
    ASSERT_EQ(trained.status, 0) << trained.error;
    const json last = lines(folder_ / preset / "metrics.jsonl").back();
    EXPECT_EQ(last["split"], "test");
    EXPECT_GT(last.size(), 3u) << last;
    const Result sampled = imago({"sample", preset, "-n", "5", "--out", "x.npy"});
    const bool generates = preset != "ae" && preset != "classifier";
    EXPECT_EQ(sampled.status, generates ? 0 : 2) << sampled.error;
    const Result report = imago({"report", preset});
    EXPECT_EQ(report.status, 0) << report.error;
  }
}

TEST_F(Cli, AClassifierJudgesSamples) {
  const Arguments few{"--device", "cpu", "--batch", "32", "--data", "ring8"};
  ASSERT_EQ(imago(Arguments{"train", "classifier", "--steps", "150", "--out", "judge"} + few +
                  with({"features=8", "lr=0.01"}))
                .status,
            0);
  fails({"sample", "judge"}, 2, "generates nothing");
  fails(Arguments{"train", "cgan", "--steps", "2", "--out", "refused"} + few +
            with({"judge=nowhere"}),
        3, "nowhere");
  EXPECT_FALSE(fs::exists(folder_ / "refused"));
  ASSERT_EQ(imago(Arguments{"train", "cgan", "--steps", "2", "--out", "run"} + few +
                  with({"width=8", "judge=judge"}))
                .status,
            0);
  const json line = lines(folder_ / "run/metrics.jsonl").back();
  EXPECT_GT(line["fd"].get<double>(), 0);
  EXPECT_NE(read(folder_ / "run/log.txt").find("judge, weights "), std::string::npos);

  const Result r = imago(
      {"evaluate", "run", "--metrics", "modes,fd,label_accuracy", "--drawn", "10000", "--json"});
  ASSERT_EQ(r.status, 0) << r.error;
  const json figures = json::parse(r.out);
  EXPECT_EQ(figures["fd"], line["fd"]);  // its own judge, and the seed of training
  EXPECT_EQ(figures["label_accuracy"], line["label_accuracy"]);
  EXPECT_EQ(figures["label"], "FD-classifier");
  EXPECT_EQ(figures["ddof"], 1);
  EXPECT_EQ(figures["drawn"], 10000);
  EXPECT_EQ(figures["weights"].get<std::string>().size(), 16u);
  EXPECT_EQ(figures["modes"]["total"], 8);
  EXPECT_EQ(figures["modes"]["covered"], line["modes_covered"]);
  EXPECT_EQ(figures["modes"]["high_quality"], line["high_quality"]);
  EXPECT_FALSE(figures.contains("modes_total"));
  EXPECT_FALSE(figures.contains("w1"));

  fails({"evaluate", "run", "--metrics", "fd", "--judge", "run"}, 2, "no classifier");
  fails({"evaluate", "run", "--metrics", "fd", "--judge", "nowhere"}, 3, "nowhere");
  ASSERT_EQ(trained("vae", 2).status, 0);
  fails({"evaluate", "vae", "--metrics", "fd"}, 2, "--judge");
  fails({"evaluate", "vae", "--metrics", "fd", "--judge", "judge"}, 2, "cannot look");
}

TEST_F(Cli, ListAndDescribe) {
  const json all = json::parse(imago({"list", "--json"}).out);
  std::vector<std::string> names;
  for (const json& preset : all["presets"]) names.push_back(preset["name"]);
  for (const char* name : {"ae", "vae", "beta-vae", "iwae"}) {
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
    const Result r = imago({"describe", name});
    EXPECT_EQ(r.status, 0) << r.error;
    EXPECT_NE(r.out.find("latent"), std::string::npos) << r.out;
  }
  const Result devices = imago({"devices"});
  EXPECT_EQ(devices.status, 0) << devices.error;
  EXPECT_EQ(devices.out.rfind("cpu", 0), 0u) << devices.out;
}

TEST_F(Cli, DemosPrintAndDraw) {
  const Result text = imago({"demo", "bilinear"});
  EXPECT_EQ(text.status, 0) << text.error;
  for (const char* word : {"radius", "simultaneous", "optimistic", "bilinear.svg"})
    EXPECT_NE(text.out.find(word), std::string::npos) << text.out;
  EXPECT_EQ(read(folder_ / "bilinear.svg").rfind("<svg ", 0), 0u);
  const Result r = imago({"demo", "bilinear", "--json", "--seed", "3", "--out", "b.svg"});
  const json all = json::parse(r.out);
  EXPECT_EQ(all["demo"], "bilinear");
  EXPECT_EQ(all["seed"], 3);
  EXPECT_EQ(all["picture"], "b.svg");
  EXPECT_GT(all["figures"]["simultaneous"]["radius"], 7);
  EXPECT_NE(read(folder_ / "b.svg"), read(folder_ / "bilinear.svg"));
  EXPECT_EQ(imago({"demo", "bilinear", "--seed", "3", "--json", "--out", "b.svg"}).out, r.out);
}
TEST_F(Cli, DemosRefused) {
  fails({"demo"}, 2, "no DEMO");
  fails({"demo", "bilinar"}, 2, "perhaps bilinear");
  fails({"demo", "bilinear", "--out", "b.png"}, 2, "expected FILE.svg, received b.png");
  fails({"demo", "bilinear", "--out", ""}, 2, "empty path");
  fails({"demo", "bilinear", "--seed", "-1"}, 2, "-1");
  EXPECT_TRUE(only_logs());
  fails({"demo", "bilinear", "--out", "no/b.svg"}, 1, "no/b.svg");
  EXPECT_TRUE(only_logs());
}
TEST_F(Cli, TrainsOnWhatAChainDraws) {
  const Result r = imago({"train", "vae", "--data", "sampler:langevin:ring", "--steps", "3",
                          "--set", "hidden=8", "--set", "latent=2", "--out", "run"});
  EXPECT_EQ(r.status, 0) << r.error;
  fails({"train", "vae", "--data", "sampler:hmc:rng"}, 3, "perhaps ring");
  fails({"train", "vae", "--data", "sampler:hcm:ring"}, 3, "perhaps hmc");
  fails({"train", "vae", "--data", "density:"}, 3, "one of banana");
  const std::string listed = imago({"list"}).out;
  for (const char* name : {"cifar10", "sampler:u4", "density:two-wells", "sampler:CHAIN:"})
    EXPECT_NE(listed.find(name), std::string::npos) << listed;
}

#if IMAGO_HAS_CPU_LEVELS
TEST_F(Cli, AnOldProcessorIsRefused) {
  setenv("IMAGO_CPU_LEVEL", "2", 1);
  fails({"devices"}, 4, "x86-64-v3");
  fails({"train", "vae", "--data", "four-patterns"}, 4, "x86-64-v3");
  setenv("IMAGO_CPU_LEVEL", "3", 1);
  EXPECT_NE(imago({"devices"}).out.find("x86-64-v3"), std::string::npos);
  unsetenv("IMAGO_CPU_LEVEL");
}
#endif

TEST_F(Cli, AClosedOutputIsNotWrittenInto) {
  const int status = std::system(
      ("cd \"" + folder_.string() +
       "\" && \"" IMAGO_PROGRAM
       "\" train vae --data four-patterns --steps 3 --set hidden=8 --out run <&- >&- 2>error.txt")
          .c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_EQ(read(folder_ / "error.txt").rfind("imago: ", 0), 0u);
  EXPECT_EQ(lines(folder_ / "run/metrics.jsonl").size(), 2u);  // throws at a line that is no JSON
}

TEST_F(Cli, AFullDiskIsNoSilence) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  const int status = std::system(
      ("\"" IMAGO_PROGRAM "\" list > /dev/full 2> \"" + (folder_ / "error.txt").string() + "\"")
          .c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_EQ(read(folder_ / "error.txt").rfind("imago: ", 0), 0u);
}
