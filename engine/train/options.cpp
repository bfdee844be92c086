#include "engine/train/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "engine/core/error.h"
#include "engine/train/json.h"

namespace imago::training {

using Json = nlohmann::ordered_json;

namespace {

[[noreturn]] void usage(std::string what, const std::string& where, std::string expected,
                        std::string received, std::string remedy = {}) {
  if (received.size() > 100) received = received.substr(0, 100) + "...";
  throw Error(ErrorKind::usage, {std::move(what), where, std::move(expected), std::move(received),
                                 std::move(remedy)});
}
// The shortest decimal that reads back as the same double.
std::string number(double x) {
  if (x == std::floor(x) && std::fabs(x) <= 1e15) return std::to_string(std::int64_t(x));
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, x).ptr};
}
std::string joined(const std::vector<std::string>& words) {
  std::string s;
  for (const auto& w : words) s += (s.empty() ? "" : ", ") + w;
  return s;
}
template <class T>
bool parse(const std::string& text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}
bool is_choice(const Option& o, const std::string& word) {
  return std::find(o.choices.begin(), o.choices.end(), word) != o.choices.end();
}
bool is_utf8(const std::string& text) {
  try {
    return !Json(text).dump().empty();
  } catch (const Json::exception&) {
    return false;
  }
}
std::string wanted(const Option& o) {
  const std::string range = range_text(o);
  return range.empty() ? type_name(o) : type_name(o) + " " + range;
}

// The value if it is of the option's type (an integer serves as a real) and in its range; otherwise
// an Error (usage).
Value checked(const Option& o, const Value& given, const std::string& where) {
  const auto reject = [&]() {
    usage("option '" + o.name + "' has a wrong value", where, wanted(o),
          std::holds_alternative<std::string>(given) ? "'" + to_text(given) + "'" : to_text(given));
  };
  const auto in_range = [&](double x) { return std::isfinite(x) && x >= o.low && x <= o.high; };
  Value v = given;
  if ((o.type == OptionType::real || o.type == OptionType::real_or_word) &&
      std::holds_alternative<std::int64_t>(v))
    v = double(std::get<std::int64_t>(v));
  switch (o.type) {
    case OptionType::boolean:
      if (!std::holds_alternative<bool>(v)) reject();
      break;
    case OptionType::integer:
      if (!std::holds_alternative<std::int64_t>(v) || !in_range(double(std::get<std::int64_t>(v))))
        reject();
      break;
    case OptionType::real:
      if (!std::holds_alternative<double>(v) || !in_range(std::get<double>(v))) reject();
      break;
    case OptionType::text:
      if (!std::holds_alternative<std::string>(v)) reject();
      if (!o.choices.empty() && !is_choice(o, std::get<std::string>(v))) reject();
      if (!is_utf8(std::get<std::string>(v)))
        usage("option '" + o.name + "' cannot be kept in JSON", where, "UTF-8", "other bytes",
              "rename the file or folder");
      break;
    case OptionType::integers:
      if (std::holds_alternative<std::int64_t>(v)) v = Integers{std::get<std::int64_t>(v)};
      if (!std::holds_alternative<Integers>(v)) reject();
      for (std::int64_t n : std::get<Integers>(v))
        if (!in_range(double(n))) reject();
      break;
    case OptionType::real_or_word:
      if (std::holds_alternative<std::string>(v)
              ? !is_choice(o, std::get<std::string>(v))
              : !std::holds_alternative<double>(v) || !in_range(std::get<double>(v)))
        reject();
      break;
  }
  return v;
}

Value parse_text(const Option& o, const std::string& text, const std::string& where) {
  const auto reject = [&]() {
    usage("option '" + o.name + "' has a wrong value", where, wanted(o), "'" + text + "'");
  };
  std::int64_t n = 0;
  double x = 0;
  switch (o.type) {
    case OptionType::boolean:
      if (text == "true" || text == "1" || text == "yes") return true;
      if (text == "false" || text == "0" || text == "no") return false;
      reject();
      break;
    case OptionType::integer:
      if (!parse(text, n)) reject();
      return n;
    case OptionType::real:
      if (!parse(text, x)) reject();
      return x;
    case OptionType::text: return text;
    case OptionType::integers: {
      Integers all;
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t comma = std::min(text.find(',', at), text.size());
        if (!parse(text.substr(at, comma - at), n)) reject();
        if (comma + 1 == text.size()) reject();  // a comma at the end
        all.push_back(n);
        at = comma + 1;
      }
      return all;
    }
    case OptionType::real_or_word:
      if (parse(text, x)) return x;
      return text;
  }
  return text;
}

