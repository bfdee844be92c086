// imago evaluate: figures of a trained run on a split, for people or as one JSON object.
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "models/measures/judge.h"
#include "models/run.h"
#include "tools/imago/program.h"
#include "tools/imago/terminal.h"

namespace imago::tool {
namespace {
struct Options {
  RunOptions run;
  std::vector<std::string> metrics;
  std::string data, resize, split = "test", judge;
  std::int64_t seed = 0, samples = 1000, drawn = 10000, limit = 0;
  bool json = false;
};

bool is_of_samples(const std::string& metric) {
  return metric == "fd" || metric == "label_accuracy" || metric == "purity";
}
// The one asked for, or the run's own where a figure may want it.
std::shared_ptr<const models::Judge> judge(const Options& o, const models::Run& run) {
  std::string directory = o.judge;
  if (directory.empty() && run.config().has("judge") &&
      (o.metrics.empty() || std::any_of(o.metrics.begin(), o.metrics.end(), is_of_samples)))
    directory = run.config().text("judge");
  return directory.empty() ? nullptr : models::Judge::open(directory, o.run.device);
}

// modes is an object of its own, as programs read it.
nlohmann::ordered_json json(const models::Figures& figures) {
  nlohmann::ordered_json object;
  for (const auto& [name, value] : figures) {
    if (name == "modes_covered" || name == "modes_total")
      object["modes"][name.substr(6)] = std::int64_t(value);
    else if (name == "high_quality")
      object["modes"][name] = value;
    else
      object[name] = value;
  }
  return object;
}

int run(const Options& o) {
  catch_signals();
  const models::Run trained = models::Run::open(o.run.run, o.run.device, o.run.checkpoint);
  StatusLine status(true);
  models::EvaluateOptions options;
  options.measure.metrics = o.metrics;
  options.data = o.data;
  options.resize = o.resize;
  options.split = o.split;
  options.measure.seed = std::uint64_t(o.seed);
  options.measure.samples = o.samples;
  options.measure.drawn = o.drawn;
  options.measure.judge = judge(o, trained);
  options.measure.limit = o.limit;
  options.measure.stop = [] { return caught_signal() != 0; };
  if (status.enabled())
    options.measure.progress = [&](double share) {
      status.show(concat("evaluating ", int(100 * share), "%"));
    };
  const models::Figures figures = trained.evaluate(options);
  status.clear();
  if (caught_signal()) return 128 + caught_signal();

  const data::DataSet& set = trained.data(o.data, o.resize);
  const Index rows = trained.split(o.split, o.data, o.resize).size();
  const Index n = o.limit ? std::min<Index>(o.limit, rows) : rows;
  const bool drawn = std::any_of(figures.begin(), figures.end(),
                                 [](const auto&f) { return is_of_samples(f.first); }),
             judged = drawn && options.measure.judge;
  if (o.json) {
    nlohmann::ordered_json object = json(figures);
    if (training::has_figure(figures, "fd")) {
      object["label"] = "FD-classifier";
      object["ddof"] = 1;
    }
    if (judged) object["weights"] = options.measure.judge->weights();
    if (drawn) object["drawn"] = o.drawn;
    object["n"] = n;
    object["data"] = set.name;
    object["split"] = o.split;
    object["step"] = trained.step();
    if (training::has_figure(figures, "nll")) object["samples"] = o.samples;
    if (training::has_figure(figures, "nll")) object["method"] = "importance sampling";
    std::cout << object.dump() << "\n";
  } else {
    std::cout << set.name << " " << o.split << ", " << n << " samples, step " << trained.step()
              << "\n";
    for (const auto& [name, value] : figures)
      std::printf("%-14s %s\n", name.c_str(), figure(value).c_str());
    if (judged)
      std::printf("%-14s FD-classifier, weights %s, %lld samples\n", "judge",
                  options.measure.judge->weights().c_str(), static_cast<long long>(o.drawn));
  }
  return 0;
}
}  // namespace

void add_evaluate(Program& program) {
  static Options o;
  CLI::App* app = program.command(
      "evaluate", "measure a trained run",
      {"Prints figures of a run on a split, in nats per sample: elbo is at most 0 and larger is "
       "better; rate, distortion and nll are positive, and elbo = -(rate + distortion). nll is "
       "estimated by importance sampling. fd is the Frechet distance of samples from the split in "
       "a "
       "classifier's features; label_accuracy is the share of samples that are of the class they "
       "were asked for, purity the same for codes that training found. The run is not changed.",
       {{"imago evaluate RUN", "what training reports, on the test split"},
        {"imago evaluate RUN --metrics elbo,nll --samples 1000 --limit 1000 --json",
         "for a script"},
        {"imago evaluate RUN --metrics fd --judge runs/classifier-fashion-mnist-s0",
         "by a run of `imago train classifier`"},
        {"imago evaluate RUN --data other.npy", "on other data"}}},
      &o, run);
  add_run_options(app, &o.run);
  app->add_option("--data", o.data, "data set (imago list) or path; default: the run's own")
      ->type_name("NAME|PATH");
  app->add_option("--resize", o.resize, "of a folder's images; default: the run's")
      ->type_name("N|HxW");
  app->add_option(
         "--metrics", o.metrics,
         "elbo, rate, distortion, iwae, nll, mse, fd or others that the model has, separated by "
         "commas [what training reports]")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("NAMES");
  app->add_option("--split", o.split, "train, valid or test")
      ->capture_default_str()
      ->type_name("NAME");
  add_integer(app, "--samples", &o.samples, "importance samples of nll [1000]", 1, 100000);
  app->add_option("--judge", o.judge,
                  "run of a classifier: its features for fd, its labels [the run's option judge]")
      ->type_name("RUN");
  add_integer(app, "--drawn", &o.drawn, "samples of fd, label_accuracy and purity [10000]", 2,
              10000000);
  add_integer(app, "--limit", &o.limit, "the first N of the split; 0: all [0]", 0, INT64_MAX);
  add_integer(app, "--seed", &o.seed, "of the noise [0]", 0, INT64_MAX);
  app->add_flag("--json", o.json, "one JSON object, metric names as keys");
}

}  // namespace imago::tool
