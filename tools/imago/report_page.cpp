#include "tools/imago/report_page.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>

#include "models/presets.h"
#include "report_template.h"
#include "tools/imago/base64.h"
#include "tools/imago/terminal.h"

namespace imago::tool {
using training::Figures, training::MetricsLine, training::Option, training::OptionGroup;
using Json = nlohmann::ordered_json;

namespace {
constexpr std::size_t lines_shown = 2000, log_lines_shown = 60, log_line_length = 2000;
constexpr int sample_side = 520, picture_side = 480;  // CSS pixels that a picture is enlarged to

std::string html(const std::string& text) {
  std::string safe;
  for (const char c : text) switch (c) {
      case '&': safe += "&amp;"; break;
      case '<': safe += "&lt;"; break;
      case '>': safe += "&gt;"; break;
      case '"': safe += "&quot;"; break;
      case '\'': safe += "&#39;"; break;
      default: safe += c;
    }
  return safe;
}
// Inside a script element the parser looks for "</script" and "<!--" only.
std::string json_in_script(const Json& json) {
  std::string safe;
  for (const char c : json.dump(-1, ' ', false, Json::error_handler_t::replace))
    if (c == '<')
      safe += "\\u003c";
    else
      safe += c;
  return safe;
}

struct Meaning {
  const char *name, *unit, *text;
};
constexpr Meaning meanings[] = {
    {"elbo", "nats", "evidence lower bound on log p(x); larger is better"},
    {"iwae", "nats", "importance-weighted bound on log p(x); larger is better"},
    {"nll", "nats", "\u2212log p(x) by importance sampling; smaller is better"},
    {"distortion", "nats", "\u2212E log p(x|z); smaller is better"},
    {"rate", "nats", "KL(q(z|x) \u2016 p(z)), the information in the code"},
    {"loss", "nats", "what training minimises; smaller is better"},
    {"ais", "nats", "\u2212log p(x) by annealed importance sampling; smaller is better"},
    {"mi_lower", "nats", "information of the code on the data, from below"},
    {"mi_upper", "nats", "information of the code on the data, from above"},
    {"active_units", "", "dimensions of the code that depend on the data"},
    {"mse", "", "mean squared error of a dimension; smaller is better"},
};
const Meaning& meaning(const std::string& name) {
  static constexpr Meaning unknown{"", "", ""};
  for (const Meaning& m : meanings)
    if (name == m.name) return m;
  return unknown;
}

std::string epoch_text(double epoch) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", epoch);
  return text;
}
// A figure in running text, with a minus sign that is one.
std::string shown(double value) {
  if (!std::isfinite(value)) return "not finite";
  std::string text = figure(value);
  return text[0] == '-' ? "\u2212" + text.substr(1) : text;
}
// A figure in a table that may be copied into a program.
std::string plain(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%#.7g", value);
  return std::isfinite(value) ? text : "null";
}

// Every figure of the run: the one that decides first, then as they appear.
std::vector<std::string> figure_names(const ReportRun& run) {
  std::vector<std::string> names;
  for (const MetricsLine& line : run.lines)
    for (const auto& f : line.figures)
      if (std::find(names.begin(), names.end(), f.first) == names.end()) names.push_back(f.first);
  const auto first =
      std::find(names.begin(), names.end(), models::preset(run.config.text("preset")).headline);
  if (first != names.end()) std::rotate(names.begin(), first, first + 1);
  return names;
}

// The lines of one split that the page holds, and how many there are.
struct Split {
  std::string name;
  std::vector<const MetricsLine*> lines;
  std::size_t found = 0;
  std::vector<std::string> figures;  // of these lines
};
std::vector<Split> splits(const ReportRun& run) {
  std::vector<Split> all;
  for (const MetricsLine& line : run.lines) {
    auto split =
        std::find_if(all.begin(), all.end(), [&](const Split& s) { return s.name == line.split; });
    if (split == all.end()) split = all.insert(all.end(), Split{line.split, {}, 0, {}});
    split->lines.push_back(&line);
  }
  for (Split& split : all) {
    split.found = split.lines.size();
    std::vector<const MetricsLine*> chosen;
    for (std::size_t i : evenly(split.found, lines_shown)) chosen.push_back(split.lines[i]);
    split.lines = std::move(chosen);
    for (const std::string& name : figure_names(run))
      if (std::any_of(split.lines.begin(), split.lines.end(), [&](const MetricsLine* line) {
            return training::has_figure(line->figures, name);
          }))
        split.figures.push_back(name);
  }
  return all;
}
double value_or_nan(const Figures& figures, const std::string& name) {
  return training::has_figure(figures, name) ? training::figure(figures, name) : std::nan("");
}

std::string data_address(const std::string& png) { return "data:image/png;base64," + base64(png); }

// What the script draws from.
Json data_of(const ReportRun& run) {
  Json data{{"figures", Json::array()}, {"splits", Json::array()}, {"samples", Json::array()}};
  for (const std::string& name : figure_names(run))
    data["figures"].push_back(
        {{"name", name}, {"unit", meaning(name).unit}, {"meaning", meaning(name).text}});
  for (const Split& split : splits(run)) {
    Json object{{"name", split.name}, {"step", Json::array()}, {"epoch", Json::array()}};
    for (const MetricsLine* line : split.lines) {
      object["step"].push_back(line->step);
      object["epoch"].push_back(line->epoch);
    }
    object["figures"] = Json::array();
    for (const std::string& name : split.figures) {
      Json values = Json::array();
      for (const MetricsLine* line : split.lines)
        values.push_back(value_or_nan(line->figures, name));  // NaN is dumped as null
      object["figures"].push_back({{"name", name}, {"values", std::move(values)}});
    }
    data["splits"].push_back(std::move(object));
  }
  // The newest is in the page itself already, for readers without the script.
  for (const ReportPicture& sample : run.samples) {
    Json object{{"step", sample.step}};
    if (&sample != &run.samples.back()) object["png"] = data_address(sample.png);
    data["samples"].push_back(std::move(object));
  }
  return data;
}

// An image element, enlarged by a whole number so that pixels stay square.
std::string image(const ReportPicture& picture, const std::string& id, const std::string& text,
                  int side) {
  const int factor = std::max(1, side / std::max(1, picture.width));
  return concat("<img", id.empty() ? "" : " id=\"" + id + "\"", " width=\"", picture.width * factor,
                "\" height=\"", picture.height * factor, "\" alt=\"", html(text), "\" src=\"",
                data_address(picture.png), "\">");
}

const MetricsLine* newest(const ReportRun& run, const std::string& split) {
  for (auto line = run.lines.rbegin(); line != run.lines.rend(); ++line)
    if (line->split == split) return &*line;
  return nullptr;
}

std::string absent(const std::string& text) {
  return "<p class=\"absent\">" + html(text) + "</p>\n";
}

std::string heading(const ReportRun& run) {
  const training::Config& c = run.config;
  std::string text =
      concat("seed ", c.integer("seed"), " \u00b7 step ", run.step,
             run.steps > 0 && run.steps != run.step ? concat(" of ", run.steps) : std::string());
  if (!run.lines.empty()) {
    text += " \u00b7 epoch " + epoch_text(run.lines.back().epoch);
  }
  return html(text) + " \u00b7 <span class=\"" + (run.finished ? "state" : "state open") + "\">" +
         html(run.state) + "</span>";
}

// Which sign a figure has depends on whether p(x|z) is a probability or a density.
std::string convention(const ReportRun& run) {
  const std::vector<std::string> names = figure_names(run);
  const auto has = [&](const char* name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  const std::string likelihood =
      run.config.has("likelihood") ? run.config.text("likelihood") : std::string();
  std::string text = "Means over the samples of a split; nats are nats per sample. ";
  if (has("elbo") && has("rate"))
    text += "elbo\u00a0=\u00a0\u2212(rate\u00a0+\u00a0distortion), and rate\u00a0\u2265\u00a00. ";
  const std::string signs = has("elbo")
                                ? "elbo\u00a0\u2264\u00a00 and nll, distortion\u00a0\u2265\u00a00"
                                : "distortion\u00a0\u2265\u00a00";
  if (likelihood == "gaussian")
    text += "p(x|z) is a density (gaussian), which may exceed 1, so its logarithm has either sign.";
  else if (likelihood == "auto")
    text += signs + " where p(x|z) is a probability.";
  else
    text += "p(x|z) is a probability (" + likelihood + "): " + signs + ".";
  return html(text);
}

std::string summary(const ReportRun& run) {
  struct Column {
    std::string title;
    const MetricsLine* line;
  };
  std::vector<Column> columns;
  const auto add = [&](const std::string& title, const MetricsLine* line) {
    if (line) columns.push_back({title, line});
  };
  const MetricsLine* test = newest(run, "test");
  add(run.finished ? "test" : "test so far", test);
  add("best valid", run.best ? &*run.best : nullptr);
  if (!run.best) add("valid", newest(run, "valid"));
  add("train", newest(run, "train"));

  if (columns.empty()) return absent("No figures yet: the run has not been evaluated.");

  const std::string decides = models::preset(run.config.text("preset")).headline;
  std::string text;
  const Column& first = columns.front();
  if (training::has_figure(first.line->figures, decides))
    text += concat("<p class=\"result\"><strong>",
                   html(shown(training::figure(first.line->figures, decides))), "</strong> ",
                   meaning(decides).unit, " <span>", html(first.title), " ", html(decides),
                   "</span></p>\n");
  text += "<div class=\"wide\"><table class=\"summary\">\n<thead><tr><th scope=\"col\">figure</th>";
  for (const Column& c : columns)
    text +=
        concat("<th scope=\"col\">", html(c.title), "<small>step ", c.line->step, "</small></th>");
  text +=
      "<th scope=\"col\" class=\"words\">unit</th><th scope=\"col\" class=\"words\">what it is"
      "</th></tr></thead>\n<tbody>\n";
  for (const std::string& name : figure_names(run)) {
    std::string cells;
    bool any = false;
    for (const Column& c : columns) {
      const bool has = training::has_figure(c.line->figures, name);
      any |= has;
      cells += "<td>" + (has ? html(shown(training::figure(c.line->figures, name))) : "\u2013") +
               "</td>";
    }
    if (any)
      text += concat("<tr><th scope=\"row\">", html(name), "</th>", cells, "<td class=\"words\">",
                     meaning(name).unit, "</td><td class=\"words\">", html(meaning(name).text),
                     "</td></tr>\n");
  }
  text += "</tbody></table></div>\n<p class=\"note\">" + convention(run);
  if (newest(run, "train")) text += " Train figures are means over the epoch so far.";
  if (run.best)
    text += " Best is what the valid split chose; test chooses nothing.";
  else if (!newest(run, "valid"))
    text += " The run has no valid split, so none of its checkpoints is called the best.";
  text += "</p>\n";
  if (!test) text += absent("No test figures yet.");
  return text;
}

std::string samples(const ReportRun& run) {
  if (run.samples.empty()) return absent("The run holds no pictures of samples.");
  const ReportPicture& last = run.samples.back();
  std::string text = "<figure class=\"samples\">\n" +
                     image(last, "sample", concat("samples at step ", last.step), sample_side) +
                     concat("\n<figcaption><output id=\"sample-step\" for=\"slider\">step ",
                            last.step, "</output>") +
                     "\n<input id=\"slider\" type=\"range\" min=\"0\" max=\"" +
                     std::to_string(run.samples.size() - 1) + "\" value=\"" +
                     std::to_string(run.samples.size() - 1) +
                     "\" step=\"1\" aria-label=\"step of the samples\" hidden>\n<span "
                     "class=\"note\">";
  text += run.samples.size() == run.samples_found
              ? concat(run.samples_found, run.samples_found == 1 ? " picture" : " pictures")
              : concat(run.samples.size(), " of ", run.samples_found,
                       " pictures, evenly spaced, the first and the newest among them");
  return text + "</span></figcaption>\n</figure>\n<div id=\"strip\"></div>\n";
}

std::string pictures(const ReportRun& run) {
  std::string text;
  for (const ReportPicture& picture : run.pictures)
    text += "<figure>" + image(picture, {}, picture.name, picture_side) + "<figcaption>" +
            html(picture.name) + "</figcaption></figure>\n";
  if (!text.empty())
    text = "<h2>Other pictures of the run</h2>\n<div class=\"pictures\">" + text + "</div>\n";
  for (const std::string& name : run.left_out) text += absent("Left out: " + name);
  return text;
}

std::string networks(const ReportRun& run) {
  if (run.networks.empty()) return absent(run.without_networks);
  return "<pre>" + html(run.networks) + "</pre>\n";
}

std::string configuration(const ReportRun& run) {
  const training::Config defaults(models::preset(run.config.text("preset")).options);
  std::string text;
  const auto group = [&](OptionGroup which, const char* title) {
    text +=
        concat("<tr class=\"group\"><th colspan=\"4\" scope=\"rowgroup\">", title, "</th></tr>\n");
    for (const Option& o : run.config.options()) {
      if (o.group != which || o.name == "preset") continue;
      const Option& normal = defaults.option(o.name);
      const std::string value = training::to_text(o.value), usual = training::to_text(normal.value),
                        range = training::range_text(o);
      const bool differs = o.value != normal.value;
      const auto cell = [](const std::string& v) { return v.empty() ? "\u2013" : html(v); };
      text += concat("<tr", differs ? " class=\"differs\"" : "", " title=\"",
                     html(concat(o.help, "; ", training::type_name(o), range.empty() ? "" : " ",
                                 range, o.source.empty() ? "" : " [" + o.source + "]")),
                     "\"><th scope=\"row\">", html(o.name), "</th><td>", cell(value),
                     differs ? "<span class=\"unseen\"> (not the default)</span>" : "", "</td><td>",
                     cell(usual), "</td><td class=\"words\">", html(o.help), "</td></tr>\n");
    }
  };
  group(OptionGroup::model, "model");
  group(OptionGroup::training, "training");
  group(OptionGroup::run, "run");
  return text;
}

std::string machine(const ReportRun& run) {
  std::string text;
  std::vector<std::string> known;
  for (const std::string& line : run.log) {
    const std::size_t at = line.find(" imago ");  // "TIME imago VERSION on DEVICE: ..."
    if (at != line.find(' ') || at == std::string::npos || line.find(" on ") == std::string::npos)
      continue;
    const std::string what = line.substr(at + 1);
    if (std::find(known.begin(), known.end(), what) == known.end()) known.push_back(what);
  }
  for (const std::string& line : known) text += "<p>" + html(line) + "</p>\n";
  return known.empty() ? absent("The log does not tell which machine trained the run.") : text;
}

std::string log(const ReportRun& run) {
  if (run.log.empty()) return absent("The run has no log.");
  const std::size_t from = run.log.size() > log_lines_shown ? run.log.size() - log_lines_shown : 0;
  std::string text;
  if (from > 0)
    text = concat("<p class=\"note\">The last ", log_lines_shown, " of ", run.log.size(),
                  " lines.</p>\n");
  text += "<pre>";
  for (std::size_t i = from; i < run.log.size(); i++)
    text += html(run.log[i].substr(0, log_line_length)) + "\n";
  return text + "</pre>\n";
}

std::string tables(const ReportRun& run) {
  std::string text;
  for (const Split& split : splits(run)) {
    text += concat("<details><summary>", html(split.name), ", ", split.found,
                   split.found == 1 ? " line" : " lines", "</summary>\n");
    if (split.lines.size() < split.found)
      text += concat("<p class=\"note\">", split.lines.size(), " of ", split.found,
                     " lines, evenly spaced, here and in the curves.</p>\n");
    text += "<div class=\"wide tall\" tabindex=\"0\" role=\"region\" aria-label=\"figures of " +
            html(split.name) +
            "\"><table>\n<thead><tr><th scope=\"col\">step</th>"
            "<th scope=\"col\">epoch</th>";
    for (const std::string& name : split.figures)
      text += concat("<th scope=\"col\">", html(name),
                     *meaning(name).unit ? concat("<small>", meaning(name).unit, "</small>") : "",
                     "</th>");
    text += "</tr></thead>\n<tbody>\n";
    for (const MetricsLine* line : split.lines) {
      text += concat("<tr><th scope=\"row\">", line->step, "</th><td>", epoch_text(line->epoch),
                     "</td>");
      for (const std::string& name : split.figures)
        text += "<td>" +
                (training::has_figure(line->figures, name)
                     ? plain(training::figure(line->figures, name))
                     : std::string()) +
                "</td>";
      text += "</tr>\n";
    }
    text += "</tbody></table></div></details>\n";
  }
  if (text.empty()) text = absent("None.");
  if (run.torn)
    text += absent(
        "The last line of metrics.jsonl was cut short, by a crash or while it was written; it is "
        "left out.");
  return text;
}

// Each {{name}} of the template, in one pass: what is put in is never looked at again.
std::string filled(const std::string& page,
                   const std::function<std::string(const std::string&)>& content) {
  std::string text;
  for (std::size_t at = 0;;) {
    const std::size_t open = page.find("{{", at);
    text += page.substr(at, open - at);
    if (open == std::string::npos) return text;
    const std::size_t close = page.find("}}", open);
    text += content(page.substr(open + 2, close - open - 2));
    at = close + 2;
  }
}
}  // namespace

std::string report_page(const ReportRun& run) {
  const auto content = [&](const std::string& name) -> std::string {
    if (name == "preset") return html(run.config.text("preset"));
    if (name == "data")
      return run.config.text("data").empty() ? "no data set" : html(run.config.text("data"));
    if (name == "about") return html(models::preset(run.config.text("preset")).summary);
    if (name == "directory") return html(run.directory);
    if (name == "version") return IMAGO_VERSION;
    if (name == "heading") return heading(run);
    if (name == "summary") return summary(run);
    if (name == "samples") return samples(run);
    if (name == "pictures") return pictures(run);
    if (name == "networks") return networks(run);
    if (name == "configuration") return configuration(run);
    if (name == "machine") return machine(run);
    if (name == "log") return log(run);
    if (name == "tables") return tables(run);
    if (name == "json") return json_in_script(data_of(run));
    throw Error(ErrorKind::internal, {"the report's template asks for " + name});
  };
  return filled(report_template, content);
}

}  // namespace imago::tool
