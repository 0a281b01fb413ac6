#pragma once

// Text to JSON and back. The library's parser and writer are templates; they are compiled here,
// once, since each source that made its own took a second or more longer to compile.

#include <concepts>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace ballast {

// Json is nlohmann::json, or ordered_json, which keeps the order of keys. Throws a Json::exception
// when the text is no JSON.
template <class Json>
[[nodiscard]] Json parse_json(std::string_view text);

// As above; discarded (is_discarded) when the text is no JSON.
template <class Json>
[[nodiscard]] Json parse_json_if(std::string_view text);

// For text that may be hostile. The library parses any nesting without recursion, but copies and
// writes it with: a text of a hundred thousand brackets overflows the stack. What lies deeper than
// anything of ours is therefore dropped while it is read, and then missed by whoever needs it.
template <class Json>
[[nodiscard]] Json parse_shallow_json(std::string_view text);

// As above; discarded when the text is no JSON.
template <class Json>
[[nodiscard]] Json parse_shallow_json_if(std::string_view text);

enum class BadUtf8 {
  refuse,   // Throws a Json::exception.
  replace,  // By U+FFFD.
  escape,   // The same, and all that is not ASCII is written as \u....
};

// On one line, or in lines that are indented by so many spaces for each level.
[[nodiscard]] std::string json_text(const nlohmann::json& json, int indent = -1,
                                    BadUtf8 bad = BadUtf8::refuse);
[[nodiscard]] std::string json_text(const nlohmann::ordered_json& json, int indent = -1,
                                    BadUtf8 bad = BadUtf8::refuse);

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