Json to_json(const Value& value) {
  return std::visit([](const auto& v) { return Json(v); }, value);
}
// What was received; dump() recurses, and a file may nest deeper than the stack.
std::string shown(const Json& j) {
  const bool nested =
      std::any_of(j.begin(), j.end(), [](const Json& e) { return e.is_structured(); });
  return nested ? concat("a nested ", j.type_name()) : j.dump();
}
Value from_json(const Option& o, const Json& j, const std::string& where) {
  if (j.is_boolean()) return j.get<bool>();
  if (is_int64(j)) return j.get<std::int64_t>();
  if (j.is_number()) {
    // 1e3 is a float to JSON, and an integer to people.
    const double x = j.get<double>();
    if (o.type == OptionType::integer && x == std::floor(x) && std::fabs(x) < 9e15)
      return std::int64_t(x);
    return x;
  }
  if (j.is_string()) return j.get<std::string>();
  if (j.is_array() && std::all_of(j.begin(), j.end(), is_int64<Json>)) return j.get<Integers>();
  usage("option '" + o.name + "' has a wrong value", where, wanted(o), shown(j));
}
Json parse_object(const std::string& text, const std::string& where) {
  // Of equal keys the parser would keep the last.
  std::set<std::string> keys;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > 4)
      usage("a configuration is nested too deeply", where, "values and lists", "deeper ones");
    if (depth == 1 && event == Json::parse_event_t::key &&
        !keys.insert(value.get<std::string>()).second)
      usage("option '" + value.get<std::string>() + "' is there twice", where, "each key once",
            "another one");
    return true;
  };
  try {
    Json j = Json::parse(text, watch);
    if (!j.is_object())
      usage("a configuration is not an object", where, "{\"preset\": ..., ...}", j.type_name());
    return j;
  } catch (const Json::exception& e) {
    usage("a configuration is not valid JSON", where, "JSON", e.what());
  }
}

}  // namespace

namespace option {
Option boolean(std::string name, bool value, std::string help) {
  return {std::move(name), OptionType::boolean, value, std::move(help)};
}
Option integer(std::string name, std::int64_t value, Range r, std::string help) {
  return {std::move(name), OptionType::integer, value, std::move(help), {}, r.low, r.high};
}
Option real(std::string name, double value, Range r, std::string help) {
  return {std::move(name), OptionType::real, value, std::move(help), {}, r.low, r.high};
}
Option text(std::string name, std::string value, std::vector<std::string> choices,
            std::string help) {
  Option o{std::move(name), OptionType::text, std::move(value), std::move(help)};
  o.choices = std::move(choices);
  return o;
}
Option integers(std::string name, Integers value, Range r, std::string help) {
  return {std::move(name), OptionType::integers, std::move(value), std::move(help), {}, r.low,
          r.high};
}
Option real_or_word(std::string name, Value value, Range r, std::vector<std::string> words,
                    std::string help) {
  Option o{std::move(name), OptionType::real_or_word, std::move(value), std::move(help), {}, r.low,
           r.high};
  o.choices = std::move(words);
  return o;
}
}  // namespace option

Option Option::from(std::string document) const {
  Option o = *this;
  o.source = std::move(document);
  return o;
}
std::vector<Option> in_group(OptionGroup group, std::vector<Option> options) {
  for (Option& o : options) o.group = group;
  return options;
}

std::string type_name(const Option& o) {
  switch (o.type) {
    case OptionType::boolean: return "true or false";
    case OptionType::integer: return "an integer";
    case OptionType::real: return "a number";
    case OptionType::text: return o.choices.empty() ? "text" : "one of " + joined(o.choices);
    case OptionType::integers: return "integers separated by commas, each";
    case OptionType::real_or_word: return joined(o.choices) + " or a number";
  }
  return {};
}
std::string range_text(const Option& o) {
  if (o.type == OptionType::text || o.type == OptionType::boolean) return {};
  if (std::isfinite(o.low) && std::isfinite(o.high))
    return "in [" + number(o.low) + ", " + number(o.high) + "]";
  if (std::isfinite(o.low)) return "of at least " + number(o.low);
  if (std::isfinite(o.high)) return "of at most " + number(o.high);
  return {};
}
std::string to_text(const Value& value) {
  if (const auto* b = std::get_if<bool>(&value)) return *b ? "true" : "false";
  if (const auto* n = std::get_if<std::int64_t>(&value)) return std::to_string(*n);
  if (const auto* x = std::get_if<double>(&value)) return number(*x);
  if (const auto* s = std::get_if<std::string>(&value)) return *s;
  std::string s;
  for (std::int64_t n : std::get<Integers>(value)) {
    s += s.empty() ? "" : ",";
    s += std::to_string(n);
  }
  return s;
}

