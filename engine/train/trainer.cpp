#include "engine/train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "engine/core/allocator.h"
#include "engine/io/file.h"
#include "engine/io/tfevents.h"
#include "engine/ops/index.h"
#include "engine/ops/layout.h"
#include "engine/optim/schedule.h"
#include "kernels/config.h"
#include "kernels/runtime.h"

namespace imago::training {

// Any run ends before, and with up to 2^32 steps an epoch no product leaves 64 bits.
constexpr double most_epochs = 1e9, most_steps = 1e15, below_one = 0.999999;

std::vector<Option> trainer_options() {
  using namespace option;
  std::vector<Option> all = in_group(
      OptionGroup::training,
      {
          text("optimizer", "adam", {"sgd", "adagrad", "rmsprop", "adam", "adamw"}, "update rule"),
          real("lr", 1e-3, {0, 1e6}, "learning rate"),
          integers("lr_milestones", {}, {1, most_epochs},
                   "epochs after which lr is multiplied by lr_factor"),
          real("lr_factor", 0.1, {0, 1}, "factor of lr at each milestone"),
          integer("warm_up", 0, {0, most_steps}, "steps over which lr rises to its value"),
          real_or_word("lr_decay", 0., {0, most_steps}, {"auto"},
                       "steps over which lr falls to 0 in a line; auto: the run's, 0: never"),
          real("momentum", 0, {0, 1}, "momentum of sgd and rmsprop"),
          real("optimism", 0, {0, 10},
               "weight of g(t) - g(t-1) added to each gradient; 1: optimistic descent")
              .from("Daskalakis et al. 2018"),
          real("beta1", 0.9, {0, below_one}, "decay of adam's first moment"),
          real("beta2", 0.999, {0, below_one}, "decay of adam's second moment"),
          real("eps", 1e-8, {0, 1}, "in the denominator of adagrad, rmsprop and adam"),
          real("weight_decay", 0, {0, 1e3}, "L2 decay; decoupled for adamw"),
          real("l1", 0, {0, 1e3}, "L1 decay"),
          real("clip_norm", 0, {0}, "largest joint norm of the gradients; 0: any"),
          real("clip_value", 0, {0}, "largest element of the gradients; 0: any"),
          real("ema", 0, {0, below_one}, "decay of averaged weights, which are then used; 0: none"),
          integer("batch", 128, {1, 1 << 20}, "rows of a step"),
          text("best", "auto", {},
               "metric that chooses the best checkpoint on the valid split; auto: the model's own"),
      });
  const std::vector<Option> loop = in_group(
      OptionGroup::run,
      {
          integer("epochs", 10, {0, most_epochs}, "passes over the training split"),
          integer("steps", 0, {0, most_steps}, "steps in all, instead of epochs; 0: by epochs"),
          integer("eval_every", 0, {0, most_steps}, "steps between evaluations; 0: an epoch"),
          integer("sample_every", 0, {0, most_steps},
                  "steps between pictures of samples; 0: an epoch"),
          integer("checkpoint_every", 0, {0, most_steps}, "steps between checkpoints; 0: an epoch"),
      });
  all.insert(all.end(), loop.begin(), loop.end());
  return all;
}

namespace {

UpdateRule rule_from(const Config& c) {
  const std::string& name = c.text("optimizer");
  if (name == "sgd") return Sgd{.momentum = c.real("momentum")};
  if (name == "adagrad") return Adagrad{.eps = c.real("eps")};
  if (name == "rmsprop") return RmsProp{.eps = c.real("eps"), .momentum = c.real("momentum")};
  return Adam{c.real("beta1"), c.real("beta2"), c.real("eps"), name == "adamw"};
}
OptimizerOptions optimizer_options(const Config& c, const Phase& phase) {
  return {.lr = c.real("lr") * phase.lr_factor,
          .weight_decay = c.real("weight_decay"),
          .l1 = c.real("l1"),
          .clip_norm = c.real("clip_norm"),
          .clip_value = c.real("clip_value"),
          .ema = phase.averaged ? c.real("ema") : 0,
          .optimism = c.real("optimism"),
          .allow_missing = phase.allow_unused};
}
Schedule schedule_from(const Config& c, Index steps_per_epoch) {
  std::vector<Index> milestones = c.integers("lr_milestones");
  for (std::size_t i = 0; i < milestones.size(); i++) {
    if (i && milestones[i] * steps_per_epoch <= milestones[i - 1])
      throw Error(ErrorKind::usage, {"lr_milestones do not rise",
                                     {},
                                     "epochs in rising order",
                                     to_text(c.integers("lr_milestones"))});
    milestones[i] *= steps_per_epoch;
  }
  Schedule schedule = schedule::milestones(c.real("lr"), milestones, c.real("lr_factor"));
  if (c.is_word("lr_decay"))
    throw Error(ErrorKind::usage,
                {"the run's length is not settled", "option 'lr_decay'", "a number", "auto"});
  if (const double fall = c.real("lr_decay"); fall > 0)
    schedule = [=, milestones = std::move(schedule)](Index step) {
      return milestones(step) * std::max(0., 1 - double(step) / fall);
    };
  const Index rise = c.integer("warm_up");
  if (rise == 0) return schedule;
  // Milestones count from the run's first step, also behind a warm-up.
  return schedule::warm_up(rise, [=](Index step) { return schedule(step + rise); });
}

}  // namespace

struct Trainer::State {
  Task& task;
  const data::DataSet& data;
  Generator& generator;
  data::Batches batches;
  Schedule schedule;
  std::vector<Phase> phases;
  std::vector<std::vector<Tensor>> parameters;  // of each phase
  std::vector<Optimizer> optimizers;            // of each phase
  Device device;
  Index batch, steps, step = 0;
  Index eval_every, sample_every, checkpoint_every;
  std::string config_text, data_text;

