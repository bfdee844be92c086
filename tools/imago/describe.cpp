// imago describe: what a preset is made of, and every option it has.
#include <algorithm>
#include <iostream>

#include "models/presets.h"
#include "tools/imago/program.h"

namespace imago::tool {
namespace {
struct Options {
  std::string preset, shape = "28,28";
  training::Settings settings;
};

int run(const Options& o) {
  std::vector<Index> dims;
  for (std::size_t from = 0; from <= o.shape.size();) {
    const std::size_t comma = std::min(o.shape.find(',', from), o.shape.size());
    dims.push_back(to_integer("--shape", o.shape.substr(from, comma - from), 1, 1 << 20));
    from = comma + 1;
  }
  std::cout << models::describe(o.preset, Shape(dims), o.settings);
  return 0;
}
}  // namespace

void add_describe(Program& program) {
  static Options o;
  CLI::App* app = program.command(
      "describe", "networks and options of a preset",
      {"Prints the networks of a preset with shapes and parameter counts, then every option that "
       "--set takes: type, range, default and source.",
       {{"imago describe vae", "for pictures of 28 x 28"},
        {"imago describe vae --shape 32,32,3", "for colour pictures"},
        {"imago describe wgan-gp --shape 2 --set width=64",
         "for points, with one option changed"}}},
      &o, run);
  app->add_option("PRESET", o.preset, "as `imago list` names it")->required()->type_name("");
  app->add_option("--shape", o.shape, "sizes of a sample, separated by commas")
      ->capture_default_str()
      ->type_name("H,W,C");
  add_set(app, &o.settings);
}

}  // namespace imago::tool
