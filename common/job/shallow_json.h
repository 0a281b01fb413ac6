#pragma once

// Reads JSON that may be hostile. The library parses any nesting without recursion, but copies and
// writes it with: a text of a hundred thousand brackets overflows the stack. What lies deeper than
// anything of ours is therefore dropped while it is read, and then missed by whoever needs it.

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

}  // namespace ballast
