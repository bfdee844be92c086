// Mutations of zip archives, for every format that is one. Not here: what is in them.
#pragma once
#include "tests/fuzz/target.h"

namespace imago::fuzz {

// The archive altered, its checksums true; or one entry altered, in an archive written anew.
std::string mutated_archive(std::string bytes, const Mutation&, Random&);

}  // namespace imago::fuzz