  std::vector<std::string> names;  // of the terms
  std::vector<double> sums;        // of each, over the epoch's steps that were drained
  std::vector<Index> counts;       // of the values in each sum: not every phase is in every step
  struct Pending {
    std::size_t name;
    Index step;
    Tensor value;
  };
  std::vector<Pending> pending;  // terms not read yet
  Index last_good = 0;           // step of the newest checkpoint

  std::size_t name_of(const Term& term) {
    const auto found = std::find(names.begin(), names.end(), term.name);
    if (found != names.end()) return std::size_t(found - names.begin());
    names.push_back(term.name);
    sums.push_back(0);
    counts.push_back(0);
    return names.size() - 1;
  }
  [[noreturn]] void diverged(const std::string& what, Index at, double value) const {
    throw Error(ErrorKind::diverged,
                {"training diverged", concat(what, " at step ", at), "a finite number",
                 std::isnan(value) ? "nan" : concat(value),
                 last_good > 0 ? concat("lower lr; the checkpoint of step ", last_good, " is kept")
                               : std::string("lower lr")});
  }
};

// Error (usage) where no batch has the rows that the task needs.
data::BatchOptions batch_options(const Task& task, const data::DataSet& data, const Config& config,
                                 Device device) {
  const Index rows = data.train.size(), batch = config.integer("batch"),
              least = task.smallest_batch();
  if (std::min(rows, batch) < least)
    throw Error(ErrorKind::usage,
                {"a batch too small for this model", "option 'batch'",
                 concat("at least ", least, " rows"), concat(std::min(rows, batch))});
  return {.batch = batch,
          .seed = std::uint64_t(config.integer("seed")),
          .drop_last = rows % batch > 0 && rows % batch < least,
          .device = device};
}

Trainer::Trainer(Task& task, const data::DataSet& data, const Config& config, Generator& generator,
                 Device device)
    : state_(new State{task,
                       data,
                       generator,
                       data::Batches(data.train.size(), batch_options(task, data, config, device)),
                       {},
                       task.phases(),
                       {},
                       {},
                       device,
                       config.integer("batch"),
                       config.integer("steps"),
                       0,
                       config.integer("eval_every"),
                       config.integer("sample_every"),
                       config.integer("checkpoint_every"),
                       {},
                       {},
                       {},
                       {},
                       {},
                       {},
                       0}) {
  State& s = *state_;
  const Index epoch = s.batches.steps_per_epoch();
  s.schedule = schedule_from(config, epoch);
  if (s.steps == 0) s.steps = config.integer("epochs") * epoch;
  for (Index* every : {&s.eval_every, &s.sample_every, &s.checkpoint_every})
    if (*every == 0) *every = epoch;
  for (const Phase& phase : s.phases) {
    s.parameters.emplace_back();
    for (const auto& p : phase.parameters) s.parameters.back().push_back(p.value);
    s.optimizers.emplace_back(phase.parameters, rule_from(config),
                              optimizer_options(config, phase));
  }
}
Trainer::~Trainer() = default;

Index Trainer::steps() const { return state_->steps; }
Index Trainer::step() const { return state_->step; }
Index Trainer::steps_per_epoch() const { return state_->batches.steps_per_epoch(); }
double Trainer::epoch() const { return double(state_->step) / double(steps_per_epoch()); }
void Trainer::describe(std::string config, std::string data) {
  state_->config_text = std::move(config);
  state_->data_text = std::move(data);
}

void Trainer::advance() {
  State& s = *state_;
  if (s.batches.position().step == 0) {  // an epoch begins: its means begin too
    drain();
    s.names.clear();
    s.sums.clear();
    s.counts.clear();
  }
  const Tensor index = s.batches.next();
  const Tensor rows = data::take(s.data, s.data.train, index, s.generator);
  const Batch batch{ops::reshape(rows, Shape{rows.size(0), rows.numel() / rows.size(0)}),
                    s.data.train.labels ? ops::gather_rows(s.data.train.labels, index) : Tensor(),
                    s.step};
  for (std::size_t i = 0; i < s.phases.size(); i++) {
    const Phase& phase = s.phases[i];
    const double share = phase.share ? phase.share(s.step) : 1;
    if ((s.step + 1) % phase.every != 0 || share == 0) continue;
    const Terms terms = phase.objective(batch);
    const std::vector<Tensor> gradients =
        grad({terms.at(0).value}, s.parameters[i], {.allow_unused = phase.allow_unused});
    if (const double lr = s.schedule(s.step) * phase.lr_factor * share; lr != s.optimizers[i].lr())
      s.optimizers[i].set_lr(lr);
    s.optimizers[i].step(gradients);
    for (const Term& term : terms)
      s.pending.push_back({s.name_of(term), s.step + 1, term.value.detach()});
    if (phase.after) {
      const NoGrad no_grad;
      phase.after(batch);
    }
  }
  s.step++;
}

Figures Trainer::drain() {
  State& s = *state_;
  if (!s.pending.empty()) {
    const NoGrad no_grad;
    std::vector<Tensor> flat;
    for (const auto& p : s.pending) flat.push_back(ops::flatten(p.value, 0));
    const std::vector<double> values = ops::concat(flat, 0).values();  // one read
    const auto pending = std::move(s.pending);
    s.pending.clear();
    for (std::size_t i = 0; i < values.size(); i++) {
      const auto& [name, step, value] = pending[i];
      if (!std::isfinite(values[i]))
        s.diverged(concat("term '", s.names[name], "'"), step, values[i]);
      s.sums[name] += values[i];
      s.counts[name]++;
    }
  }
  Figures means;
  for (std::size_t i = 0; i < s.names.size(); i++)
    if (s.counts[i] > 0) means.emplace_back(s.names[i], s.sums[i] / double(s.counts[i]));
  return means;
}

Checkpoint Trainer::checkpoint() {
  State& s = *state_;
  drain();
  Checkpoint c;
  c.model = s.task.model().state_dict();
  for (std::size_t i = 0; i < s.phases.size(); i++)
    for (auto& p : s.optimizers[i].state_dict())
      c.optimizer.push_back({s.phases[i].name + "." + p.name, p.value});
  c.generator = s.generator;
  c.step = s.step;
  c.epoch = s.batches.position().epoch;
  c.step_in_epoch = s.batches.position().step;
  c.terms = s.names;
  c.sums = s.sums;
  c.counts = s.counts;
  c.config = s.config_text;
  c.data = s.data_text;
  return c;
}

void Trainer::restore(const Checkpoint& c, const std::string& path) {
  State& s = *state_;
  try {
    s.task.model().load_state_dict(c.model, path);
    std::size_t taken = 0;
    for (std::size_t i = 0; i < s.phases.size(); i++) {
      const std::string prefix = s.phases[i].name + ".";
      std::vector<Parameter> state;
      for (const auto& p : c.optimizer)
        if (p.name.rfind(prefix, 0) == 0)
          state.push_back({p.name.substr(prefix.size()), p.value.to(s.device)});
      taken += state.size();
      s.optimizers[i].load_state_dict(state);
    }
    if (taken != c.optimizer.size())
      throw Error(ErrorKind::data, {"the checkpoint holds optimisers this run has not", path});
    s.batches.seek({c.epoch, c.step_in_epoch});
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::usage) throw;
    Error::Parts parts = e.parts();
    parts.where = path;
    throw Error(ErrorKind::data, parts);
  }
  s.generator = c.generator;
  s.step = c.step;
  s.last_good = c.step;
  s.names = c.terms;
  s.sums = c.sums;
  s.counts = c.counts;
  s.pending.clear();
}

