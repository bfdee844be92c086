// Options: what may be configured, and a Config holding one value for each. JSON text in, JSON text
// out, `key=value` in. Not here: which options a model has (models/presets.h) and the command line
// (tools/imago).
#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace imago::training {

using Integers = std::vector<std::int64_t>;
using Value = std::variant<bool, std::int64_t, double, std::string, Integers>;

enum class OptionType {
  boolean,
  integer,
  real,
  text,          // one of choices, or anything when there are none
  integers,      // "512,256" on the command line, [512, 256] in JSON
  real_or_word,  // a number in the range, or one of choices
};

// Which part of a run an option shapes. A checkpoint holds the model and training options: its
// bytes depend on nothing else.
enum class OptionGroup { model, training, run };

struct Option {
  std::string name;
  OptionType type;
  Value value;  // the default
  std::string help;
  OptionGroup group = OptionGroup::model;
  double low = -std::numeric_limits<double>::infinity(),
         high = std::numeric_limits<double>::infinity();  // both inclusive
  std::vector<std::string> choices = {};
  std::string source = {};  // the document or paper it comes from, empty for plumbing
  bool operator==(const Option&) const = default;
  Option from(std::string document) const;  // with that source
};
// Rows of tables of options.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};
namespace option {
Option boolean(std::string name, bool value, std::string help);
Option integer(std::string name, std::int64_t value, Range, std::string help);
Option real(std::string name, double value, Range, std::string help);
Option text(std::string name, std::string value, std::vector<std::string> choices,
            std::string help);
Option integers(std::string name, Integers value, Range, std::string help);
Option real_or_word(std::string name, Value value, Range, std::vector<std::string> words,
                    std::string help);
}  // namespace option
std::vector<Option> in_group(OptionGroup group, std::vector<Option> options);

std::string type_name(const Option&);   // "real", "list of integers", "one of relu, tanh"
std::string range_text(const Option&);  // "[0, 1]", ">= 1", "" when anything goes
std::string to_text(const Value&);      // as --set takes it: "512,256", "0.001", "true"

// Keys and texts of `--set key=value`, in order.
using Settings = std::vector<std::pair<std::string, std::string>>;

// A value for each of a list of options, checked when set.
class Config {
 public:
  Config() = default;
  explicit Config(std::vector<Option> options);  // all defaults

  const std::vector<Option>& options() const { return options_; }  // each with the value it has now
  const Option& option(
      const std::string& name) const;  // Error (usage) naming the nearest known key
  bool has(const std::string& name) const;

  bool flag(const std::string& name) const;
  std::int64_t integer(const std::string& name) const;
  double real(const std::string& name) const;
  const std::string& text(const std::string& name) const;
  const Integers& integers(const std::string& name) const;
  bool is_word(const std::string& name) const;  // a real_or_word that holds a word

  // Error (usage): unknown key (names the nearest), wrong type, out of range; `where` is the file
  // or "--set".
  void set(const std::string& name, const Value& value, const std::string& where = {});
  void set_text(const std::string& name, const std::string& text,
                const std::string& where = "--set");
  // An object of JSON. Keys in `skip` are left alone.
  void merge_json(const std::string& json, const std::string& where,
                  const std::vector<std::string>& skip = {});
  // One object, keys in the order of the options, two spaces of indent; of the given groups only
  // when `groups` is not empty.
  std::string json(const std::vector<OptionGroup>& groups = {}) const;
  bool operator==(const Config&) const = default;

 private:
  Option& find(const std::string& name, const std::string& where);
  std::vector<Option> options_;
};

// A string member of a JSON object; empty when it has none. Error (usage) when the text is no JSON
// object.
std::string json_string(const std::string& json, const std::string& key, const std::string& where);
// The nearest of the candidates by edit distance, empty when none is near.
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace imago::training