Config::Config(std::vector<Option> options) : options_(std::move(options)) {
  for (std::size_t i = 0; i < options_.size(); i++) {
    options_[i].value = checked(options_[i], options_[i].value, "the defaults");
    for (std::size_t j = 0; j < i; j++)
      if (options_[i].name == options_[j].name)
        throw Error(ErrorKind::internal, {"option '" + options_[i].name + "' is declared twice"});
  }
}

Option& Config::find(const std::string& name, const std::string& where) {
  for (auto& o : options_)
    if (o.name == name) return o;
  std::vector<std::string> names;
  for (const auto& o : options_) names.push_back(o.name);
  const std::string near = nearest(name, names);
  usage("unknown option '" + name + "'", where,
        near.empty() ? "a key that `imago describe PRESET` lists" : "perhaps '" + near + "'",
        "'" + name + "'");
}
const Option& Config::option(const std::string& name) const {
  return const_cast<Config*>(this)->find(name, {});
}
bool Config::has(const std::string& name) const {
  return std::any_of(options_.begin(), options_.end(),
                     [&](const Option& o) { return o.name == name; });
}

namespace {
template <class T>
const T& value_of(const Option& o) {
  if (const T* v = std::get_if<T>(&o.value)) return *v;
  throw Error(ErrorKind::internal, {"option '" + o.name + "' was read as another type"});
}
}  // namespace
bool Config::flag(const std::string& name) const { return value_of<bool>(option(name)); }
std::int64_t Config::integer(const std::string& name) const {
  return value_of<std::int64_t>(option(name));
}
double Config::real(const std::string& name) const { return value_of<double>(option(name)); }
const std::string& Config::text(const std::string& name) const {
  return value_of<std::string>(option(name));
}
const Integers& Config::integers(const std::string& name) const {
  return value_of<Integers>(option(name));
}
bool Config::is_word(const std::string& name) const {
  return std::holds_alternative<std::string>(option(name).value);
}

void Config::set(const std::string& name, const Value& value, const std::string& where) {
  Option& o = find(name, where);
  o.value = checked(o, value, where);
}
void Config::set_text(const std::string& name, const std::string& text, const std::string& where) {
  Option& o = find(name, where);
  o.value = checked(o, parse_text(o, text, where), where);
}
void Config::merge_json(const std::string& json, const std::string& where,
                        const std::vector<std::string>& skip) {
  const Json object = parse_object(json, where);
  for (const auto& [name, value] : object.items()) {
    if (std::find(skip.begin(), skip.end(), name) != skip.end()) continue;
    set(name, from_json(find(name, where), value, where), where);
  }
}
std::string Config::json(const std::vector<OptionGroup>& groups) const {
  Json object = Json::object();
  for (const auto& o : options_)
    if (groups.empty() || std::find(groups.begin(), groups.end(), o.group) != groups.end())
      object[o.name] = to_json(o.value);
  return object.dump(2) + "\n";
}

std::string json_string(const std::string& json, const std::string& key, const std::string& where) {
  const Json object = parse_object(json, where);
  const auto found = object.find(key);
  if (found == object.end()) return {};
  if (!found->is_string())
    usage("option '" + key + "' has a wrong value", where, "text", shown(*found));
  return found->get<std::string>();
}

std::string nearest(const std::string& word, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 2) + 1;
  for (const auto& c : candidates) {
    // Edit distance, two letters that changed places counted once.
    std::vector<std::size_t> before, row(c.size() + 1), next(c.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t(0));
    for (std::size_t i = 1; i <= word.size(); i++) {
      next[0] = i;
      for (std::size_t j = 1; j <= c.size(); j++) {
        next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + (word[i - 1] != c[j - 1])});
        if (i > 1 && j > 1 && word[i - 1] == c[j - 2] && word[i - 2] == c[j - 1])
          next[j] = std::min(next[j], before[j - 2] + 1);
      }
      before = row;
      row = next;
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = c;
    }
  }
  return best;
}

}  // namespace imago::training
