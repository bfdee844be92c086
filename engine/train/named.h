// Rows of a table by their name, and the error where there is none of it. Not here: the tables.
#pragma once
#include "engine/core/error.h"
#include "engine/train/options.h"

namespace imago::training {

// The row whose `name` is that; else an Error of the kind: what, where, the names there are, and
// the nearest of them or, where none is near, the remedy.
template <class Row>
const Row& named(const std::vector<Row>& rows, const std::string& name, ErrorKind kind,
                 const std::string& what, const std::string& where, const std::string& remedy) {
  std::vector<std::string> names;
  std::string list;
  for (const Row& r : rows) {
    if (r.name == name) return r;
    names.push_back(r.name);
    list += (list.empty() ? "one of " : ", ") + r.name;
  }
  const std::string near = nearest(name, names);
  throw Error(kind, {what, where, list, name.empty() ? "nothing" : name,
                     near.empty() ? remedy : "perhaps " + near});
}

}  // namespace imago::training
