// imago evaluate: figures of a trained run on a split, for people or as one JSON object.
#include "tools/imago/evaluate.h"

#include <algorithm>
#include <chrono>
#include <iostream>

#include "models/measures/feature_figures.h"
#include "models/measures/frechet.h"
#include "models/measures/inception.h"
#include "models/measures/judge.h"
#include "models/run.h"

namespace imago::tool {

std::vector<std::string> plain_metrics(const std::vector<std::string>& asked) {
  std::vector<std::string> names;
  for (const std::string& m : asked) {
    if (m == "prdc")
      names.insert(names.end(), {"precision", "recall", "density", "coverage"});
    else
      names.push_back(m == "fid" ? "fd" : m);
  }
  return names;
}
bool asks(const EvaluateCommand& o, const std::string& metric) {
  return std::find(o.metrics.begin(), o.metrics.end(), metric) != o.metrics.end();
}

nlohmann::ordered_json json_of(const EvaluateCommand& o, const training::Figures& figures) {
  nlohmann::ordered_json object;
  const std::vector<std::string> four = plain_metrics({"prdc"});
  for (const auto& [name, value] : figures) {
    if (name == "modes_covered" || name == "modes_total")
      object["modes"][name.substr(6)] = std::int64_t(value);
    else if (name == "high_quality")
      object["modes"][name] = value;
    else if (asks(o, "prdc") && std::find(four.begin(), four.end(), name) != four.end())
      object["prdc"][name] = value;
    else
      object[name == "fd" && asks(o, "fid") ? "fid" : name] = value;
  }
  return object;
}

std::shared_ptr<const models::FeatureNetwork> network_of(const EvaluateCommand& o) {
  if (!o.weights.empty())
    return models::open_inception({.weights = o.weights,
                                   .pipeline = models::pipeline_from(o.pipeline),
                                   .count = o.count,
                                   .bias = o.bias,
                                   .device = o.run.device});
  const std::string judge = o.judge.empty() ? models::recipe_judge(o.data) : o.judge;
  return judge.empty() ? nullptr : models::Judge::open(judge, o.run.device);
}
void add_network(nlohmann::ordered_json& object, const models::FeatureNetwork& network) {
  object["label"] = network.label();
  object["weights"] = network.weights();
  object["features"] = network.feature_count();
  if (!network.pipeline().empty()) object["pipeline"] = network.pipeline();
}
std::string network_line(const models::FeatureNetwork& network) {
  return concat(network.label(), ", ", network.feature_count(), " features, weights ",
                network.weights().substr(0, 16),
                network.pipeline().empty() ? "" : ", resized as " + network.pipeline());
}

void add_details(nlohmann::ordered_json& object, const EvaluateCommand& o,
                 const training::Figures& figures, const Notes& notes) {
  if (training::has_figure(figures, "fd")) {
    object["ddof"] = models::frechet_tool(o.frechet).moments.ddof;
    if (o.frechet != "imago") object["frechet"] = o.frechet;
  }
  if (training::has_figure(figures, "kid")) object["subset"] = o.subset;
  if (training::has_figure(figures, "is")) {
    object["splits"] = o.splits;
    if (!o.weights.empty()) object["bias"] = o.bias;
  }
  for (const auto& [key, text] : notes) object[key] = nlohmann::ordered_json::parse(text);
}
std::string details(const EvaluateCommand& o, const training::Figures& figures,
                    const std::string& method, const Notes& notes) {
  std::string s;
  if (training::has_figure(figures, "fd")) {
    s += concat(", ddof ", models::frechet_tool(o.frechet).moments.ddof, ", ", method);
    if (o.frechet != "imago" && o.frechet != "products") s += " as " + o.frechet;
  }
  if (training::has_figure(figures, "kid")) s += concat(", subsets of ", o.subset);
  if (training::has_figure(figures, "is"))
    s += concat(", ", o.splits, o.splits == 1 ? " split" : " splits",
                o.weights.empty() ? ""
                : o.bias          ? " with bias"
                                  : " without bias");
  for (const auto& [key, text] : notes) s += concat(", ", key, " ", text);
  return s;
}

std::function<void(double)> Progress::hook() {
  if (!status_.enabled()) return {};
  return [this](double share) {
    const auto now = std::chrono::steady_clock::now();
    if (share < share_) begin_ = now;  // of the next thing that is measured
    share_ = share;
    const double seconds = std::chrono::duration<double>(now - begin_).count();
    const bool known = share > 0 && seconds > 1;
    status_.show(
        concat("evaluating ", int(100 * share), "%",
               known ? concat(", ", duration(seconds * (1 - share) / share), " left") : ""));
  };
}

namespace {

bool is_of_samples(const std::string& metric) {
  return models::is_feature_metric(metric) || metric == "label_accuracy" || metric == "purity";
}
// The one asked for, or the run's own or the recipe's where a figure may want it.
std::shared_ptr<const models::Judge> judge(const EvaluateCommand& o, const models::Run& run) {
  std::string directory = o.judge;
  const auto names = plain_metrics(o.metrics);
  const bool asked = std::any_of(names.begin(), names.end(), is_of_samples);
  if (directory.empty() && run.config().has("judge") && (names.empty() || asked))
    directory = run.config().text("judge");
  if (directory.empty() && asked && o.weights.empty() && run.sample_shape().rank() > 1)
    directory = models::recipe_judge(o.data.empty() ? run.config().text("data") : o.data);
  return directory.empty() ? nullptr : models::Judge::open(directory, o.run.device);
}

void check_options(const EvaluateCommand& o, const CLI::App& app) {
  const auto refuse = [&](const char* option, const char* without) {
    if (app.get_option(option)->count() > 0)
      throw Error(ErrorKind::usage, {"the option says nothing here", option,
                                     concat("it with ", without), "it without"});
  };
  const auto metrics = plain_metrics(o.metrics);
  const auto asked = [&](const char* metric) {
    return std::find(metrics.begin(), metrics.end(), metric) != metrics.end();
  };
  if (!metrics.empty() && !asked("fd")) refuse("--frechet", "--metrics fid");
  if (!asked("kid")) refuse("--subset", "--metrics kid");
  if (!asked("is"))
    for (const char* option : {"--splits", "--bias"}) refuse(option, "--metrics is");
  if (!asked("ais"))
    for (const char* option : {"--chains", "--temperatures"}) refuse(option, "--metrics ais");
  if (o.weights.empty()) {
    refuse("--pipeline", "--weights");
    refuse("--dims", "--weights");
    refuse("--bias", "--weights");
  }
  if (is_of_samples_alone(o)) {
    const auto refuse_with = [&](const char* option, const char* with) {
      if (app.get_option(option)->count() > 0)
        throw Error(ErrorKind::usage,
                    {"the option says nothing here", option, concat("it without ", with), "both",
                     "leave one of the two out"});
    };
    for (const char* option :
         {"--drawn", "--samples", "--chains", "--temperatures", "--checkpoint"})
      refuse(option, "a run");
    if (!o.features.empty())
      for (const char* option :
           {"--judge", "--weights", "--resize", "--split", "--limit", "--cache"})
        refuse_with(option, "--features");
    else if (!o.weights.empty())
      refuse_with("--judge", "--weights");
    if (!o.reference.empty())
      for (const char* option : {"--data", "--split", "--cache"})
        refuse_with(option, "--reference");
    else if (o.split == "all")
      refuse_with("--cache", "--split all");
  }
  models::pipeline_from(o.pipeline);
  models::frechet_tool(o.frechet);
  const auto& counts = models::Inception::feature_counts();
  if (std::find(counts.begin(), counts.end(), o.count) == counts.end())
    throw Error(ErrorKind::usage, {"Inception has no such features", "--dims",
                                   "64, 192, 768 or 2048", concat(o.count)});
}

int evaluate_run(const EvaluateCommand& o) {
  const models::Run trained = models::Run::open(o.run.run, o.run.device, o.run.checkpoint);
  Progress progress;
  models::EvaluateOptions options;
  options.measure.metrics = plain_metrics(o.metrics);
  options.data = o.data;
  options.resize = o.resize;
  options.split = o.split;
  options.measure.seed = std::uint64_t(o.seed);
  options.measure.samples = o.samples;
  options.measure.chains = o.chains;
  options.measure.temperatures = o.temperatures;
  options.measure.drawn = o.drawn;
  options.measure.judge = judge(o, trained);
  if (!o.weights.empty()) options.measure.network = network_of(o);
  options.measure.reference = o.reference;
  options.measure.cache = o.cache;
  options.measure.features = o.of_features();
  options.measure.limit = o.limit;
  options.measure.stop = [] { return caught_signal() != 0; };
  options.measure.progress = progress.hook();
  std::string method, reference_n;
  Notes notes;
  options.measure.note = [&](const std::string& key, const std::string& text) {
    if (key == "method")
      method = text;
    else if (key == "reference_n")
      reference_n = text;
    else
      notes.emplace_back(key, text);
  };
  const models::Figures figures = trained.evaluate(options);
  progress.clear();
  if (caught_signal()) return 128 + caught_signal();

  const data::DataSet& set = trained.data(o.data, o.resize);
  const Index rows = trained.split(o.split, o.data, o.resize).size();
  const Index n = o.limit ? std::min<Index>(o.limit, rows) : rows;
  const auto any = [&](const auto& is) {
    return std::any_of(figures.begin(), figures.end(), [&](const auto& f) { return is(f.first); });
  };
  const bool drawn = any(is_of_samples), looked = any(models::is_feature_metric),
             judged = drawn && options.measure.judge;
  const models::FeatureNetwork* network =
      options.measure.network ? options.measure.network.get() : options.measure.judge.get();
  if (o.json) {
    nlohmann::ordered_json object = json_of(o, figures);
    if (looked)
      add_network(object, *network);
    else if (judged)
      object["weights"] = options.measure.judge->weights();
    if (judged && options.measure.network) object["judge"] = options.measure.judge->weights();
    if (drawn) object["drawn"] = o.drawn;
    object["n"] = n;
    object["data"] = set.name;
    object["split"] = o.split;
    if (looked && !o.reference.empty()) object["reference"] = o.reference;
    if (!reference_n.empty()) object["reference_n"] = std::stoll(reference_n);
    add_details(object, o, figures, notes);
    object["step"] = trained.step();
    if (training::has_figure(figures, "nll")) object["samples"] = o.samples;
    if (training::has_figure(figures, "ais")) {
      object["chains"] = o.chains;
      object["temperatures"] = o.temperatures;
    }
    if (training::has_figure(figures, "nll"))
      object["method"] = "importance sampling" + (method.empty() ? "" : "; fd: " + method);
    else if (!method.empty())
      object["method"] = method;
    std::cout << object.dump() << "\n";
  } else {
    std::cout << set.name << " " << o.split << ", " << n << " samples, step " << trained.step()
              << "\n";
    for (const auto& [name, value] : figures)
      std::printf("%-14s %s\n", name.c_str(), figure(value).c_str());
    if (training::has_figure(figures, "nll"))
      std::printf("%-14s %lld, importance, of nll\n", "samples", static_cast<long long>(o.samples));
    if (training::has_figure(figures, "ais"))
      std::printf("%-14s %lld, of %lld temperatures, of ais\n", "chains",
                  static_cast<long long>(o.chains), static_cast<long long>(o.temperatures));
    if (looked)
      std::printf("%-14s %s, %lld samples%s%s\n", "features", network_line(*network).c_str(),
                  static_cast<long long>(o.drawn),
                  o.reference.empty() ? ""
                  : reference_n.empty()
                      ? (" against " + o.reference).c_str()
                      : (" against " + reference_n + " of " + o.reference).c_str(),
                  details(o, figures, method, notes).c_str());
    if (judged && (!looked || options.measure.network))
      std::printf("%-14s weights %s, %lld samples\n", "judge",
                  options.measure.judge->weights().c_str(), static_cast<long long>(o.drawn));
  }
  return 0;
}

const CLI::App* command = nullptr;

int run(const EvaluateCommand& o) {
  check_options(o, *command);
  catch_signals();
  if (o.run.run.empty() && o.features.empty())
    throw Error(ErrorKind::usage,
                {"missing argument", "imago evaluate", "imago evaluate RUN|IMAGES [OPTIONS]",
                 "no RUN|IMAGES", "see `imago evaluate --help`"});
  return is_of_samples_alone(o) ? evaluate_samples(o) : evaluate_run(o);
}
}  // namespace

void add_evaluate(Program& program) {
  static EvaluateCommand o;
  CLI::App* app = program.command(
      "evaluate", "measure a trained run",
      {"Prints figures of a run on a split, in nats per sample: elbo is at most 0 and larger is "
       "better; rate, distortion and nll are positive, and elbo = -(rate + distortion). nll is "
       "estimated by importance sampling. Samples, of a run or images that any program made, are "
       "compared with the split by the features of a network, --judge or --weights: fid (or fd) is "
       "the Frechet distance, and is called FID only with the published weights of Inception; kid "
       "the kernel distance; prdc is precision, recall, density and coverage; is the inception "
       "score of the samples alone. label_accuracy is the share of samples that are of the class "
       "they were asked for, purity the same for codes that training found. The run is not "
       "changed.",
       {{"imago evaluate RUN", "what training reports, on the test split"},
        {"imago evaluate RUN --metrics elbo,nll --samples 1000 --limit 1000 --json",
         "for a script"},
        {"imago evaluate RUN --metrics fd --judge runs/classifier-fashion-mnist-s0",
         "by a run of `imago train classifier`"},
        {"imago evaluate IMAGES --data cifar10 --metrics fid,kid --weights inception.pth",
         "a folder of images, by Inception-v3"},
        {"imago evaluate --features a.npy --reference b.npz --metrics fid",
         "features, against others or mu and sigma"},
        {"imago evaluate RUN --data other.npy", "on other data"}}},
      &o, run);
  add_run_options(app, &o.run, "RUN|IMAGES");
  command = app;
  app->add_option("--data", o.data, "data set (imago list) or path; default: the run's own")
      ->type_name("NAME|PATH");
  app->add_option("--resize", o.resize, "of a folder's images; default: the run's")
      ->type_name("N|HxW");
  app->add_option("--metrics", o.metrics,
                  "elbo, rate, distortion, iwae, nll, mse, fid, kid, is, prdc, mmd, sinkhorn, "
                  "sliced or others that the model has, "
                  "separated by commas [what training reports; of images fd]")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("NAMES");
  app->add_option("--split", o.split,
                  "train, valid or test; all: of data that images are compared with")
      ->capture_default_str()
      ->type_name("NAME");
  add_integer(app, "--samples", &o.samples, "importance samples of nll [1000]", 1, 100000);
  add_integer(app, "--chains", &o.chains, "chains of ais, for each x [16]", 1, 100000);
  add_integer(app, "--temperatures", &o.temperatures, "temperatures of ais [1000]", 1, 10000000);
  app->add_option("--judge", o.judge,
                  "run of a classifier: its features, its labels [the run's option judge, or "
                  "runs/classifier-DATA-s0]")
      ->type_name("RUN");
  app->add_option("--weights", o.weights,
                  "weights of Inception-v3, for its features: PyTorch's .pth or safetensors")
      ->type_name("FILE");
  app->add_option("--pipeline", o.pipeline,
                  "how images become Inception's input: torch-fidelity (as TensorFlow 1), "
                  "pytorch-fid or clean-fid")
      ->capture_default_str()
      ->type_name("NAME");
  add_integer(app, "--dims", &o.count, "features of Inception: 64, 192, 768 or 2048 [2048]", 1,
              2048);
  app->add_option("--features", o.features,
                  "measure these features instead of samples: .npy or .npz [n, features]")
      ->type_name("FILE");
  app->add_option("--reference", o.reference,
                  "compare with these features, or with mu and sigma in an .npz, instead of with "
                  "the data's")
      ->type_name("FILE");
  app->add_option("--cache", o.cache, "folder that keeps mu and sigma of data for the next time")
      ->type_name("DIR");
  app->add_option("--frechet", o.frechet,
                  "fid as imago takes it, by products (of matrices alone), or as pytorch-fid, "
                  "clean-fid, torch-fidelity or nvlabs do")
      ->capture_default_str()
      ->type_name("NAME");
  add_integer(app, "--splits", &o.splits, "splits of is [10]", 1, 10000000);
  app->add_flag("--bias", o.bias, "is of Inception's logits with the bias of its last layer");
  add_integer(app, "--subset", &o.subset, "samples in each of kid's 100 subsets [1000]", 2,
              10000000);
  add_integer(app, "--drawn", &o.drawn, "samples that are drawn to be measured [10000]", 2,
              10000000);
  add_integer(app, "--limit", &o.limit, "the first N of the split; 0: all [0]", 0, INT64_MAX);
  add_integer(app, "--seed", &o.seed, "of the noise [0]", 0, INT64_MAX);
  app->add_flag("--json", o.json, "one JSON object, metric names as keys");
}

}  // namespace imago::tool
