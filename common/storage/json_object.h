#pragma once

// What reading our own JSON files has in common: text in, an object or the reason why not out. No
// exception leaves, and no nesting can exhaust the stack. For .cc files of this folder only.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/job/json_text.h"

namespace ballast {

inline Result<nlohmann::json> parse_json_object(std::string_view text) {
  nlohmann::json parsed = parse_shallow_json_if<nlohmann::json>(text);
  if (parsed.is_discarded()) return Error{ErrorCode::corrupt, "it is not JSON"};
  if (!parsed.is_object()) return Error{ErrorCode::corrupt, "expected a JSON object"};
  return parsed;
}

inline Result<std::string> string_field(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) {
    return Error{ErrorCode::corrupt, "expected text in the field \"" + std::string(name) + "\""};
  }
  return found->get<std::string>();
}

inline Result<std::uint64_t> number_field(const nlohmann::json& object, const char* name,
                                          std::uint64_t max = ~std::uint64_t{0}) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_unsigned() || found->get<std::uint64_t>() > max) {
    return Error{ErrorCode::corrupt, "expected a whole number of at most " + std::to_string(max) +
                                         " in the field \"" + name + "\""};
  }
  return found->get<std::uint64_t>();
}

}  // namespace ballast
