#include "tools/imago/complete.h"

#include <algorithm>
#include <filesystem>

#include "engine/data/data_set.h"
#include "models/demos/demos.h"
#include "models/measures/frechet.h"
#include "models/measures/inception_input.h"
#include "models/presets.h"

namespace imago::tool {
namespace {
namespace fs = std::filesystem;
using Words = std::vector<std::string>;

bool is_preset(const std::string& word) {
  return std::any_of(models::presets().begin(), models::presets().end(),
                     [&](const models::Preset& p) { return p.name == word; });
}

// Folders that hold a run, in the folder the unfinished path ends in and one level further down.
Words runs(const std::string& partial) {
  const std::string parent = partial.substr(0, partial.rfind('/') + 1);
  Words found;
  const auto look = [&](auto& self, const std::string& folder, int depth) -> void {
    std::error_code error;
    for (fs::directory_iterator it(folder.empty() ? "." : folder, error), end; !error && it != end;
         it.increment(error)) {
      const std::string path = folder + it->path().filename().string();
      if (depth == 0 && path.rfind(partial, 0) != 0) continue;
      std::error_code unreadable;
      if (!it->is_directory(unreadable)) continue;
      if (fs::exists(path + "/config.json", unreadable))
        found.push_back(path);
      else if (depth == 0)
        self(self, path + "/", 1);
    }
  };
  look(look, parent, 0);
  return found;
}

// Keys, or with "key=" before the cursor the values of that key.
Words settings(const std::string& partial, const Words& words) {
  Words found;
  const std::string key = partial.substr(0, partial.find('='));
  const bool value = key.size() < partial.size();
  const bool named = std::any_of(words.begin(), words.end(), is_preset);
  for (const models::Preset& p : models::presets()) {
    if (named && std::find(words.begin(), words.end(), p.name) == words.end()) continue;
    for (const training::Option& o : p.options) {
      if (!value) {
        found.push_back(o.name + "=");
      } else if (o.name == key) {
        Words values = o.choices;
        if (o.type == training::OptionType::boolean) values = {"true", "false"};
        for (const std::string& v : values) found.push_back(concat(key, "=", v));
      }
    }
  }
  return found;
}

// The last of a list that commas separate.
Words listed(const std::string& partial, const Words& names) {
  const std::string before = partial.substr(0, partial.rfind(',') + 1);
  Words found;
  for (const std::string& name : names) found.push_back(before + name);
  return found;
}

Words sets() {
  Words names;
  for (const data::SetInfo& s : data::sets()) names.push_back(s.name);
  return names;
}

// What a value may be, by the type its help names and, where that says too little, by the option.
Words values(const CLI::Option& o, const std::string& partial, const Words& words) {
  const std::string name = o.get_name(o.get_positional()), type = o.get_type_name();
  Words found;
  if (name == "RUN" || type == "RUN") return runs(partial);
  if (name == "RUN|IMAGES") {
    found = runs(partial);
    found.push_back(":files");
    return found;
  }
  if (name == "--pipeline") return models::pipeline_names();
  if (name == "--frechet")
    for (const models::FrechetTool& t : models::frechet_tools()) found.push_back(t.name);
  if (name == "--dims") found = {"64", "192", "768", "2048"};
  if (name.rfind("PRESET", 0) == 0)
    for (const models::Preset& p : models::presets()) found.push_back(p.name);
  if (name == "PRESET|CONFIG.json") found.push_back(":files");
  if (name == "DEMO")
    for (const models::Demo& d : models::demos()) found.push_back(d.name);
  if (name == "--set") return settings(partial, words);
  if (name == "--metrics")
    return listed(
        partial,
        {"elbo",     "rate",         "distortion", "iwae",     "nll",      "mse",
         "accuracy", "critic",       "fd",         "fid",      "kid",      "is",
         "prdc",     "precision",    "recall",     "density",  "coverage", "label_accuracy",
         "modes",    "purity",       "w1",         "mmd2",     "ais",      "mi_lower",
         "mi_upper", "active_units", "mmd",        "sinkhorn", "sliced"});
  if (name == "--device") found = {"auto", "cpu", "cuda"};
  if (name == "--split") found = {"train", "valid", "test", "all"};
  if (name == "--checkpoint") found = {"best", "last", ":files"};
  if (type == "NAME|PATH") {
    found = sets();
    found.push_back(":files");
  }
  if (type == "DIR") found.push_back(":folders");
  if (type == "FILE" || type == "PATH") found.push_back(":files");
  return found;
}

const CLI::Option* option_named(const CLI::App& app, const std::string& name) {
  for (const CLI::Option* o : app.get_options())
    if (!o->get_positional() && o->check_name(name)) return o;
  return nullptr;
}
bool takes_value(const CLI::Option* o) { return o && o->get_items_expected_max() > 0; }

Words candidates(const Program& program, const Words& words) {
  const CLI::App* command = &program.app;
  Words found;
  if (words.size() > 1) {
    command = nullptr;
    for (const CLI::App* sub : program.app.get_subcommands({}))
      if (sub->get_name() == words[0]) command = sub;
    if (!command) return {};
  }
  const std::string& partial = words.back();
  if (words.size() > 1)
    if (const CLI::Option* before = option_named(*command, words[words.size() - 2]);
        takes_value(before))
      return values(*before, partial, words);
  if (const std::size_t at = partial.find('='); partial[0] == '-' && at != partial.npos) {
    const CLI::Option* o = option_named(*command, partial.substr(0, at));
    if (takes_value(o))
      for (const std::string& v : values(*o, partial.substr(at + 1), words))
        found.push_back(v[0] == ':' ? v : partial.substr(0, at + 1) + v);
    return found;
  }
  if (partial[0] == '-') {
    for (const CLI::Option* o : command->get_options())
      for (const std::string& name : o->get_lnames()) found.push_back("--" + name);
    return found;
  }
  if (words.size() == 1) {
    for (const CLI::App* sub : command->get_subcommands({})) found.push_back(sub->get_name());
    return found;
  }
  // The positional arguments that are there already.
  std::size_t given = 0;
  for (std::size_t i = 1; i + 1 < words.size(); i++) {
    if (words[i].size() > 1 && words[i][0] == '-') {
      if (words[i].find('=') == std::string::npos && takes_value(option_named(*command, words[i])))
        i++;
    } else {
      given++;
    }
  }
  for (const CLI::Option* o : command->get_options())
    if (o->get_positional() && given-- == 0) return values(*o, partial, words);
  return {};
}
}  // namespace

std::string completions(const Program& program, const Words& words) {
  if (words.empty()) return {};
  Words found = candidates(program, words);
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  std::string out;
  for (const std::string& c : found)
    if (c[0] == ':' || c.rfind(words.back(), 0) == 0) out += c + "\n";
  return out;
}

}  // namespace imago::tool