Trainer::Evaluating::Evaluating(Trainer& trainer) : trainer_(trainer) {
  State& s = *trainer.state_;
  for (const Optimizer& optimizer : s.optimizers) {
    const std::vector<Parameter> averaged = optimizer.averaged();
    for (std::size_t i = 0; i < averaged.size(); i++) {
      const Tensor& value = optimizer.parameters()[i].value;
      const Tensor raw = Tensor::empty(value.shape(), value.dtype(), value.device());
      raw.copy_(value);
      raw_.push_back({averaged[i].name, raw});
      value.copy_(averaged[i].value);
    }
  }
  s.task.model().eval();
}
Trainer::Evaluating::~Evaluating() {
  State& s = *trainer_.state_;
  s.task.model().train();
  try {
    std::size_t at = 0;
    for (const Optimizer& optimizer : s.optimizers)
      if (optimizer.options().ema > 0)
        for (const Parameter& p : optimizer.parameters()) p.value.copy_(raw_[at++].value);
  } catch (const std::exception&) {
    // Only a device that has failed cannot copy, and its next use says so.
  }
}

// For the log only: neither figures nor checkpoints depend on where a run was trained.
std::string machine(Device device) {
  const DeviceInfo host = runtime::device_info(Backend::cpu, 0);
  std::string text = concat("imago " IMAGO_VERSION " on ", name(device));
  if (device.backend != Backend::cpu)
    text += concat(": ", runtime::device_info(device.backend, device.index).name, "; host");
  return concat(text, ": ", host.name, ", ", host.threads, " threads");
}

