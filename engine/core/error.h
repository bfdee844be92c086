// The one exception type of imago's engine, models and tools: what went wrong, where, expected,
// received, what to do. Not here: exit codes and printing; tools/imago maps a kind to an exit code.
#pragma once
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace imago {

enum class ErrorKind {
  usage,   // an argument, option or configuration is wrong, or the library is called wrongly
  data,    // a file, data set, run or checkpoint is missing, unreadable, truncated or of the wrong
           // shape
  device,  // device missing or out of memory
  diverged,  // a non-finite loss
  internal,  // an I/O failure or a fault of imago itself
};

// what() reads "what, in where, expected X, received Y; remedy", empty parts left out, one line.
class Error : public std::runtime_error {
 public:
  struct Parts {
    std::string what, where{}, expected{}, received{}, remedy{};
  };
  Error(ErrorKind kind, Parts parts)
      : std::runtime_error(text(parts)), kind_(kind), parts_(std::move(parts)) {}
  ErrorKind kind() const { return kind_; }
  const Parts& parts() const { return parts_; }

 private:
  static std::string text(const Parts& p);
  ErrorKind kind_;
  Parts parts_;
};

// Streams its arguments into a string.
template <class... A>
std::string concat(const A&... a) {
  std::ostringstream s;
  (s << ... << a);
  return std::move(s).str();
}

// [op] Expected X but received Y: the shape and dtype errors of ops. Usage errors.
[[noreturn]] inline void op_error(const char* op, std::string expected, std::string received,
                                  std::string remedy = {}) {
  throw Error(ErrorKind::usage, {concat("[", op, "] wrong argument"),
                                 {},
                                 std::move(expected),
                                 std::move(received),
                                 std::move(remedy)});
}

}  // namespace imago
