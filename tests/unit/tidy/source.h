#pragma once

// The repository as the tidy tests see it: files as text, C++ files without their comments.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::tidy {

struct Line {
  int number = 0;
  std::string code;     // Without comments, and with the text of strings and characters left out.
  std::string include;  // The path of an #include, without its quotes or brackets; else empty.
};

// One C++ file. `path` is relative to the root of the repository, with forward slashes.
struct Source {
  std::string path;
  std::vector<Line> lines;
};

// Raw strings that span lines are not understood; keep them out of production code.
[[nodiscard]] Source parse_source(std::string path, std::string_view text);

// Whole file; an unreadable one is an empty string and a failed expectation.
[[nodiscard]] std::string read_text(const std::filesystem::path& path);

// Files below `root` whose name ends in one of `suffixes`, relative to it and sorted; without what
// is built, run or fetched.
[[nodiscard]] std::vector<std::string> files_below(const std::filesystem::path& root,
                                                   const std::vector<std::string>& suffixes);

}  // namespace ballast::tidy
