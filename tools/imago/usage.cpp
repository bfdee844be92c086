#include "tools/imago/usage.h"

#include <algorithm>

#include "engine/train/options.h"
#include "tools/imago/help.h"

namespace imago::tool {
namespace {
std::vector<std::string> commands(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands({})) names.push_back(sub->get_name());
  return names;
}
std::string one_of(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "one of " : ", ") + name;
  return list;
}
Error wrong(const std::string& what, const std::string& where, const std::string& expected,
            const std::string& received, const std::string& remedy) {
  return Error(ErrorKind::usage, {what, where, expected, received, remedy});
}
}  // namespace

void check_command(const CLI::App& app, const std::string& word) {
  const std::vector<std::string> names = commands(app);
  if (std::find(names.begin(), names.end(), word) != names.end()) return;
  const std::string near = training::nearest(word, names);
  throw wrong("unknown command", {}, one_of(names), word,
              near.empty() ? "see `imago --help`" : "perhaps " + near);
}

Error usage_error(const CLI::App& app, const CLI::ParseError& e) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  const CLI::App& command = chosen.empty() ? app : *chosen.front();
  const std::string name = chosen.empty() ? "imago" : "imago " + command.get_name(),
                    see = concat("see `", name, " --help`");
  std::vector<std::string> options;
  for (const CLI::Option* o : command.get_options())
    for (const std::string& option : o->get_lnames()) options.push_back(option);

  // An option that does not exist explains whatever else is missing.
  const std::vector<std::string> rest = app.remaining(true);
  for (const std::string& word : rest) {
    const std::string option = word.substr(0, word.find('='));
    const std::size_t letters = option.find_first_not_of('-');
    if (letters == 0 || letters == option.npos) continue;
    const std::string near = training::nearest(option.substr(letters), options);
    return wrong("unknown option", name, concat("an option that `", name, " --help` lists"), option,
                 near.empty() ? see : "perhaps --" + near);
  }
  if (!rest.empty())
    return wrong("an argument too many", name, usage_line(command), rest.front(), see);
  for (const CLI::Option* o : command.get_options()) {
    const std::string text = e.what();
    if (e.get_name() == "RequiredError" && text.rfind(o->get_name(true) + " is", 0) == 0)
      return wrong("missing argument", name, usage_line(command), "no " + o->get_name(true), see);
    if (e.get_name() == "ArgumentMismatch" && text.rfind(o->get_name() + ":", 0) == 0)
      return wrong("missing value", name, option_term(*o), "nothing behind it", see);
  }
  if (chosen.empty()) return wrong("no command", {}, one_of(commands(app)), "nothing", see);
  return wrong(e.what(), name, {}, {}, see);
}

}  // namespace imago::tool
