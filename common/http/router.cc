#include "common/http/router.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "common/base/check.h"

namespace ballast::http {
namespace {

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> segments;
  path.remove_prefix(1);
  while (true) {
    const std::size_t slash = path.find('/');
    segments.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

enum class Plus { stays, is_space };

std::optional<std::string> decode(std::string_view text, Plus plus) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus == Plus::is_space) {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      unsigned value = 0;
      const char* const begin = text.data() + i + 1;
      const auto [end, error] = std::from_chars(begin, begin + 2, value, 16);
      if (error != std::errc{} || end != begin + 2 || value == 0) return std::nullopt;
      decoded += static_cast<char>(value);
      i += 2;
    }
  }
  return decoded;
}

bool leads_elsewhere(std::string_view segment) {
  return segment == "." || segment == ".." || segment.find('/') != std::string_view::npos;
}

Error bad_target(std::string_view what) {
  return {ErrorCode::invalid, "the path of the request cannot be read: " + std::string(what)};
}

Result<std::map<std::string, std::string>> parse_query(std::string_view text) {
  std::map<std::string, std::string> query;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto name = decode(pair.substr(0, equals), Plus::is_space);
    const auto value = decode(pair.substr(std::min(equals + 1, pair.size())), Plus::is_space);
    if (!name || !value) return bad_target("expected %XX with two hexadecimal digits in the query");
    query[*name] = *value;
  }
  return query;
}

bool is_parameter(std::string_view segment) { return segment.starts_with('{'); }
bool is_rest(std::string_view segment) { return segment.ends_with("...}"); }

std::string_view parameter_name(std::string_view segment) {
  segment.remove_prefix(1);
  segment.remove_suffix(is_rest(segment) ? 4 : 1);
  return segment;
}

using Segments = std::vector<std::string>;

bool fits(const Segments& pattern, const Segments& path) {
  const bool takes_rest = is_rest(pattern.back());
  if (takes_rest ? path.size() < pattern.size() : path.size() != pattern.size()) return false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const bool fits_here = is_parameter(pattern[i]) ? !path[i].empty() : pattern[i] == path[i];
    if (!fits_here) return false;
  }
  return true;
}

// Literals come before parameters, those before what takes all that is left.
int rank(const std::string& segment) {
  return is_rest(segment) ? 2 : is_parameter(segment) ? 1 : 0;
}

bool is_closer(const Segments& a, const Segments& b) {
  return std::ranges::lexicographical_compare(
      a, b, [](const std::string& x, const std::string& y) { return rank(x) < rank(y); });
}

bool alike(const Segments& a, const Segments& b) {
  return std::ranges::equal(a, b, [](const std::string& x, const std::string& y) {
    return rank(x) == rank(y) && (is_parameter(x) || x == y);
  });
}

std::map<std::string, std::string> parameters_of(const Segments& pattern, const Segments& path) {
  std::map<std::string, std::string> parameters;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (!is_parameter(pattern[i])) continue;
    std::string value = path[i];
    if (is_rest(pattern[i])) {
      for (std::size_t k = i + 1; k < path.size(); ++k) value += "/" + path[k];
    }
    parameters[std::string(parameter_name(pattern[i]))] = std::move(value);
  }
  return parameters;
}

void add_method(std::vector<Method>& methods, Method method) {
  if (std::ranges::find(methods, method) == methods.end()) methods.push_back(method);
}

}  // namespace

Result<Target> parse_target(std::string_view target) {
  if (!target.starts_with('/')) return bad_target("expected one that begins with /");
  const std::string_view path = target.substr(0, target.find_first_of("?#"));
  Target parsed;
  parsed.path = path;
  for (const std::string& segment : split_path(path)) {
    auto decoded = decode(segment, Plus::stays);
    if (!decoded) return bad_target("expected %XX with two hexadecimal digits, other than %00");
    if (leads_elsewhere(*decoded)) {
      return bad_target("a segment may not be . or .., nor have an escaped slash in it");
    }
    parsed.segments.push_back(*std::move(decoded));
  }
  std::string_view query = target.substr(path.size());
  query = query.substr(0, query.find('#'));
  if (query.starts_with('?')) {
    auto pairs = parse_query(query.substr(1));
    if (!pairs) return pairs.error();
    parsed.query = *std::move(pairs);
  }
  return parsed;
}

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {
  for (const Route& route : routes_) {
    BALLAST_CHECK(route.pattern.starts_with('/') && route.handle);
    BALLAST_CHECK(route.method != Method::head && route.method != Method::other);
    patterns_.push_back(split_path(route.pattern));
    for (std::size_t i = 0; i + 1 < patterns_.size(); ++i) {
      BALLAST_CHECK(routes_[i].method != route.method || !alike(patterns_[i], patterns_.back()));
    }
  }
}

Router::Match Router::find(Method method, const Target& target) const {
  Match match;
  const Segments* best = nullptr;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (!fits(patterns_[i], target.segments)) continue;
    const Method served = routes_[i].method;
    add_method(match.allow, served);
    if (served == Method::get) add_method(match.allow, Method::head);
    const bool serves = served == method || (served == Method::get && method == Method::head);
    if (!serves || (best != nullptr && !is_closer(patterns_[i], *best))) continue;
    best = &patterns_[i];
    match.route = &routes_[i];
  }
  if (best != nullptr) match.parameters = parameters_of(*best, target.segments);
  return match;
}

std::string allow_text(const std::vector<Method>& methods) {
  std::string text;
  for (const Method method : methods) {
    if (!text.empty()) text += ", ";
    text += name_of(method);
  }
  return text;
}

}  // namespace ballast::http
