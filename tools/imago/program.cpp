#include "tools/imago/program.h"

#include <signal.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdlib>

namespace imago::tool {
namespace {
volatile sig_atomic_t signal_number = 0;

void on_signal(int number) {
  if (signal_number) _exit(128 + number);
  signal_number = number;
}

[[noreturn]] void bad_number(const std::string& option, const std::string& text,
                             const std::string& expected) {
  throw Error(ErrorKind::usage, {"wrong value", option, expected, text.empty() ? "nothing" : text});
}
}  // namespace

void add_commands(Program& program) {
  program.manuals[&program.app] = {
      "Trains autoencoders and variational autoencoders, draws from them, and measures them. A "
      "trained run is a directory, RUN; data are a named set, a .npy or .npz file, or a folder of "
      "PNG or JPEG files. Only an error begins with `imago:`; it is one line that says what was "
      "expected, "
      "what was received and what to do.",
      {{"imago list", "the presets and the data sets"},
       {"imago train vae --data two-moons --epochs 5", "a first run: seconds, no files needed"},
       {"imago train vae --data fashion-mnist --epochs 10",
        "pictures of clothes, into runs/vae-fashion-mnist-s0"},
       {"imago sample runs/vae-fashion-mnist-s0 -n 100 --out samples.png", "a grid of new ones"},
       {"imago evaluate runs/vae-fashion-mnist-s0 --metrics elbo,nll --json",
        "figures in nats, on the test split"}}};
  add_train(program);
  add_sample(program);
  add_reconstruct(program);
  add_interpolate(program);
  add_traverse(program);
  add_evaluate(program);
  add_report(program);
  add_demo(program);
  add_list(program);
  add_describe(program);
  add_devices(program);
}

void catch_signals() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (int number : {SIGINT, SIGTERM}) sigaction(number, &action, nullptr);
  // A closed terminal; under nohup it stays ignored.
  struct sigaction before = {};
  if (sigaction(SIGHUP, nullptr, &before) == 0 && before.sa_handler != SIG_IGN)
    sigaction(SIGHUP, &action, nullptr);
  // Nobody reads what is printed any more: the run goes on, and the failure is told at its end.
  signal(SIGPIPE, SIG_IGN);
}
int caught_signal() { return signal_number; }

std::int64_t to_integer(const std::string& option, const std::string& text, std::int64_t low,
                        std::int64_t high) {
  const std::string expected = high == INT64_MAX
                                   ? concat("a whole number of ", low, " or more")
                                   : concat("a whole number from ", low, " to ", high);
  const std::size_t digits = !text.empty() && text[0] == '-' ? 1 : 0;
  if (text.size() == digits || text.find_first_not_of("0123456789", digits) != std::string::npos)
    bad_number(option, text, expected);
  errno = 0;
  const std::int64_t value = std::strtoll(text.c_str(), nullptr, 10);
  if (errno || value < low || value > high) bad_number(option, text, expected);
  return value;
}

double to_real(const std::string& option, const std::string& text, double low, double high) {
  const std::string expected = std::isinf(high) ? concat("a number of ", low, " or more")
                                                : concat("a number from ", low, " to ", high);
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end || std::isspace(static_cast<unsigned char>(text[0])) ||
      !std::isfinite(value) || value < low || value > high)
    bad_number(option, text, expected);
  return value;
}

CLI::Option* add_integer(CLI::App* app, const std::string& name, std::int64_t* value,
                         const std::string& what, std::int64_t low, std::int64_t high) {
  return app
      ->add_option_function<std::string>(
          name, [=](const std::string& text) { *value = to_integer(name, text, low, high); }, what)
      ->type_name("N");
}
CLI::Option* add_real(CLI::App* app, const std::string& name, double* value,
                      const std::string& what, double low, double high) {
  return app
      ->add_option_function<std::string>(
          name, [=](const std::string& text) { *value = to_real(name, text, low, high); }, what)
      ->type_name("X");
}

CLI::Option* add_set(CLI::App* app, training::Settings* settings) {
  return app
      ->add_option_function<std::vector<std::string>>(
          "--set",
          [=](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              const std::size_t at = text.find('=');
              if (at == std::string::npos || at == 0)
                throw Error(ErrorKind::usage, {"wrong setting", "--set", "key=value", text,
                                               "see imago describe PRESET"});
              settings->emplace_back(text.substr(0, at), text.substr(at + 1));
            }
          },
          "any option that `imago describe PRESET` lists; may be repeated")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
}

CLI::Option* add_out(CLI::App* app, std::string* out, const std::string& what,
                     const std::string& type) {
  return app
      ->add_option_function<std::string>(
          "--out",
          [=](const std::string& text) {
            if (text.empty())
              throw Error(ErrorKind::usage, {"empty path", "--out", "a path", "nothing",
                                             "leave --out away for the default"});
            *out = text;
          },
          what)
      ->type_name(type);
}

void add_run_options(CLI::App* app, RunOptions* o, const std::string& what) {
  app->add_option(what, o->run,
                  what == "RUN" ? "the directory of a trained run"
                                : "the directory of a trained run; or images, generated by "
                                  "whatever program: a folder, a .npy or an .npz file")
      ->required(what == "RUN")
      ->type_name("");
  app->add_option("--device", o->device, "auto, cpu, cuda or cuda:N")
      ->capture_default_str()
      ->type_name("NAME");
  app->add_option("--checkpoint", o->checkpoint,
                  "best (last where there is none), last, or a file: a checkpoint, or weights "
                  "alone under its names")
      ->capture_default_str()
      ->type_name("WHICH");
}

}  // namespace imago::tool
