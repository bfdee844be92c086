// What the shell may put at the cursor: `imago --complete WORD...`, called by the completion for
// bash. Everything comes from the definitions of the options and the tables of presets and sets.
#pragma once
#include <string>
#include <vector>

#include "tools/imago/program.h"

namespace imago::tool {

// words: what follows `imago` up to the cursor, the unfinished word last. One candidate a line;
// ":files" and ":folders" ask the shell for names of those besides.
std::string completions(const Program&, const std::vector<std::string>& words);

}  // namespace imago::tool
