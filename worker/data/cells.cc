#include "worker/data/cells.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <system_error>

#include "common/job/text.h"

namespace ballast {

namespace {

constexpr std::size_t kShownMax = 40;
constexpr std::size_t kNamesShownMax = 12;

}  // namespace

NumberText parse_number(std::string_view text, double& value) {
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (text.empty() || text.front() == '-') return NumberText::not_a_number;
  }
  // Most cells are small whole numbers; up to 15 digits they are exact in a double.
  if (text.size() <= 15 && !text.empty()) {
    std::uint64_t whole = 0;
    std::size_t i = 0;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
      whole = whole * 10 + static_cast<std::uint64_t>(text[i] - '0');
    }
    if (i == text.size()) {
      value = static_cast<double>(whole);
      return NumberText::number;
    }
  }
  double parsed = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) {
    return NumberText::not_a_number;
  }
  if (error == std::errc::result_out_of_range) return NumberText::out_of_range;
  if (!std::isfinite(parsed)) return NumberText::not_finite;
  value = parsed;
  return NumberText::number;
}

std::string number_text(double value) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  return std::string(buffer, end);
}

std::string_view trim_spaces(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::string shown(std::string_view text) {
  std::string_view rest = text.substr(0, kShownMax);
  if (rest.size() < text.size()) {
    // Not in the middle of a character: its first byte is the last that does not continue one.
    while (!rest.empty() && (static_cast<unsigned char>(text[rest.size()]) & 0xC0U) == 0x80U) {
      rest.remove_suffix(1);
    }
  }
  const bool utf8 = is_utf8(rest);
  std::string out = "\"";
  for (const char c : rest) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !utf8)) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  out += rest.size() < text.size() ? "...\"" : "\"";
  return out;
}

std::string instead_of(std::string_view name, std::span<const std::string> names,
                       std::string_view plural) {
  const std::vector<std::string_view> views(names.begin(), names.end());
  const std::string_view near = nearest(name, views);
  if (!near.empty()) return fmt::format("; did you mean {}?", shown(near));
  if (names.empty()) return fmt::format("; there are no {}", plural);
  std::string list;
  for (std::size_t i = 0; i < names.size() && i < kNamesShownMax; ++i) {
    list += fmt::format("{}{}", i == 0 ? "" : ", ", shown(names[i]));
  }
  if (names.size() > kNamesShownMax)
    list += fmt::format(" and {} more", names.size() - kNamesShownMax);
  return fmt::format("; the {} are {}", plural, list);
}

}  // namespace ballast
