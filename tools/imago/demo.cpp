// imago demo: small experiments that make a point, as a table and a drawing.
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "engine/io/file.h"
#include "models/demos/demos.h"
#include "tools/imago/program.h"

namespace imago::tool {
namespace {
struct Options {
  std::string name, out;
  std::int64_t seed = 0;
  bool json = false;
};

void print_table(const models::Findings& found) {
  std::printf("%-16s", "");
  for (const auto& [name, figure] : found.rows[0].figures) std::printf(" %11s", name.c_str());
  std::puts("");
  for (const models::Finding& row : found.rows) {
    std::printf("%-16s", row.name.c_str());
    for (const auto& [name, figure] : row.figures) std::printf(" %11.4f", figure);
    std::puts("");
  }
}

void print_json(const models::Demo& demo, const Options& o, const std::string& out,
                const models::Findings& found) {
  nlohmann::ordered_json object{{"demo", demo.name}, {"seed", o.seed}, {"picture", out}};
  for (const models::Finding& row : found.rows)
    for (const auto& [name, figure] : row.figures) object["figures"][row.name][name] = figure;
  std::cout << object.dump() << "\n";
}

int run(const Options& o) {
  const models::Demo& demo = models::demo(o.name);
  const std::string out = o.out.empty() ? demo.name + ".svg" : o.out;
  if (!out.ends_with(".svg"))
    throw Error(ErrorKind::usage, {"unknown kind of picture", "--out", "FILE.svg", out});
  const models::Findings found = demo.run(std::uint64_t(o.seed));
  io::write_file(out, models::svg(demo.title, found.panels));
  if (o.json) {
    print_json(demo, o, out, found);
  } else {
    print_table(found);
    std::cout << out << "\n";
  }
  return 0;
}
}  // namespace

void add_demo(Program& program) {
  static Options o;
  std::string about = "Runs a small experiment, prints its figures and draws them. ";
  for (const models::Demo& d : models::demos()) about += concat(d.name, ": ", d.about, " ");
  about.pop_back();
  CLI::App* app =
      program.command("demo", "small experiments that make a point",
                      {about,
                       {{"imago demo bilinear", "a table, and bilinear.svg"},
                        {"imago demo divergences --json", "for programs: the figures of each fit"},
                        {"imago demo density-ratio --seed 1 --out ratio.svg", "another draw"}}},
                      &o, run);
  std::string names;
  for (const models::Demo& d : models::demos()) names += (names.empty() ? "" : ", ") + d.name;
  app->add_option("DEMO", o.name, "one of " + names)->required()->type_name("");
  add_integer(app, "--seed", &o.seed, "of what is drawn [0]", 0, INT64_MAX);
  add_out(app, &o.out, "FILE.svg [DEMO.svg]", "FILE");
  app->add_flag("--json", o.json, "one JSON object");
}

}  // namespace imago::tool
