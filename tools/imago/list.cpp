// imago list: the presets and the data sets there are.
#include <iostream>
#include <nlohmann/json.hpp>

#include "engine/data/data_set.h"
#include "models/presets.h"
#include "tools/imago/program.h"

namespace imago::tool {
namespace {
struct Options {
  bool json = false;
};

int run(const Options& o) {
  if (o.json) {
    nlohmann::ordered_json object{{"presets", nlohmann::json::array()},
                                  {"data", nlohmann::json::array()}};
    for (const models::Preset& p : models::presets())
      object["presets"].push_back({{"name", p.name}, {"summary", p.summary}, {"source", p.source}});
    for (const data::SetInfo& s : data::sets())
      object["data"].push_back({{"name", s.name}, {"about", s.about}, {"generated", s.generated}});
    std::cout << object.dump() << "\n";
    return 0;
  }
  const auto row = [](const std::string& name, const std::string& about) {
    std::printf("  %-20s %s\n", name.c_str(), about.c_str());
  };
  std::puts("presets (imago describe NAME)");
  for (const models::Preset& p : models::presets()) row(p.name, p.summary);
  std::puts("data sets (imago train PRESET --data NAME)");
  for (const data::SetInfo& s : data::sets()) row(s.name, s.about);
  row("sampler:CHAIN:...", "the same by a chain of choice: metropolis (default), langevin, hmc");
  return 0;
}
}  // namespace

void add_list(Program& program) {
  static Options o;
  CLI::App* app = program.command(
      "list", "the presets and the data sets",
      {"Prints the presets that `imago train` and `imago describe` take, and the data sets that "
       "--data takes by name. Generated sets need no files.",
       {{"imago list", "for people"},
        {"imago list --json", "for programs: presets and data, each with its name"}}},
      &o, run);
  app->add_flag("--json", o.json, "one JSON object");
}

}  // namespace imago::tool
