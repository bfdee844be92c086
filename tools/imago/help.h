// What `imago --help`, `imago COMMAND --help` and the manual page imago(1) say: sections made from
// the definitions of the options, so that none of the three can differ from what is parsed.
#pragma once
#include <string>
#include <vector>

#include "tools/imago/program.h"

namespace imago::tool {

// A paragraph where term is empty. A list where it is not: terms, and what each means. literal:
// terms are typed as they are (bold in the manual).
struct Section {
  struct Item {
    std::string term, text;
  };
  std::string title;
  std::vector<Item> items;
  bool literal = true;
};
std::string usage_line(const CLI::App&);  // "imago sample RUN [OPTIONS]"
// "-n N", "--data NAME|PATH", "RUN"
std::string option_term(const CLI::Option&);

// For a terminal of 80 columns.
std::string help_text(const Program&, const CLI::App& command);
// In roff, for man.
std::string manual_page(const Program&);

}  // namespace imago::tool
