#pragma once

// The rules of docs/architecture.md that a compiler cannot hold: which folder may know which, who
// may include what, and what pure code must not do. They are tables; a violation names the file,
// the line and the reason.

#include <string>
#include <vector>

#include "tests/unit/tidy/source.h"

namespace ballast::tidy {

// Every match of `what` in a file of `where` that is not also in `except` breaks the rule. Paths
// are patterns in which * stands for any text without a slash and ** for any text.
struct Rule {
  std::string name;
  std::vector<std::string> where;
  std::vector<std::string> except;
  std::vector<std::string> includes;  // Patterns of included paths.
  std::vector<std::string> words;     // Found in code where no identifier goes on to their left.
  std::string because;
};

[[nodiscard]] const std::vector<Rule>& rules();

// One sentence each: "path:line: what was seen (rule: because)".
[[nodiscard]] std::vector<std::string> violations(const Rule& rule, const Source& source);

[[nodiscard]] bool path_matches(std::string_view pattern, std::string_view path);

}  // namespace ballast::tidy
