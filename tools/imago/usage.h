// What a command line that cannot be parsed is told: what is wrong, what was expected, the nearest
// that exists. Not here: values of options, which each option checks.
#pragma once
#include "tools/imago/program.h"

namespace imago::tool {

// Error (usage) when the first word is no command; the parser's own words would not name it.
void check_command(const CLI::App&, const std::string& word);
// What the parser refused, as an Error (usage).
Error usage_error(const CLI::App&, const CLI::ParseError&);

}  // namespace imago::tool
