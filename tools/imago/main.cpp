// The program imago: parses the command line, runs one subcommand, and turns every failure into one
// line and a status.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <new>
#include <vector>

#include "engine/core/types.h"
#include "engine/train/options.h"
#include "tools/imago/program.h"
#include "tools/spinning.h"

namespace {
using namespace imago;

// Where a standard stream is closed, the next file opened would take its number, and be printed
// into. Reading /dev/null holds the place: writing there fails as it did.
void hold_standard_streams() {
  while (true) {
    const int file = open("/dev/null", O_RDONLY);
    if (file > STDERR_FILENO) close(file);
    if (file < 0 || file > STDERR_FILENO) return;
  }
}

enum Status { internal = 1, usage = 2, data = 3, device = 4, diverged = 5 };

Status status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage: return usage;
    case ErrorKind::data: return data;
    case ErrorKind::device: return device;
    case ErrorKind::diverged: return diverged;
    case ErrorKind::internal: return internal;
  }
  return internal;
}

int fail(Status status, std::string message) {
  for (char& c : message)
    if (c == '\n' || c == '\r') c = ' ';
  while (!message.empty() && message.back() == ' ') message.pop_back();
  std::fflush(stdout);
  std::fprintf(stderr, "imago: %s\n", message.c_str());
  return status;
}

// Output that could not be written (a full disk, a closed pipe) is a failure, not silence.
int flushed(int status) {
  std::cout.flush();
  if (status == 0 && (!std::cout || std::fflush(stdout) != 0))
    return fail(internal, "standard output cannot be written; is the disk full?");
  return status;
}

// The parser's own words for a mistyped command do not name it.
void check_command(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  std::string list;
  for (const CLI::App* sub : app.get_subcommands({})) {
    if (sub->get_name() == word) return;
    names.push_back(sub->get_name());
    list += (list.empty() ? "" : ", ") + sub->get_name();
  }
  const std::string near = training::nearest(word, names);
  throw Error(ErrorKind::usage, {"unknown command",
                                 {},
                                 "one of " + list,
                                 word,
                                 near.empty() ? "see `imago --help`" : "perhaps " + near});
}

int run(int argc, char** argv) {
  tool::Program program;
  CLI::App& app = program.app;
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("imago " IMAGO_VERSION), "print the version");
  app.footer(
      "A first run:  imago train vae --data fashion-mnist\nOptions of a command:  imago COMMAND "
      "--help");
  add_train(program);
  add_sample(program);
  add_reconstruct(program);
  add_interpolate(program);
  add_evaluate(program);
  add_list(program);
  add_describe(program);
  add_devices(program);
  if (argc > 1 && argv[1][0] != '-') check_command(app, argv[1]);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) {  // --help, --version
      app.exit(e, std::cout, std::cerr);
      return flushed(0);
    }
    std::string command = "imago";
    for (const CLI::App* sub : app.get_subcommands()) command += " " + sub->get_name();
    return fail(usage, concat(e.what(), "; see `", command, " --help`"));
  }
  return flushed(program.chosen());
}
}  // namespace

int main(int argc, char** argv) {
  hold_standard_streams();
  signal(SIGXFSZ, SIG_IGN);  // a file beyond the limit is an error like a full disk
  limit_spinning(argv);
  try {
    return run(argc, argv);
  } catch (const Error& e) {
    return fail(status_of(e.kind()), e.what());
  } catch (const DeviceError& e) {
    return fail(device, concat(e.what(), "; see `imago devices`"));
  } catch (const std::bad_alloc&) {
    return fail(device, "out of memory; use a smaller --batch");
  } catch (const std::exception& e) {
    return fail(internal, concat("internal failure: ", e.what(), "; please report it"));
  }
}
