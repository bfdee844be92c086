#include "tools/imago/help.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <sstream>

#include "engine/core/version.h"

namespace imago::tool {
namespace {
constexpr std::size_t width = 80;

const std::vector<Section>& general_sections() {
  static const std::vector<Section> sections{
      {"Files",
       {{"RUN/config.json", "the resolved configuration; `imago train` takes it back"},
        {"RUN/metrics.jsonl", "one JSON object a line: step, epoch, split, figures in nats"},
        {"RUN/events.out.tfevents.*", "the same for TensorBoard, with pictures of samples"},
        {"RUN/samples/, RUN/samples.png", "samples drawn during training, and the newest"},
        {"RUN/checkpoints/", "best and last, as safetensors"},
        {"RUN/log.txt", "when the run began, stopped, went on, ended; device and threads"},
        {"DIR/NAME/", "a named data set under --data-dir, $IMAGO_DATA or /usr/share/datasets"}}},
      {"Environment",
       {{"IMAGO_DATA", "where named data sets lie; --data-dir goes before it"},
        {"OMP_NUM_THREADS", "threads on the cpu"},
        {"IMAGO_REFERENCE=1", "plain operations instead of fused kernels, to compare"}}},
      {"Exit status",
       {{"0", "done"},
        {"1", "an input or output failure, or a fault of imago"},
        {"2", "wrong usage or configuration"},
        {"3", "data, run or checkpoint missing, damaged or of the wrong shape"},
        {"4", "no such device, or out of memory"},
        {"5", "training diverged: a loss was not finite"},
        {"129, 130, 143",
         "stopped by SIGHUP, Ctrl-C or SIGTERM after the step at hand; `--resume` goes on from "
         "there"}}}};
  return sections;
}

bool listed(const CLI::Option& o) { return !o.get_group().empty(); }

std::string option_text(const CLI::Option& o) {
  const std::string given = o.get_default_str();
  return o.get_description() + (given.empty() ? "" : concat(" [", given, "]"));
}

std::vector<Section> option_sections(const CLI::App& app) {
  Section arguments{"Arguments", {}, false}, options{"Options", {}};
  for (const CLI::Option* o : app.get_options())
    if (listed(*o))
      (o->get_positional() ? arguments : options)
          .items.push_back({option_term(*o), option_text(*o)});
  std::vector<Section> sections;
  for (Section& s : {std::ref(arguments), std::ref(options)})
    if (!s.items.empty()) sections.push_back(std::move(s));
  return sections;
}

Section example_section(const Manual& manual) {
  Section examples{"Examples", {}};
  for (const Example& e : manual.examples) examples.items.push_back({e.command, e.what});
  return examples;
}

// Words of `text` in lines that end before `width`, the first of which begins at column `at`, the
// others at `indent`.
std::string wrapped(const std::string& text, std::size_t at, std::size_t indent) {
  std::string out;
  std::istringstream words(text);
  bool first = true;
  for (std::string word; words >> word; first = false) {
    if (!first && at + 1 + word.size() > width) {
      out += "\n" + std::string(indent, ' ');
      at = indent;
    } else if (!first) {
      out += ' ';
      at++;
    }
    out += word;
    at += word.size();
  }
  return out + "\n";
}

std::string text_of(const Section& s) {
  std::string out = s.title + ":\n";
  // Terms in a column as wide as most need; a longer one has its text on the next line.
  std::size_t column = 0;
  for (const auto& item : s.items)
    if (item.term.size() <= 24) column = std::max(column, item.term.size() + 4);
  const bool below = s.title == "Examples";
  for (const auto& [term, text] : s.items) {
    if (below || term.size() + 4 > column) {
      const std::size_t indent = below ? 6 : column;
      out += "  " + term + "\n" + std::string(indent, ' ') + wrapped(text, indent, indent);
    } else {
      out +=
          "  " + term + std::string(column - 2 - term.size(), ' ') + wrapped(text, column, column);
    }
  }
  return out + "\n";
}

// Letters that roff would read as its own.
std::string roff(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if (c == '\'' || c == '`')
      out += c == '`' ? "\\(ga" : "\\(aq";
    else if ((c == '.') && (out.empty() || out.back() == '\n'))
      out += "\\&.";
    else
      out += c;
  }
  return out;
}

std::string upper(std::string text) {
  for (char& c : text) c = char(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string roff_of(const Section& s, const char* heading) {
  std::string out = concat(heading, " ", s.title, "\n");
  for (const auto& [term, text] : s.items)
    out += concat(".TP\n", s.literal ? ".B " : ".I ", roff(term), "\n", roff(text), "\n");
  return out;
}
}  // namespace

std::string usage_line(const CLI::App& app) {
  std::string line = app.get_parent() ? "imago " + app.get_name() : "imago COMMAND";
  for (const CLI::Option* o : app.get_options())
    if (o->get_positional())
      line += o->get_required() ? " " + o->get_name(true) : " [" + o->get_name(true) + "]";
  return line + " [OPTIONS]";
}

std::string option_term(const CLI::Option& o) {
  if (o.get_positional()) return o.get_name(true);
  std::string term;
  for (const std::string& name : o.get_snames()) term += (term.empty() ? "-" : ", -") + name;
  for (const std::string& name : o.get_lnames()) term += (term.empty() ? "--" : ", --") + name;
  const std::string type = o.get_type_name();
  return type.empty() || o.get_items_expected_max() == 0 ? term : term + " " + type;
}

std::string help_text(const Program& program, const CLI::App& app) {
  const bool whole = !app.get_parent();
  const Manual& manual = program.manuals.at(&app);
  std::string out =
      concat(whole ? "imago" : "imago " + app.get_name(), " - ", app.get_description(),
             "\n\nUsage: ", usage_line(app), "\n\n", wrapped(manual.about, 0, 0), "\n");
  if (whole) {
    Section commands{"Commands (options of each: imago COMMAND --help)", {}};
    for (const CLI::App* sub : app.get_subcommands({}))
      commands.items.push_back({sub->get_name(), sub->get_description()});
    out += text_of(commands);
  }
  for (const Section& s : option_sections(app)) out += text_of(s);
  out += text_of(example_section(manual));
  if (whole)
    for (const Section& s : general_sections()) out += text_of(s);
  else
    out += "Files, environment and exit status: imago --help\n\n";
  out.pop_back();
  return out;
}

std::string manual_page(const Program& program) {
  const CLI::App& app = program.app;
  const Manual& manual = program.manuals.at(&app);
  // No date: the page depends on the sources alone.
  std::string out = concat(
      ".TH IMAGO 1 \"\" \"imago ", version().number, "\" \"User Commands\"\n.SH NAME\nimago \\- ",
      roff(app.get_description()), "\n.SH SYNOPSIS\n.B ", roff(usage_line(app)), "\n");
  for (const CLI::App* sub : app.get_subcommands({}))
    out += concat(".br\n.B ", roff(usage_line(*sub)), "\n");
  out += concat(".SH DESCRIPTION\n", roff(manual.about), "\n");
  for (Section& s : option_sections(app)) {
    s.title = upper(s.title);
    out += roff_of(s, ".SH");
  }
  out += ".SH COMMANDS\n";
  for (const CLI::App* sub : app.get_subcommands({})) {
    const Manual& m = program.manuals.at(sub);
    out += concat(".SS ", roff(usage_line(*sub)), "\n", roff(m.about), "\n");
    for (const Section& s : option_sections(*sub))
      for (const auto& [term, text] : s.items)
        out += concat(".TP\n", s.literal ? ".B " : ".I ", roff(term), "\n", roff(text), "\n");
    out += ".PP\nExamples:\n";
    for (const Example& e : m.examples)
      out += concat(".TP\n.B ", roff(e.command), "\n", roff(e.what), "\n");
  }
  std::vector<Section> last{example_section(manual)};
  last.insert(last.end(), general_sections().begin(), general_sections().end());
  for (Section& s : last) {
    s.title = upper(s.title);
    out += roff_of(s, ".SH");
  }
  return out + ".SH SEE ALSO\n.BR imago\\-bench (1)\n";
}

}  // namespace imago::tool
