// imago train: trains a preset or a configuration in a run directory, with a status line for
// people.
#include <cstdio>
#include <iostream>

#include "models/run.h"
#include "tools/imago/program.h"
#include "tools/imago/terminal.h"

namespace imago::tool {
namespace {
struct Options {
  models::TrainRequest request;
  bool dry_run = false, quiet = false;
};

// The terms that fit between the step and the pace, so that the line never wraps.
std::string status_text(const models::Status& s, std::size_t columns) {
  std::string head = concat("step ", s.step, "/", s.steps);
  const std::string tail = concat("  ", amount(s.samples_per_second), "/s  ",
                                  memory(double(s.memory_active), double(s.memory_peak)), "  ",
                                  duration(s.seconds_left), " left");
  for (const auto& [name, value] : s.terms) {
    const std::string term = concat("  ", name, " ", figure(value));
    if (head.size() + term.size() + tail.size() > columns) break;
    head += term;
  }
  return head + tail;
}

// One line an evaluation: the mean training loss since the last one, then the figures of the split.
class Lines {
 public:
  // Empty for a line of the train split, which is kept for the next.
  std::string text(const models::MetricsLine& line) {
    if (line.split == "train") {
      train_ = line;
      return {};
    }
    char epoch[32];
    std::snprintf(epoch, sizeof epoch, "%.4g", line.epoch);
    std::string text = concat("step ", line.step, "  epoch ", epoch);
    if (train_.step == line.step && training::has_figure(train_.figures, "loss"))
      text += concat("  loss ", figure(training::figure(train_.figures, "loss")));
    text += "  " + line.split;
    for (const auto& [name, value] : line.figures) text += concat("  ", name, " ", figure(value));
    return text;
  }

 private:
  models::MetricsLine train_;
};

int run(const Options& o) {
  if (o.dry_run) {
    std::cout << models::resolve(o.request).json();
    return 0;
  }
  catch_signals();
  StatusLine status(!o.quiet);
  Lines lines;
  models::Hooks hooks;
  hooks.stop = [] { return caught_signal() != 0; };
  if (!o.quiet) {
    if (status.enabled())
      hooks.status = [&](const models::Status& s) {
        status.show(status_text(s, status.columns()));
      };
    hooks.line = [&](const models::MetricsLine& line) {
      const std::string text = lines.text(line);
      if (!text.empty()) status.print(text);
    };
    hooks.message = [&](const std::string& text) { status.print(text); };
  }
  const models::Outcome outcome = models::train(o.request, hooks);
  status.clear();
  using State = models::Outcome::State;
  if (outcome.state == State::stopped) {
    if (!o.quiet) std::cout << "run: " << outcome.out << " (--resume goes on from here)\n";
    return caught_signal() ? 128 + caught_signal() : 0;
  }
  if (!o.quiet && outcome.state == State::finished) std::cout << "run: " << outcome.out << "\n";
  return 0;
}
}  // namespace

void add_train(Program& program) {
  static Options o;
  CLI::App* app = program.command(
      "train", "train a preset or a configuration",
      {"Trains a model into a run directory. What is to be trained is a preset, or a configuration "
       "file such as the config.json of another run; options and --set go before what it says. A "
       "directory that holds a run is refused without --resume or --overwrite. On a terminal one "
       "line shows step, loss terms, samples a second, memory and time left; elsewhere there is "
       "one "
       "line for each evaluation. Ctrl-C finishes the step, writes a checkpoint and stops.",
       {{"imago train vae --data fashion-mnist --epochs 10", "into runs/vae-fashion-mnist-s0"},
        {"imago train vae --data fashion-mnist --epochs 20 --resume", "ten epochs more"},
        {"imago train iwae --data pictures.npy --set samples=5 --out runs/iwae",
         "another bound, own data, other options"},
        {"imago train runs/iwae/config.json --seed 1 --out runs/iwae-1",
         "the same with another seed"}}},
      &o, run);
  app->add_option("PRESET|CONFIG.json", o.request.source,
                  "a preset (imago list) or a configuration file")
      ->required()
      ->type_name("");
  // Each of these is a key of the configuration; the order on the command line decides between an
  // option and --set.
  const auto setting = [app](const char* option, const char* type, const char* key,
                             const char* what) {
    app->add_option_function<std::string>(
           option, [key](const std::string& text) { o.request.settings.emplace_back(key, text); },
           what)
        ->type_name(type);
  };
  setting("--data", "NAME|PATH", "data",
          "data set (imago list), a .npy or .npz file, or a folder of PNG or JPEG files");
  setting("--data-dir", "DIR", "data_dir",
          "where named data sets lie; default $IMAGO_DATA, then the system's");
  setting("--resize", "N|HxW", "resize",
          "of a folder's images: scaled to cover this size, and cropped at the centre");
  setting("--epochs", "N", "epochs", "passes over the training split");
  setting("--steps", "N", "steps", "steps in all, instead of epochs");
  setting("--batch", "N", "batch", "samples a step");
  setting("--seed", "N", "seed", "of initial weights, order and noise");
  setting("--device", "NAME", "device", "auto, cpu, cuda or cuda:N");
  setting("--eval-every", "N", "eval_every", "steps between evaluations");
  setting("--sample-every", "N", "sample_every", "steps between pictures of samples");
  add_out(app, &o.request.out, "run directory; default runs/PRESET-DATA-sSEED", "DIR");
  add_set(app, &o.request.settings);
  app->add_flag("--resume", o.request.resume, "go on from the run's last checkpoint");
  app->add_flag("--overwrite", o.request.overwrite, "replace the run that the directory holds");
  app->add_flag("--dry-run", o.dry_run, "print the resolved configuration and write nothing");
  app->add_flag("--quiet", o.quiet, "print errors only");
}

}  // namespace imago::tool
