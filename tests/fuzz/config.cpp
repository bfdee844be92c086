// A configuration in JSON, as `imago train CONFIG.json` takes it.
#include <nlohmann/json.hpp>

#include "engine/train/options.h"
#include "models/presets.h"
#include "models/run.h"
#include "tests/fuzz/target.h"

namespace imago::fuzz {
namespace {

void check(const std::string& text) {
  using training::Config;
  // A node of JSON is 16 bytes, in a vector that may be twice as long; beside a key of an object.
  const std::size_t memory = (1 << 20) + text.size() * 256;
  models::presets();  // the program's own, once
  Config config;
  if (!accepts(ErrorKind::usage, memory, [&] {
        const std::string name = training::json_string(text, "preset", "in.json");
        config = Config(models::preset(name.empty() ? "vae" : name).options);
        config.merge_json(text, "in.json");
      }))
    return;
  Config again(models::preset(config.text("preset")).options);
  again.merge_json(config.json(), "out.json");
  require(again == config, "a configuration reads back different");
  // A number is taken as it is or refused, never as another one.
  const auto given = nlohmann::json::parse(text), taken = nlohmann::json::parse(config.json());
  for (const auto& [key, value] : given.items())
    if (value.is_number() && taken[key].is_number())
      require(value.get<double>() == taken[key].get<double>(), "another number for " + key);

  const std::string path = file_of("in.json", text);
  models::Resolved resolved;
  const models::TrainRequest request{
      path, {{"data", "four-patterns"}, {"device", "cpu"}}, file_of("none")};
  if (accepts({ErrorKind::usage, ErrorKind::data, ErrorKind::device}, memory + (1 << 24),
              [&] { resolved = models::resolve(request); })) {
    const std::string out = resolved.json();
    require(models::resolve({file_of("in.json", out), {}, file_of("none")}).json() == out,
            "a resolved configuration resolves to another one");
  }
}

const Registered registered({"config", check});

}  // namespace
}  // namespace imago::fuzz
