// What the subcommands of the program share: registration, option texts to numbers, and how a
// command is chosen. Not here: any behaviour of a subcommand; each has its own file and its own
// add_... below.
#pragma once
#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/core/error.h"
#include "engine/train/options.h"

namespace imago::tool {

// What the help of a command says besides its options.
struct Example {
  std::string command, what;
};
struct Manual {
  std::string about;  // sentences
  std::vector<Example> examples;
};

// The command line, and the subcommand it chose: run after parsing, returns the exit status.
struct Program {
  CLI::App app{"generative training from the shell", "imago"};
  std::function<int()> chosen;
  std::map<const CLI::App*, Manual> manuals;  // of app and of each command
  // A subcommand that runs f(options) when chosen; f sees the options as they were parsed.
  template <class Options>
  CLI::App* command(const std::string& name, const std::string& what, Manual manual, Options* o,
                    int (*f)(const Options&)) {
    CLI::App* sub = app.add_subcommand(name, what);
    manuals[sub] = std::move(manual);
    sub->callback([this, o, f] { chosen = [o, f] { return f(*o); }; });
    return sub;
  }
};
// The whole command line, nothing parsed. Program stays where it is: the options refer to it.
void add_commands(Program&);

void add_train(Program&);
void add_sample(Program&);
void add_reconstruct(Program&);
void add_interpolate(Program&);
void add_traverse(Program&);
void add_evaluate(Program&);
void add_report(Program&);
void add_demo(Program&);
void add_list(Program&);
void add_describe(Program&);
void add_devices(Program&);

// The whole text as a number in [low, high], or Error (usage) that names the option.
std::int64_t to_integer(const std::string& option, const std::string& text, std::int64_t low,
                        std::int64_t high);
double to_real(const std::string& option, const std::string& text, double low, double high);
// An option whose text is read as such a number into *value.
CLI::Option* add_integer(CLI::App*, const std::string& name, std::int64_t* value,
                         const std::string& what, std::int64_t low, std::int64_t high);
CLI::Option* add_real(CLI::App*, const std::string& name, double* value, const std::string& what,
                      double low, double high);

// --out; an empty path, as an unset variable gives, is an Error (usage), not the default.
CLI::Option* add_out(CLI::App*, std::string* out, const std::string& what, const std::string& type);

// --set key=value, any number of them.
CLI::Option* add_set(CLI::App*, training::Settings* settings);

// The options of every command that reads a trained run.
struct RunOptions {
  std::string run, device = "auto", checkpoint = "best";
};
// what: the positional argument, where it may be more than a run.
void add_run_options(CLI::App*, RunOptions*, const std::string& what = "RUN");

// Ctrl-C and SIGTERM: the first asks for an end, the second ends at once with 128 + its number.
void catch_signals();
int caught_signal();  // 0 until one came

}  // namespace imago::tool
