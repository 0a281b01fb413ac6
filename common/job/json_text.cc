#include "common/job/json_text.h"

namespace ballast {
namespace {

template <class Json>
std::string text_of(const Json& json, int indent, BadUtf8 bad) {
  using OnError = typename Json::error_handler_t;
  return json.dump(indent, ' ', bad == BadUtf8::escape,
                   bad == BadUtf8::refuse ? OnError::strict : OnError::replace);
}

template <class Json>
Json parse_shallow(std::string_view text, bool allow_exceptions) {
  constexpr int kDepthMax = 16;  // Ours nest eight deep.
  const auto shallow = [](int depth, typename Json::parse_event_t, Json&) {
    return depth <= kDepthMax;
  };
  return Json::parse(text.begin(), text.end(), shallow, allow_exceptions);
}

}  // namespace

template <class Json>
Json parse_json(std::string_view text) {
  return Json::parse(text.begin(), text.end());
}

template <class Json>
Json parse_json_if(std::string_view text) {
  return Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
}

template <class Json>
Json parse_shallow_json(std::string_view text) {
  return parse_shallow<Json>(text, true);
}

template <class Json>
Json parse_shallow_json_if(std::string_view text) {
  return parse_shallow<Json>(text, false);
}

template nlohmann::json parse_json(std::string_view text);
template nlohmann::ordered_json parse_json(std::string_view text);
template nlohmann::json parse_json_if(std::string_view text);
template nlohmann::ordered_json parse_json_if(std::string_view text);
template nlohmann::json parse_shallow_json_if(std::string_view text);
template nlohmann::ordered_json parse_shallow_json_if(std::string_view text);
template nlohmann::json parse_shallow_json(std::string_view text);
template nlohmann::ordered_json parse_shallow_json(std::string_view text);

std::string json_text(const nlohmann::json& json, int indent, BadUtf8 bad) {
  return text_of(json, indent, bad);
}

std::string json_text(const nlohmann::ordered_json& json, int indent, BadUtf8 bad) {
  return text_of(json, indent, bad);
}

}  // namespace ballast
