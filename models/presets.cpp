#include "models/presets.h"

#include <algorithm>
#include <cstdio>

#include "models/classifier.h"
#include "models/preset_rows.h"

namespace imago::models {

using training::Config, training::Option, training::OptionGroup;

Options operator+(Options a, const Options& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

namespace {

// What every run has: which data, where, from which seed.
Options run_options() {
  using namespace training::option;
  return in_group(OptionGroup::run,
                  {
                      text("data", "", {},
                           "data set, .npy or .npz file, or folder of PNG or JPEG files"),
                      text("data_dir", "", {},
                           "where named sets lie; empty: $IMAGO_DATA, then the system's"),
                      text("device", "auto", {}, "auto, cpu, cuda or cuda:N"),
                  }) +
         in_group(OptionGroup::training,
                  {
                      integer("seed", 0, {0, 1e15}, "of initial weights, order and noise"),
                      text("resize", "", {},
                           "of a folder's images: N or HxW, scaled to cover it, centre cropped"),
                      integer("valid", 0, {0}, "rows of train that choose the best checkpoint"),
                      text("binarize", "none", {"none", "static", "dynamic", "threshold"},
                           "grey to 0 and 1: drawn once, drawn each time, or cut at 1/2"),
                  });
}

Option preset_option(const std::string& name) {
  return training::option::text("preset", name, {name}, "the preset this configuration is of");
}

}  // namespace

Option judge_option() {
  Option o = training::option::text(
      "judge", "", {}, "run of a classifier that measures samples: fd, labels; empty: none");
  o.group = OptionGroup::run;
  return o;
}

Preset with_options(Preset p, const Options& own) {
  p.options = Options{preset_option(p.name)} + run_options() + own + training::trainer_options();
  return p;
}

Preset with_defaults(Preset p, const training::Settings& defaults) {
  Config config(p.options);
  for (const auto& [key, value] : defaults) config.set_text(key, value);
  p.options = config.options();
  p.options.front() = preset_option(p.name);
  return p;
}

const std::vector<Preset>& presets() {
  static const std::vector<Preset> all = [] {
    std::vector<Preset> rows = latent_variable_presets();
    for (Preset& p : adversarial_presets()) rows.push_back(std::move(p));
    rows.push_back(classifier_preset());
    return rows;
  }();
  return all;
}

const Preset& preset(const std::string& name, const std::string& where) {
  std::vector<std::string> names;
  std::string list;
  for (const Preset& p : presets()) {
    if (p.name == name) return p;
    names.push_back(p.name);
    list += (list.empty() ? "" : ", ") + p.name;
  }
  const std::string near = training::nearest(name, names);
  throw Error(ErrorKind::usage, {"unknown preset", where, "one of " + list, "'" + name + "'",
                                 near.empty() ? "" : "perhaps '" + near + "'"});
}

Config defaults(const Preset& p, data::Kind kind) {
  Config c(p.options);
  if (kind == data::Kind::vector)
    for (const auto& [key, text] : p.for_points) c.set_text(key, text, "the preset's defaults");
  return c;
}

std::string describe(const std::string& name, const Shape& sample_shape,
                     const training::Settings& settings) {
  const Preset& p = preset(name);
  const data::Kind kind = sample_shape.rank() < 2 ? data::Kind::vector : data::Kind::image;
  Config config = defaults(p, kind);
  for (const auto& [key, text] : settings) config.set_text(key, text);
  const std::vector<Option> shown = config.options();
  // A picture without channels is grey.
  const Shape shape =
      sample_shape.rank() == 2 ? Shape{sample_shape[0], sample_shape[1], 1} : sample_shape;
  const DataInfo info{shape, kind, kind == data::Kind::image ? 256 : 0, 10, {}};
  if (p.settle) p.settle(config, info);
  Generator generator;
  const auto task = p.make(config, info, nn::Init{generator}, generator);
  std::string text = concat(
      p.name, ": ", p.summary, " (", p.source, ")\n\nnetworks for samples of ", sample_shape, "\n",
      task->describe(), "\noptions (--set key=value): default; type and range; meaning [source]\n");
  for (const Option& o : shown) {
    if (o.name == "preset") continue;
    const std::string value = training::to_text(o.value), range = training::range_text(o);
    char head[64];
    std::snprintf(head, sizeof head, "  %-24s %-9s ", o.name.c_str(),
                  value.empty() ? "-" : value.c_str());
    text += concat(head, training::type_name(o), range.empty() ? "" : " ", range, "; ", o.help,
                   o.source.empty() ? std::string() : " [" + o.source + "]", "\n");
  }
  return text;
}

}  // namespace imago::models
