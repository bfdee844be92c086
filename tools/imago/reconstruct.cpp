// imago reconstruct: samples of a split beside what the model makes of them.
#include <algorithm>
#include <iostream>

#include "models/run.h"
#include "tools/imago/program.h"

namespace imago::tool {
namespace {
struct Options {
  RunOptions run;
  std::int64_t n = 0;  // 0: 32, or as many as there are
  std::string split = "test", out;
};

int run(const Options& o) {
  const std::string out = o.out.empty() ? o.run.run + "/reconstructions.png" : o.out;
  const models::Run trained = models::Run::open(o.run.run, o.run.device, o.run.checkpoint);
  const Index n = o.n ? o.n : std::clamp<Index>(trained.split(o.split).size(), 1, 32);
  models::write_picture(trained.reconstruct(n, o.split), out);
  std::cout << out << "\n";
  return 0;
}
}  // namespace

void add_reconstruct(Program& program) {
  static Options o;
  CLI::App* app = program.command(
      "reconstruct", "samples beside what a trained run makes of them",
      {"Encodes and decodes samples of a split, and writes them in turn: each original, then its "
       "reconstruction.",
       {{"imago reconstruct RUN", "32 of the test split into RUN/reconstructions.png"},
        {"imago reconstruct RUN -n 8 --split train --out train.png", "of the training split"}}},
      &o, run);
  add_run_options(app, &o.run);
  add_integer(app, "-n", &o.n, "how many samples [32]", 1, 100000);
  app->add_option("--split", o.split, "train, valid or test")
      ->capture_default_str()
      ->type_name("NAME");
  add_out(app, &o.out, "FILE.png or FILE.npy [RUN/reconstructions.png]", "FILE");
}

}  // namespace imago::tool
