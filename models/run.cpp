#include "models/run.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "engine/data/generated.h"
#include "engine/io/file.h"
#include "engine/optim/stored.h"
#include "engine/train/checkpoint.h"
#include "engine/train/json.h"
#include "engine/train/run_directory.h"
#include "models/measures/feature_figures.h"
#include "models/measures/judge.h"
#include "models/measures/sample_figures.h"
#include "models/presets.h"

namespace imago::models {

using training::OptionGroup, training::RunDirectory, training::RunFiles;
using Json = nlohmann::ordered_json;

namespace {

std::string read_text(const std::string& path, const char* kind) {
  const io::Bytes bytes = io::read_file(path, kind);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A fault of a file the user did not write is not his usage.
template <class F>
auto as_data(const std::string& path, const F& f) {
  try {
    return f();
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::usage) throw;
    Error::Parts parts = e.parts();
    if (parts.where.empty()) parts.where = path;
    throw Error(ErrorKind::data, parts);
  }
}

// The part of a configuration that a checkpoint carries.
std::string lasting(const Config& c) { return c.json({OptionGroup::model, OptionGroup::training}); }

std::string data_json(const data::DataSet& d) {
  Json object = {{"fingerprint", d.fingerprint},
                 {"sample_shape", d.sample_shape.dims()},
                 {"kind", d.kind == data::Kind::image ? "image" : "vector"},
                 {"levels", d.levels},
                 {"classes", d.classes},
                 {"name", d.name}};
  return object.dump();
}
DataInfo info_of(const training::Checkpoint& c, const std::string& path) {
  try {
    const Json object = Json::parse(c.data);
    const Json &sizes = object.at("sample_shape"), &classes = object.at("classes"),
               &levels = object.at("levels");
    if (sizes.is_array() && std::all_of(sizes.begin(), sizes.end(), training::is_int64<Json>) &&
        training::is_int64(classes) && training::is_int64(levels) && levels >= 0 && levels <= 256 &&
        classes >= 0)
      return {Shape(sizes.get<std::vector<Index>>()),
              object.at("kind") == "image" ? data::Kind::image : data::Kind::vector,
              levels.get<int>(), classes.get<Index>(), object.at("name").get<std::string>()};
  } catch (const Json::exception&) {
  }
  throw Error(ErrorKind::data, {"the metadata do not tell what the data were", path,
                                "\"sample_shape\": [...], kind, levels, classes, name", c.data});
}

data::DataSet load_data(const Config& c, const std::string& name, Device device,
                        const std::string& resize) {
  if (name.empty())
    throw Error(ErrorKind::usage, {"no data set", "option 'data'", "a name or a path", "none",
                                   "give --data NAME|PATH; `imago list` names the sets"});
  const bool own = name == c.text("data");
  return data::load(name, {.dir = c.text("data_dir"),
                           .valid = own ? c.integer("valid") : 0,
                           .seed = std::uint64_t(c.integer("seed")),
                           .binarize = data::binarize_from(c.text("binarize")),
                           .resize = data::resize_from(resize),
                           .device = device});
}

// A model on a device, its weights drawn from the seed, and the generator it trains with.
struct Built {
  Built(const Config& config, const DataInfo& info, Device device)
      : generator{std::uint64_t(config.integer("seed")), 0},
        initial{generator.seed, initial_draws},
        task(preset(config.text("preset"))
                 .make(config, info, nn::Init{initial, device}, generator)) {}
  Generator generator, initial;
  std::unique_ptr<GenerativeTask> task;
};

// Of a settled configuration, but for what depends on this.
Index steps_of(const Config& c, const data::DataSet& data) {
  if (c.integer("steps") > 0) return c.integer("steps");
  const Index rows = data.train.size(), batch = c.integer("batch"), rest = rows % batch;
  // A last batch that is too small for the model is left out (engine/train/trainer.cpp).
  const bool part =
      rest > 0 &&
      (rows < batch || rest >= Built(c, models::info_of(data), {}).task->smallest_batch());
  return c.integer("epochs") * (rows / batch + (part ? 1 : 0));
}

// The learning rate of a run whose end has come is 0: more steps would change nothing.
void refuse_dead_steps(const Config& its, const Config& asked, const data::DataSet& data) {
  const double end = its.real("lr_decay");
  if (end == 0 || double(steps_of(its, data)) > end || double(steps_of(asked, data)) <= end) return;
  throw Error(ErrorKind::usage, {"the learning rate has fallen to 0 by then", "--resume",
                                 concat("at most ", end, " steps, as lr_decay says"),
                                 concat(steps_of(asked, data), " steps"),
                                 "begin a longer run with --out, or one with --set lr_decay=0"});
}

bool is_file(const std::string& source) {
  return source.find('/') != std::string::npos ||
         (source.size() > 5 && source.compare(source.size() - 5, 5, ".json") == 0);
}

// runs/PRESET-DATA-sSEED.
std::string run_directory(const std::string& preset, std::string data, std::int64_t seed) {
  if (data.find_first_of("/.") != std::string::npos)
    data = std::filesystem::path(data + "/").parent_path().stem().string();
  for (char& ch : data)
    if (ch == ':' || ch == '/') ch = '-';
  return concat("runs/", preset, "-", data.empty() ? "data" : data, "-s", seed);
}
std::string default_out(const Config& c) {
  return run_directory(c.text("preset"), c.text("data"), c.integer("seed"));
}

void apply(Config& c, const std::string& json, const std::string& where,
           const training::Settings& settings) {
  if (!json.empty()) c.merge_json(json, where);
  for (const auto& [key, text] : settings) {
    c.set_text(key, text, "the command line");
    if (key == "epochs") c.set("steps", std::int64_t(0));  // the last of the two wins
  }
}

// A run that goes on keeps its model and its training.
void refuse_differences(const Config& its, const Config& asked) {
  std::string names, was, is;
  int count = 0;
  for (const training::Option& o : asked.options()) {
    const training::Value& value = its.option(o.name).value;
    if (o.group == OptionGroup::run || o.value == value) continue;
    const char* comma = count++ ? ", " : "";
    names += concat(comma, "'", o.name, "'");
    was += concat(comma, o.name, "=", training::to_text(value));
    is += concat(comma, o.name, "=", training::to_text(o.value));
  }
  if (count == 0) return;
  throw Error(ErrorKind::usage,
              {concat(count > 1 ? "options " : "option ", names,
                      count > 1 ? " differ from the run's" : " differs from the run's"),
               "--resume", was, is,
               concat("leave ", count > 1 ? "them as they were" : "it as it was",
                      ", or begin another run with --out or --overwrite")});
}

void refuse_other_data(const std::string& was, const data::DataSet& d, const std::string& where,
                       const char* remedy) {
  if (const std::string is = data_json(d); is != was)
    throw Error(ErrorKind::data,
                {"the data are not those the run began with", where, was, is, remedy});
}

struct Prepared {
  Resolved resolved;
  data::DataSet data;
  Device device;
  bool resuming = false;
};

Prepared prepare(const TrainRequest& request) {
  if (request.resume && request.overwrite)
    throw Error(ErrorKind::usage,
                {"--resume and --overwrite exclude each other", {}, "one of them", "both"});
  std::string file_text, name = request.source;
  if (is_file(request.source)) {
    if (!io::exists(request.source))
      throw Error(ErrorKind::data, {"no such configuration",
                                    request.source,
                                    "a preset's name or a .json file",
                                    {},
                                    "see `imago list`"});
    file_text = read_text(request.source, "configuration");
    name = training::json_string(file_text, "preset", request.source);
    if (name.empty())
      throw Error(ErrorKind::usage, {"the configuration names no preset", request.source,
                                     "\"preset\": \"vae\" or another", "none"});
  }
  const Preset& chosen = preset(name, file_text.empty() ? std::string() : request.source);
  Config config(chosen.options);
  apply(config, file_text, request.source, request.settings);

  Prepared p;
  p.resolved.preset = name;
  p.resolved.out = request.out.empty() ? default_out(config) : request.out;
  const RunFiles files(p.resolved.out);
  std::optional<training::Checkpoint> last;
  std::optional<Config> base;  // the run's own, where one goes on
  if (request.resume && RunFiles(p.resolved.out).hold_run()) {
    // The run's own options first, so that only what changes has to be said again.
    base.emplace(chosen.options);
    if (io::exists(files.config())) {
      const std::string text = read_text(files.config(), "configuration");
      const std::string its = as_data(
          files.config(), [&] { return training::json_string(text, "preset", files.config()); });
      if (its != name)
        throw Error(ErrorKind::usage, {"the run is of another preset", "--resume", its, name,
                                       "begin another run with --out or --overwrite"});
      as_data(files.config(), [&] { base->merge_json(text, files.config()); });
    }
    if (io::exists(files.last())) {
      last = training::read_checkpoint(files.last());
      as_data(files.last(), [&] { base->merge_json(last->config, files.last()); });
      p.resuming = true;
    }
    config = *base;
    apply(config, file_text, request.source, request.settings);
    if (last) {
      // What the run has settled is what "auto" means.
      for (const training::Option& o : base->options())
        if (config.option(o.name).value == training::Value(std::string("auto")))
          config.set(o.name, o.value);
      refuse_differences(*base, config);
    }
  }
  p.device = device_from(config.text("device"));
  p.data = load_data(config, config.text("data"), p.device, config.text("resize"));
  if (last)
    refuse_other_data(last->data, p.data, config.text("data"),
                      "give those with --data, or begin another run with --out");
  if (!base && p.data.kind == data::Kind::vector) {
    config = defaults(chosen, p.data.kind);
    apply(config, file_text, request.source, request.settings);
  }
  if (!p.data.density.empty() && !chosen.densities)
    throw Error(ErrorKind::usage,
                {"the data are a density, of which there are no samples", config.text("data"),
                 "samples, as of sampler:" + p.data.density, name, "or train implicit-vi on it"});
  chosen.settle(config, models::info_of(p.data));
  if (config.is_word("lr_decay")) config.set("lr_decay", double(steps_of(config, p.data)));
  if (chosen.settle_steps) chosen.settle_steps(config, steps_of(config, p.data));
  if (p.resuming) refuse_dead_steps(*base, config, p.data);
  p.resolved.config = std::move(config);
  return p;
}

}  // namespace

std::string Resolved::json() const { return config.json(); }

// What only the networks and the judge can tell of a configuration.
std::shared_ptr<const Judge> checked_judge(const Config& config, const data::DataSet& data) {
  if (!config.has("judge") || config.text("judge").empty()) return {};
  auto judge = Judge::open(config.text("judge"), config.text("device"));
  judge->check(models::info_of(data));
  return judge;
}

// What cannot be measured is told before training, not where it is first measured.
void check_measurable(const std::string& metric, const std::string& where,
                      const data::DataSet& data) {
  for (const auto& [name, split] : {std::pair{"valid", &data.valid}, std::pair{"test", &data.test}})
    if (*split && split->size() < rows_needed(metric))
      throw Error(ErrorKind::usage,
                  {concat("too few samples for the metric '", metric, "'"), where,
                   concat("at least ", rows_needed(metric), " in the ", name, " split"),
                   concat(split->size()), "give more, or another metric"});
}
// What chooses the best checkpoint.
void set_best(GenerativeTask& task, const Config& config, const data::DataSet& data, bool judged) {
  const std::string& metric = config.text("best");
  if (judged && task.generates()) check_measurable("fd", "option 'judge'", data);
  if (metric == "auto") return;
  task.set_best(metric);
  check_measurable(metric, "option 'best'", data);
  if ((metric == "label_accuracy" || metric == "purity") && !judged &&
      data::mixture(data.name).means.empty())
    throw Error(ErrorKind::usage, {"the metric needs a judge", "option 'best'",
                                   "a run of `imago train classifier` on these data", "none",
                                   "give it with --set judge=RUN"});
  if (!data.valid)
    throw Error(ErrorKind::usage, {"nothing to choose the best checkpoint on", "option 'best'",
                                   "a valid split", "none", "hold one out with --set valid=N"});
}

std::string recipe_judge(const std::string& data) {
  const std::string directory = run_directory("classifier", data, 0);
  return io::exists(directory + "/config.json") ? directory : "";
}

Resolved resolve(const TrainRequest& request) {
  Prepared p = prepare(request);
  const Built built(p.resolved.config, models::info_of(p.data), p.device);
  const auto judge = checked_judge(p.resolved.config, p.data);
  if (judge) built.task->set_judge(judge);
  set_best(*built.task, p.resolved.config, p.data, judge != nullptr);
  return std::move(p.resolved);
}

Outcome train(const TrainRequest& request, const Hooks& hooks) {
  const Prepared p = prepare(request);
  const Config& config = p.resolved.config;
  Built built(config, models::info_of(p.data), p.device);
  training::Trainer trainer(*built.task, p.data, config, built.generator, p.device);
  trainer.describe(lasting(config), data_json(p.data));
  const std::shared_ptr<const Judge> judge = checked_judge(config, p.data);
  if (judge) built.task->set_judge(judge);
  set_best(*built.task, config, p.data, judge != nullptr);

  const bool resume = request.resume && RunFiles(p.resolved.out).hold_run();
  RunDirectory directory(p.resolved.out, resume              ? training::Existing::resume
                                         : request.overwrite ? training::Existing::overwrite
                                                             : training::Existing::refuse);
  try {
    std::optional<training::Checkpoint> from;
    if (request.resume && io::exists(directory.last()) != p.resuming)
      throw Error(ErrorKind::data, {"another process changed the run before it was locked",
                                    directory.last(), p.resuming ? "a checkpoint" : "none yet",
                                    p.resuming ? "none" : "a checkpoint", "start again"});
    if (p.resuming) from = training::read_checkpoint(directory.last());
    if (request.resume && !from) {
      const std::string text = "no checkpoint to resume from; starting at step 0";
      directory.append_log(text);
      if (hooks.message) hooks.message(text);
    }
    if (judge)
      directory.append_log(concat("judge ", config.text("judge"), ", weights ", judge->weights()));
    return trainer.run(directory, p.resolved.json(), hooks, from ? &*from : nullptr);
  } catch (...) {
    // One that failed before it had anything to show must not stand in the way of the next.
    directory.discard();
    throw;
  }
}

struct Run::State {
  Config config;
  std::string path;
  Device device;
  Index step = 0;
  DataInfo info;
  std::string trained_on;  // what the checkpoint tells of its data
  std::unique_ptr<Built> built;
  mutable std::map<std::pair<std::string, std::string>, data::DataSet> data;  // name and resize
};

Run::Run(std::unique_ptr<State> state) : state_(std::move(state)) {}
Run::~Run() = default;
Run::Run(Run&&) noexcept = default;

namespace {
[[noreturn]] void missing(const std::string& directory, const std::string& what,
                          const std::string& where, const std::string& expected) {
  throw Error(ErrorKind::data,
              {what, where, expected, "none",
               "train one with `imago train PRESET --data NAME --out " + directory + "`"});
}
void check_run(const std::string& directory) {
  if (!io::is_directory(directory)) missing(directory, "no such run", directory, "a run directory");
  if (!io::exists(RunFiles(directory).config()))
    missing(directory, "the directory holds no run", directory, "config.json");
}
}  // namespace

Config read_config(const std::string& directory) {
  check_run(directory);
  const std::string file = RunFiles(directory).config();
  return as_data(file, [&] {
    const std::string text = read_text(file, "configuration");
    Config config(models::preset(training::json_string(text, "preset", file)).options);
    config.merge_json(text, file);
    return config;
  });
}

Run Run::open(const std::string& directory, const std::string& device,
              const std::string& checkpoint) {
  check_run(directory);
  const RunFiles files(directory);
  std::string own = io::exists(files.best()) && checkpoint != "last" ? files.best() : files.last();
  std::string weights = checkpoint == "best" || checkpoint == "last" ? own : checkpoint;
  const auto must_exist = [&](const std::string& file) {
    if (!io::exists(file)) missing(directory, "the run has no checkpoint", file, "a checkpoint");
  };
  if (weights != own && !io::exists(weights))
    throw Error(ErrorKind::data,
                {"no such checkpoint", weights, "best, last, or a safetensors file", "none",
                 "files of this run: " + own});
  must_exist(weights);
  // Weights that another program wrote say nothing of the model: then the run's own checkpoint
  // does.
  const bool foreign = weights != own && training::holds_weights_only(weights);
  if (!foreign) own = weights;
  must_exist(own);

  auto s = std::make_unique<State>();
  s->path = directory;
  s->device = device_from(device);
  training::Checkpoint c = training::read_checkpoint(own);
  if (foreign) {
    c.model = training::read_weights(weights);
    c.optimizer.clear();
  }
  s->config = read_config(directory);
  as_data(weights, [&] {
    s->config.merge_json(c.config, own);
    s->info = info_of(c, own);
    s->built = std::make_unique<Built>(s->config, s->info, s->device);
    s->built->task->model().load_state_dict(c.model, weights);
  });
  for (const Parameter& average : training::averaged(c))
    for (const Parameter& p : s->built->task->model().parameters())
      if (p.name == average.name) load_stored(p.value, average.value);
  s->built->task->model().eval();
  s->step = c.step;
  s->trained_on = c.data;
  return Run(std::move(s));
}

const std::string& Run::preset() const { return state_->config.text("preset"); }
const Config& Run::config() const { return state_->config; }
Index Run::step() const { return state_->step; }
std::string Run::networks() const { return state_->built->task->describe(); }
GenerativeTask& Run::task() const { return *state_->built->task; }
const Shape& Run::sample_shape() const { return state_->info.sample_shape; }

const data::DataSet& Run::data(const std::string& name, const std::string& resize) const {
  const std::string &own = state_->config.text("data"), &set = name.empty() ? own : name;
  // The run's size is for the run's data and for folders; other data are as they are.
  const bool as_run = resize.empty() && (set == own || data::is_image_folder(set));
  const std::pair key{set, as_run ? state_->config.text("resize") : resize};
  const auto checked = [&](const data::DataSet& d) -> const data::DataSet& {
    if (name.empty())
      refuse_other_data(state_->trained_on, d, set,
                        "bring those back; `imago evaluate --data` measures on others");
    return d;
  };
  const auto found = state_->data.find(key);
  if (found != state_->data.end()) return checked(found->second);
  data::DataSet loaded = load_data(state_->config, set, state_->device, key.second);
  if (loaded.sample_shape != state_->info.sample_shape)
    throw Error(ErrorKind::data, {"the data are of another shape than the run's", set,
                                  concat("samples of ", state_->info.sample_shape),
                                  concat("samples of ", loaded.sample_shape)});
  Config fitting = state_->config;  // its likelihood has to fit these data as well
  models::preset(preset()).settle(fitting, models::info_of(loaded));
  return checked(state_->data.emplace(key, std::move(loaded)).first->second);
}

const data::Split& Run::split(const std::string& name, const std::string& of,
                              const std::string& resize) const {
  const data::DataSet& set = data(of, resize);
  if (name == "train") return set.train;
  if (name == "valid") return set.valid;
  if (name == "test") return set.test;
  throw Error(ErrorKind::usage, {"unknown split", {}, "train, valid or test", name});
}

Picture Run::sample(const SampleOptions& o) const { return state_->built->task->sample(o); }
Picture Run::reconstruct(Index n, const std::string& split) const {
  return state_->built->task->reconstruct(data(), this->split(split), n);
}
Picture Run::interpolate(const InterpolateOptions& o) const {
  return state_->built->task->interpolate(data(), data().test, o.rows, o.columns);
}
std::vector<std::string> Run::metric_names() const { return all_metrics(task()); }
Picture Run::traverse(const TraverseOptions& o) const {
  return state_->built->task->traverse(o, data(), data().test);
}
Figures Run::evaluate(const EvaluateOptions& o) const {
  return all_figures(task(), data(o.data, o.resize), split(o.split, o.data, o.resize), o.measure);
}

}  // namespace imago::models
