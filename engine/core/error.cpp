#include "engine/core/error.h"

namespace imago {

std::string Error::text(const Parts& p) {
  std::string s = p.what;
  if (!p.where.empty()) s.append(", in ").append(p.where);
  if (!p.expected.empty()) s.append(", expected ").append(p.expected);
  if (!p.received.empty()) s.append(", received ").append(p.received);
  if (!p.remedy.empty()) s.append("; ").append(p.remedy);
  for (char& c : s)
    if (c == '\n' || c == '\r') c = ' ';  // one error, one line
  return s;
}

}  // namespace imago
