#include "common/http/message.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/check.h"

namespace ballast::http {
namespace {

constexpr std::array<std::pair<Method, std::string_view>, 7> kMethods{{
    {Method::get, "GET"},
    {Method::head, "HEAD"},
    {Method::post, "POST"},
    {Method::put, "PUT"},
    {Method::patch, "PATCH"},
    {Method::remove, "DELETE"},
    {Method::options, "OPTIONS"},
}};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

}  // namespace

std::string_view name_of(Method method) {
  for (const auto& [known, name] : kMethods) {
    if (known == method) return name;
  }
  return {};
}

Method parse_method(std::string_view name) {
  for (const auto& [method, known] : kMethods) {
    if (known == name) return method;
  }
  return Method::other;
}

std::string_view name_of(Access access) {
  switch (access) {
    case Access::open:
      return "open";
    case Access::view:
      return "view";
    case Access::submit:
      return "submit";
    case Access::admin:
      break;
  }
  return "admin";
}

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view Request::field(std::string_view name) const {
  for (const Field& field : fields) {
    if (same_ignoring_case(field.name, name)) return field.value;
  }
  return {};
}

const std::string& Request::parameter(const std::string& name) const {
  const auto found = parameters.find(name);
  BALLAST_CHECK(found != parameters.end());
  return found->second;
}

Response error_response(unsigned status, std::string_view code, std::string_view message,
                        std::string_view request_id) {
  const nlohmann::ordered_json body = {
      {"error", {{"code", code}, {"message", message}, {"request_id", request_id}}}};
  // A message may quote bytes of the client that are no UTF-8.
  Response response;
  response.status = status;
  response.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  return response;
}

std::string_view reason_of(unsigned status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 507:
      return "Insufficient Storage";
    default:
      return status < 400 ? "OK" : "Error";
  }
}

}  // namespace ballast::http
