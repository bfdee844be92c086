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
#include "engine/core/version.h"
#include "tools/imago/complete.h"
#include "tools/imago/help.h"
#include "tools/imago/program.h"
#include "tools/imago/usage.h"
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

// The first line alone is enough for a program that asks.
std::string version_text() {
  const Version& v = version();
  return concat("imago ", v.number, "\ncommit     ", v.commit, v.modified ? ", modified" : "",
                "\ncompiler   ", v.compiler, ", ", v.build, "\ncpu        ", v.cpu, "\ncuda       ",
                v.cuda, v.emulated ? "; emulated" : "", "\nlibraries  ", v.libraries);
}

int run(int argc, char** argv) {
  tool::Program program;
  CLI::App& app = program.app;
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "print this help");
  app.set_version_flag("--version", version_text, "print version, commit, compiler and back-ends");
  app.add_flag_callback(
      "--man", [&] { throw CLI::CallForVersion(tool::manual_page(program), 0); },
      "print the manual page, for `man -l -`");
  app.formatter_fn([&](const CLI::App* command, std::string, CLI::AppFormatMode) {
    return tool::help_text(program, *command);
  });
  tool::add_commands(program);
  if (argc > 1 && argv[1] == std::string("--complete")) {
    std::cout << tool::completions(program, {argv + 2, argv + argc});
    return flushed(0);
  }
  if (argc > 1 && argv[1][0] != '-') tool::check_command(app, argv[1]);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() != 0) throw tool::usage_error(app, e);
    app.exit(e, std::cout, std::cerr);  // --help, --version, --man
    return flushed(0);
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
    return fail(device, "out of memory; use a smaller --batch or less data");
  } catch (const std::exception& e) {
    return fail(internal, concat("internal failure: ", e.what(), "; please report it"));
  }
}
