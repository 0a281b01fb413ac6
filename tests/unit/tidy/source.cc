#include "tests/unit/tidy/source.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

namespace ballast::tidy {
namespace {

namespace fs = std::filesystem;

// Drops comments and the insides of literals. The state outlives a line for /* */ alone.
class CodeOnly {
 public:
  std::string operator()(std::string_view line) {
    std::string code;
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string_view rest = line.substr(i);
      if (in_comment_) {
        if (!rest.starts_with("*/")) continue;
        in_comment_ = false;
        ++i;
      } else if (quote != 0) {
        if (line[i] == '\\') ++i;
        if (i < line.size() && line[i] == quote && rest[0] != '\\') {
          code += quote;
          quote = 0;
        }
      } else if (rest.starts_with("//")) {
        break;
      } else if (rest.starts_with("/*")) {
        in_comment_ = true;
        ++i;
      } else {
        code += line[i];
        if (line[i] == '"' || (line[i] == '\'' && !is_digit_separator(line, i))) quote = line[i];
      }
    }
    return code;
  }

 private:
  // As in 1'000'000.
  static bool is_digit_separator(std::string_view line, std::size_t at) {
    return at > 0 && std::isxdigit(static_cast<unsigned char>(line[at - 1])) != 0;
  }

  bool in_comment_ = false;
};

std::string include_of(std::string_view line, std::string_view code) {
  const std::size_t first = code.find_first_not_of(" \t");
  if (first == std::string_view::npos || code[first] != '#') return {};
  const std::size_t word = code.find_first_not_of(" \t", first + 1);
  if (word == std::string_view::npos || !code.substr(word).starts_with("include")) return {};
  const std::size_t open = line.find_first_of("<\"");
  if (open == std::string_view::npos) return {};
  const std::size_t close = line.find_first_of(">\"", open + 1);
  if (close == std::string_view::npos) return {};
  return std::string(line.substr(open + 1, close - open - 1));
}

bool is_left_out(const fs::path& relative) {
  static const std::set<std::string> kTop = {".git", "build", "out", "runs", "data", ".cache"};
  const std::string text = relative.generic_string();
  if (kTop.contains(text)) return true;
  return text.starts_with("examples/") && relative.filename() == "data";
}

}  // namespace

Source parse_source(std::string path, std::string_view text) {
  Source source{.path = std::move(path), .lines = {}};
  CodeOnly code_only;
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    Line parsed{.number = ++number, .code = code_only(line), .include = {}};
    parsed.include = include_of(line, parsed.code);
    source.lines.push_back(std::move(parsed));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return source;
}

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(file.good()) << "cannot read " << path;
  return std::move(text).str();
}

std::vector<std::string> files_below(const fs::path& root,
                                     const std::vector<std::string>& suffixes) {
  std::vector<std::string> found;
  for (auto entry = fs::recursive_directory_iterator(root); entry != fs::end(entry); ++entry) {
    const fs::path relative = entry->path().lexically_relative(root);
    if (is_left_out(relative)) {
      if (entry->is_directory()) entry.disable_recursion_pending();
      continue;
    }
    const std::string name = relative.generic_string();
    if (entry->is_regular_file() && std::ranges::any_of(suffixes, [&](const std::string& suffix) {
          return name.ends_with(suffix);
        })) {
      found.push_back(name);
    }
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace ballast::tidy
