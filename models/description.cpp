#include "models/description.h"

#include <sstream>

namespace imago::models {

std::string describe_block(const std::string& name, const nn::Sequential& net) {
  std::istringstream lines(net.describe());
  std::string text;
  for (std::string line; std::getline(lines, line);) text += concat("  ", name, ".", line, "\n");
  return text;
}

}  // namespace imago::models
