// imago sample: new samples from a trained run, as one grid, one array, or one picture each.
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "engine/ops/layout.h"
#include "models/run.h"
#include "tools/imago/program.h"

namespace imago::tool {
namespace {
struct Options {
  RunOptions run;
  std::int64_t n = 64, seed = 0, label = -1;
  double temperature = 1;
  std::string out;
};

void write_each(const models::Picture& picture, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    throw Error(ErrorKind::internal,
                {"cannot make the folder", folder, {}, error.message(), "choose another --out"});
  for (Index i = 0; i < picture.x.size(0); i++) {
    char name[32];
    std::snprintf(name, sizeof name, "sample-%06lld.png", static_cast<long long>(i));
    models::write_picture({ops::slice(picture.x, 0, i, i + 1), 1}, folder + name);
  }
}

int run(const Options& o) {
  const std::string out = o.out.empty() ? o.run.run + "/generated.png" : o.out;
  const models::Run trained = models::Run::open(o.run.run, o.run.device, o.run.checkpoint);
  const models::Picture picture =
      trained.sample({o.n, std::uint64_t(o.seed), o.temperature, o.label});
  if (out.back() == '/') {
    if (trained.sample_shape().rank() < 2)
      throw Error(ErrorKind::usage,
                  {"these samples are no images", "--out", "a .png or .npy file", out});
    write_each(picture, out);
  } else {
    models::write_picture(picture, out);
  }
  std::cout << out << "\n";
  return 0;
}
}  // namespace

void add_sample(Program& program) {
  static Options o;
  CLI::App* app = program.command(
      "sample", "draw new samples from a trained run",
      {"Draws latent codes from the prior and writes what the decoder makes of them: a PNG grid, "
       "one array in .npy, or a folder of PNG files. The same seed draws the same samples.",
       {{"imago sample RUN", "64 samples into RUN/generated.png"},
        {"imago sample RUN -n 10000 --out samples.npy", "as an array"},
        {"imago sample RUN -n 100 --out samples/", "a picture each"}}},
      &o, run);
  add_run_options(app, &o.run);
  add_integer(app, "-n", &o.n, "how many samples [64]", 1, 1000000);
  add_integer(app, "--seed", &o.seed, "of the noise [0]", 0, INT64_MAX);
  add_real(app, "--temperature", &o.temperature, "standard deviation of the prior, 0 to 10 [1]", 0,
           10);
  add_integer(app, "--label", &o.label,
              "class of all samples of a conditional model [each in turn]", 0, 1 << 20);
  add_out(app, &o.out, "FILE.png (a grid), FILE.npy, or DIR/ (a picture each) [RUN/generated.png]",
          "PATH");
}

}  // namespace imago::tool
