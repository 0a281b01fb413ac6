#include "common/http/range.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace ballast::http {
namespace {

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::variant<WholeFile, FileRange, BeyondFile> parse_range(std::string_view field,
                                                           std::uint64_t file_bytes) {
  constexpr std::string_view kUnit = "bytes=";
  if (!field.starts_with(kUnit)) return WholeFile{};
  field.remove_prefix(kUnit.size());
  const std::size_t dash = field.find('-');
  if (dash == std::string_view::npos) return WholeFile{};
  const auto first = parse_number(field.substr(0, dash));
  const auto last = parse_number(field.substr(dash + 1));

  if (dash == 0) {  // The last so many.
    if (!last) return WholeFile{};
    if (*last == 0 || file_bytes == 0) return BeyondFile{};
    const std::uint64_t bytes = std::min(*last, file_bytes);
    return FileRange{file_bytes - bytes, bytes};
  }
  const bool is_open = dash + 1 == field.size();
  if (!first || (!last && !is_open) || (last && *last < *first)) return WholeFile{};
  if (*first >= file_bytes) return BeyondFile{};
  const std::uint64_t end = is_open ? file_bytes : std::min(*last, file_bytes - 1) + 1;
  return FileRange{*first, end - *first};
}

}  // namespace ballast::http
