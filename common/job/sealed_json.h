#pragma once

// A JSON object that carries the SHA-256 of all else in it, so that a changed digit is seen where
// the text still reads. It keeps out accidents, not people. An object without a seal is taken as it
// is: older versions wrote none.

#include <nlohmann/json.hpp>

namespace ballast {

// The last member is the seal.
void seal(nlohmann::ordered_json& json);
// False when the seal is another one than seal() would give.
// REQUIRES: an object that nests no deeper than parse_shallow_json lets through.
[[nodiscard]] bool seal_holds(nlohmann::ordered_json json);

}  // namespace ballast
