// What a Python pickle of protocol 2 says, as plain data. Nothing of it is executed: the few names
// that a reader allows become values like any other, every other name is refused. Not here: what
// the values mean, which is engine/io/pth.h.
#pragma once
#include <deque>
#include <span>
#include <string_view>

#include "engine/io/file.h"

namespace imago::io {

struct PickleValue {
  enum class Kind : std::uint8_t {
    none,
    boolean,
    integer,
    real,
    text,
    global,      // text: "torch._utils._rebuild_tensor_v2"
    tuple,       // items
    list,        // items
    dict,        // items: key, value, key, value, ...
    call,        // items: the global, a tuple of its arguments
    persistent,  // items: its id
  };
  Kind kind = Kind::none;
  std::int64_t integer = 0;  // and of booleans
  double real = 0;
  std::string text;
  std::vector<std::uint32_t> items;  // places of other values; there may be cycles
};

class Pickle {
 public:
  // Reads one pickle from c, up to and with its end. collections.OrderedDict is a dict; the state
  // of a dict, which PyTorch keeps versions of layers in, is dropped. Error (data) naming file and
  // byte on any other opcode or name and on what cannot be.
  Pickle(Cursor& c, const std::string& path, std::span<const std::string_view> globals);
  const PickleValue& root() const { return values_[root_]; }
  const PickleValue& operator[](std::uint32_t place) const { return values_[place]; }

 private:
  // Values lie here and name each other by place, so that deep nesting costs no stack.
  std::deque<PickleValue> values_;
  std::uint32_t root_ = 0;
  friend class PickleReader;
};

}  // namespace imago::io
