#include "common/job/parse_problems.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "common/base/check.h"

namespace ballast {
namespace {

// A spec that is wrong in more places than a screen holds is read from the top anyway.
constexpr std::size_t kShownMax = 20;
constexpr std::size_t kQuotedMax = 60;

}  // namespace

Problems::Problems(std::string file_name) { origins_.push_back(std::move(file_name)); }

std::uint32_t Problems::add_origin(std::string name) {
  origins_.push_back(std::move(name));
  return static_cast<std::uint32_t>(origins_.size() - 1);
}

void Problems::add(Mark mark, std::string_view path, std::string message) {
  BALLAST_CHECK(mark.origin < origins_.size());
  std::string text = origins_[mark.origin];
  if (mark.origin == 0) text += fmt::format(":{}:{}", mark.line, mark.column);
  if (!path.empty()) text += fmt::format(": {}", path);
  problems_.push_back({mark, fmt::format("{}: {}", text, message)});
}

Error Problems::error() const {
  BALLAST_CHECK(!empty());
  std::vector<Problem> sorted = problems_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.mark.origin, a.mark.line, a.mark.column) <
           std::tie(b.mark.origin, b.mark.line, b.mark.column);
  });
  std::string text;
  for (std::size_t i = 0; i < std::min(sorted.size(), kShownMax); ++i) {
    if (i != 0) text += '\n';
    text += sorted[i].text;
  }
  if (sorted.size() > kShownMax) {
    text += fmt::format("\n{}: and {} more mistakes", origins_[0], sorted.size() - kShownMax);
  }
  return Error{ErrorCode::invalid, std::move(text)};
}

std::string in_quotes(std::string_view text) {
  std::size_t size = std::min(text.size(), kQuotedMax);
  // Never cut inside a character: bytes 10xxxxxx continue one.
  while (size < text.size() && size > 0 &&
         (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) {
    size -= 1;
  }
  std::string out = "\"";
  for (const char c : text.substr(0, size)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + (size < text.size() ? "...\"" : "\"");
}

std::string listed(const std::vector<std::string>& words, std::string_view last) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i != 0) out += i + 1 == words.size() ? fmt::format(" {} ", last) : ", ";
    out += words[i];
  }
  return out;
}

}  // namespace ballast
