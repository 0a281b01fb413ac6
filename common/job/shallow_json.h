#pragma once

// Reads JSON that may be hostile. The library parses any nesting without recursion, but copies and
// writes it with: a text of a hundred thousand brackets overflows the stack. What lies deeper than
// anything of ours is therefore dropped while it is read, and then missed by whoever needs it.

#include <concepts>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>

namespace ballast {

// Throws as Json::parse does when the text is no JSON.
template <class Json>
[[nodiscard]] Json parse_shallow_json(std::string_view text) {
  constexpr int kDepthMax = 16;  // Ours nest eight deep.
  return Json::parse(
      text, [](int depth, typename Json::parse_event_t, Json&) { return depth <= kDepthMax; });
}

// The library's own conversion takes -1 and 1e40 for whole numbers, the second with undefined
// behaviour. Throws a Json::exception when it is none, or does not fit.
template <std::unsigned_integral T, class Json>
[[nodiscard]] T whole_number(const Json& json) {
  if (json.is_number_unsigned()) {
    const auto number = json.template get<std::uint64_t>();
    if (number <= std::numeric_limits<T>::max()) return static_cast<T>(number);
  }
  throw Json::type_error::create(302, "expected a whole number that is not too large", &json);
}

}  // namespace ballast
