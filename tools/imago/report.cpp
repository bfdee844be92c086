// imago report: a run as one page that needs nothing else: figures, pictures, configuration.
#include <iostream>

#include "engine/io/file.h"
#include "tools/imago/program.h"
#include "tools/imago/report_page.h"

namespace imago::tool {
namespace {
struct Options {
  std::string run, out;
};

int run(const Options& o) {
  const std::string out = o.out.empty() ? o.run + "/report.html" : o.out;
  if (out.size() < 5 || out.compare(out.size() - 5, 5, ".html") != 0)
    throw Error(ErrorKind::usage,
                {"unknown kind of report", "--out", "a name ending in .html", out});
  io::write_file(out, report_page(read_report_run(o.run)));
  std::cout << out << "\n";
  return 0;
}
}  // namespace

void add_report(Program& program) {
  static Options o;
  CLI::App* app = program.command(
      "report", "a run as one HTML page: figures, pictures, options",
      {"The page holds all it shows and loads nothing: it can be sent, archived, and opened from a "
       "file. A link may carry a view, as in report.html#x=epoch&logy=1&at=500&sample=500: the "
       "axes, the step read out of the curves, and the step of the samples. Pictures go in as they "
       "are, at most 12 MB of them: of many samples an even choice with the first and the newest.",
       {{"imago report RUN", "into RUN/report.html, also while the run is training"},
        {"imago report RUN --out page.html", "elsewhere"}}},
      &o, run);
  app->add_option("RUN", o.run, "the directory of a run: finished, stopped or still training")
      ->required()
      ->type_name("");
  add_out(app, &o.out, "FILE.html [RUN/report.html]", "FILE");
}

}  // namespace imago::tool
