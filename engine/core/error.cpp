#include "engine/core/error.h"

namespace imago {

std::string Error::text(const Parts& p) {
  std::string s = p.what;
  if (!p.where.empty()) s += ", in " + p.where;
  if (!p.expected.empty()) s += ", expected " + p.expected;
  if (!p.received.empty()) s += ", received " + p.received;
  if (!p.remedy.empty()) s += "; " + p.remedy;
  for (char& c : s)
    if (c == '\n' || c == '\r') c = ' ';  // one error, one line
  return s;
}

}  // namespace imago
