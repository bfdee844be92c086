// What nlohmann::json leaves to its callers. For sources that read JSON.
#pragma once
#include <cstdint>
#include <limits>

namespace imago::training {

// get<std::int64_t>() wraps, cuts and converts whatever number there is.
template <class Json>
bool is_int64(const Json& j) {
  return j.is_number_integer() &&
         (!j.is_number_unsigned() || j.template get<std::uint64_t>() <=
                                         std::uint64_t(std::numeric_limits<std::int64_t>::max()));
}

}  // namespace imago::training