// The error itself goes on to the caller, also when the log cannot be written.
void note_end(const RunDirectory& directory, const std::string& why) {
  try {
    directory.append_log("ended by an error: " + why);
  } catch (const Error&) {
  }
}

// One call of run(): files, evaluation, pictures, progress.
struct Trainer::Loop {
  using Clock = std::chrono::steady_clock;
  Trainer& trainer;
  State& s;
  const RunDirectory& directory;
  const Hooks& hooks;
  MetricsFile metrics;
  std::optional<io::EventFile> events{};  // none in a run that is finished already
  std::optional<double> best{};
  Figures test{};                    // of the newest test line
  bool complete = false;             // the last step has been evaluated
  std::vector<std::string> there{};  // splits whose line of the first step is in the file already
  Index first_step = 0;
  Clock::time_point begin = Clock::now(), shown = Clock::now();
  double training_seconds = 0;

  static double seconds(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
  }

  void say(const std::string& text) const {
    directory.append_log(text);
    if (hooks.message) hooks.message(text);
  }
  MetricsLine write(const std::string& split, Figures figures) {
    MetricsLine line{s.step, trainer.epoch(), split, std::move(figures)};
    if (s.step != first_step || std::find(there.begin(), there.end(), split) == there.end()) {
      metrics.append(line);
      Figures tagged;
      for (const auto& [name, value] : line.figures) tagged.emplace_back(split + "/" + name, value);
      events->scalars(s.step, tagged);
    }
    if (hooks.line) hooks.line(line);
    // The last update may have spoilt the weights: then they must not replace a good checkpoint.
    for (const auto& [name, value] : line.figures)
      if (!std::isfinite(value)) s.diverged(concat("'", name, "' of ", split), s.step, value);
    return line;
  }

  void evaluate(bool last) {
    directory.check();
    if (const Figures means = trainer.drain(); !means.empty()) write("train", means);
    std::optional<MetricsLine> valid;
    {
      const Evaluating evaluating(trainer);
      if (s.data.valid) valid = write("valid", s.task.evaluate(s.data, s.data.valid));
      if ((last || !valid) && s.data.test)
        test = write("test", s.task.evaluate(s.data, s.data.test)).figures;
    }
    complete = last;
    if (!valid) return;
    const std::optional<double> score = s.task.score(valid->figures);
    if (!score || (best && *score <= *best)) return;
    best = score;
    Checkpoint c = trainer.checkpoint();
    c.score = to_json(*valid);
    c.units = s.task.units(valid->figures);
    write_checkpoint(directory.best(), c, [&] { directory.check(); });
  }

