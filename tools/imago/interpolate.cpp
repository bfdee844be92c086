// imago interpolate: rows of samples that lead from one test sample to another through the latent
// space.
#include <algorithm>
#include <iostream>

#include "models/run.h"
#include "tools/imago/program.h"

namespace imago::tool {
namespace {
struct Options {
  RunOptions run;
  std::int64_t rows = 0, columns = 10;  // 0 rows: 8, or as many as there are pairs
  std::string out;
};

int run(const Options& o) {
  const std::string out = o.out.empty() ? o.run.run + "/interpolation.png" : o.out;
  const models::Run trained = models::Run::open(o.run.run, o.run.device, o.run.checkpoint);
  models::InterpolateOptions options;
  options.rows = int(o.rows ? o.rows : std::clamp<Index>(trained.split("test").size() / 2, 1, 8));
  options.columns = int(o.columns);
  models::write_picture(trained.interpolate(options), out);
  std::cout << out << "\n";
  return 0;
}
}  // namespace

void add_interpolate(Program& program) {
  static Options o;
  CLI::App* app = program.command(
      "interpolate", "ways through the latent space between test samples",
      {"Encodes pairs of test samples and decodes the points between their codes: each row leads "
       "from one sample to another.",
       {{"imago interpolate RUN", "8 rows of 10 steps into RUN/interpolation.png"},
        {"imago interpolate RUN --rows 4 --columns 15 --out ways.png", "fewer and longer"}}},
      &o, run);
  add_run_options(app, &o.run);
  add_integer(app, "--rows", &o.rows, "pairs of samples [8]", 1, 1000);
  add_integer(app, "--columns", &o.columns, "steps from one to the other, ends included [10]", 2,
              1000);
  add_out(app, &o.out, "FILE.png or FILE.npy [RUN/interpolation.png]", "FILE");
}

}  // namespace imago::tool
