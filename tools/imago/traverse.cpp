// imago traverse: what each dimension of a code does, a row for each.
#include <iostream>

#include "models/run.h"
#include "tools/imago/program.h"

namespace imago::tool {
namespace {
struct Options {
  RunOptions run;
  std::int64_t rows = 0, columns = 9, around = -1, seed = 0;
  double range = 3;
  std::string out;
};

int run(const Options& o) {
  const std::string out = o.out.empty() ? o.run.run + "/traversal.png" : o.out;
  const models::Run trained = models::Run::open(o.run.run, o.run.device, o.run.checkpoint);
  models::write_picture(
      trained.traverse({o.rows, o.columns, o.range, o.around, std::uint64_t(o.seed)}), out);
  std::cout << out << "\n";
  return 0;
}
}  // namespace

void add_traverse(Program& program) {
  static Options o;
  CLI::App* app = program.command(
      "traverse", "what each dimension of a code does",
      {"Varies one dimension of a code after the other, the rest left as it is: a row for each. "
       "The code is the prior's mean (of an adversarial model, a draw from it), or that of a test "
       "sample.",
       {{"imago traverse RUN", "10 dimensions from -3 to 3 into RUN/traversal.png"},
        {"imago traverse RUN --around 4 --rows 20 --columns 11", "around a test sample's code"}}},
      &o, run);
  add_run_options(app, &o.run);
  add_integer(app, "--rows", &o.rows, "dimensions of the code, from the first [10, or all]", 1,
              1000);
  add_integer(app, "--columns", &o.columns, "values of each [9]", 2, 1000);
  add_real(app, "--range", &o.range, "from minus this to this, 0 to 100 [3]", 0, 100);
  add_integer(app, "--around", &o.around, "number of the test sample whose code it is", 0,
              1000000000);
  add_integer(app, "--seed", &o.seed, "of the code, where it is drawn [0]", 0, INT64_MAX);
  add_out(app, &o.out, "FILE.png or FILE.npy [RUN/traversal.png]", "FILE");
}

}  // namespace imago::tool