  void draw() {
    directory.check();
    const Evaluating evaluating(trainer);
    const std::string picture = directory.samples(s.step);
    if (!s.task.draw(s.data, picture)) return;
    const io::Bytes png = io::read_file(picture, "picture");
    io::write_file(directory.samples(), png);
    events->image(s.step, "samples", png);
  }
  void save() {
    // A resume goes on behind the lines up to its checkpoint: they have to be there.
    metrics.sync();
    // Checked between making the new file and renaming it, so that both are in the run's directory.
    write_checkpoint(directory.last(), trainer.checkpoint(), [&] { directory.check(); });
    s.last_good = s.step;
  }

  void show(bool now) {
    if (!hooks.status) return;
    const auto time = Clock::now();
    if (!now && seconds(shown, time) < hooks.status_interval) return;
    Status status{s.step, s.steps, trainer.epoch(), trainer.drain()};
    shown = Clock::now();
    const double done = double(s.step - first_step), all = seconds(begin, shown);
    if (training_seconds > 0) status.samples_per_second = done * double(s.batch) / training_seconds;
    if (done > 0) status.seconds_left = all / done * double(s.steps - s.step);
    const MemoryStats memory = memory_stats(s.device);
    status.memory_active = memory.active;
    status.memory_peak = memory.peak;
    hooks.status(status);
  }

  Outcome run();
};

Outcome Trainer::Loop::run() {
  // A device that works on its own is waited for only now and then; the cpu has nothing to wait
  // for.
  const Index read_every = s.device.backend == Backend::cpu ? 1 : 25;
  first_step = s.step;
  while (s.step < s.steps) {
    const auto start = Clock::now();
    trainer.advance();
    const bool last = s.step == s.steps;
    if (s.step % read_every == 0) trainer.drain();
    training_seconds += seconds(start, Clock::now());
    if (s.step % s.eval_every == 0 || last) evaluate(last);
    if (s.step % s.sample_every == 0 || last) draw();
    const bool stop = !last && hooks.stop && hooks.stop();
    if (s.step % s.checkpoint_every == 0 || last || stop) save();
    show(last || stop);
    if (stop) {
      say(concat("stopped at step ", s.step, " of ", s.steps, "; a checkpoint is written"));
      return {Outcome::State::stopped, directory.path(), s.step, {}};
    }
  }
  // A run of no steps has no figures yet, nor has one that was stopped at the step it now ends at.
  if (!complete) {
    evaluate(true);
    if (!io::exists(directory.samples(s.step))) draw();
    save();
  }
  say(concat("finished at step ", s.step));
  return {Outcome::State::finished, directory.path(), s.step, test};
}

Outcome Trainer::run(const RunDirectory& directory, const std::string& config_json,
                     const Hooks& hooks, const Checkpoint* from) {
  State& s = *state_;
  if (from) restore(*from, directory.last());
  Loop loop{*this, s, directory, hooks, MetricsFile(directory.metrics(), from ? s.step : -1)};
  if (from)
    for (const MetricsLine& line : read_metrics(directory.metrics())) {
      if (line.step != s.step) continue;
      loop.there.push_back(line.split);
      if (line.split == "test" && s.step >= s.steps) {
        if (hooks.message)
          hooks.message(concat("the run is finished, at step ", s.step, "; nothing is left to do"));
        return {Outcome::State::already_finished, directory.path(), s.step, line.figures};
      }
    }
  else
    directory.drop_best();
  if (from && io::exists(directory.best())) {
    // Also one from beyond this step, which will come again: until then none is better.
    const Checkpoint best = read_checkpoint(directory.best());
    if (!best.score.empty()) {
      const Figures figures = metrics_from_json(best.score, directory.best()).figures;
      loop.best = s.task.score(figures);
      // Runs from before units were kept say nothing of them.
      if (const std::string units = s.task.units(figures);
          !best.units.empty() && units != best.units)
        throw Error(ErrorKind::usage,
                    {"the best checkpoint so far was chosen in other units", directory.best(),
                     best.units, units.empty() ? "none" : units,
                     "resume with the judge of before, or begin another run with --out"});
    }
  }
  io::write_file(directory.config(), config_json);
  loop.events.emplace(directory.path(), s.step);
  loop.say(from ? concat("resuming from step ", s.step, " of ", s.steps)
                : concat("training for ", s.steps, " steps"));
  directory.append_log(machine(s.device));
  try {
    return loop.run();
  } catch (const std::exception& e) {
    note_end(directory, e.what());
    throw;
  }
}

}  // namespace imago::training
