// `--set key=value`, one a line.
#include "engine/train/options.h"
#include "models/presets.h"
#include "tests/fuzz/target.h"

namespace imago::fuzz {
namespace {

void check(const std::string& text) {
  static const training::Config defaults(models::preset("vae").options);
  training::Config config = defaults;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    const std::size_t equals = line.find('=');
    if (equals == line.npos) continue;
    const std::string key = line.substr(0, equals), value = line.substr(equals + 1);
    const training::Config before = config;
    if (!accepts(ErrorKind::usage, (1 << 16) + 64 * line.size(),
                 [&] { config.set_text(key, value); })) {
      require(config == before, "a refused value changed something");
      continue;
    }
    // What is shown can be given again.
    training::Config again = defaults;
    again.set_text(key, training::to_text(config.option(key).value));
    require(again.option(key) == config.option(key), "the text of " + key + " means another value");
  }
  training::Config again = defaults;
  again.merge_json(config.json(), "out.json");
  require(again == config, "a configuration reads back different");
}

const Registered registered({"settings", check});

}  // namespace
}  // namespace imago::fuzz
