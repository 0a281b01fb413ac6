// What holds for every file: headers guard themselves, includes name files that exist, links in the
// documentation lead somewhere.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>

#include "tests/unit/tidy/source.h"

namespace ballast::tidy {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kCodeFolders = {"common/",      "paramserver/", "worker/",
                                               "coordinator/", "cli/",         "tests/"};

bool is_ours(const std::string& include) {
  return std::ranges::any_of(
      kCodeFolders, [&](const std::string& folder) { return include.starts_with(folder); });
}

TEST(Headers, AreGuarded) {
  for (const std::string& path : files_below(fs::current_path(), {".h"})) {
    if (path == "common/math/kernel_body.h") continue;  // Included once per instruction set.
    EXPECT_NE(read_text(path).find("#pragma once"), std::string::npos) << path;
  }
}

TEST(Includes, NameFilesOfTheTree) {
  for (const std::string& path : files_below(fs::current_path(), {".h", ".cc"})) {
    for (const Line& line : parse_source(path, read_text(path)).lines) {
      if (!is_ours(line.include) || line.include.ends_with(".capnp.h")) continue;
      EXPECT_TRUE(fs::exists(line.include)) << path << ":" << line.number << ": " << line.include;
    }
  }
}

TEST(Includes, OfASourceOpenWithItsOwnHeader) {
  for (const std::string& path : files_below(fs::current_path(), {".cc"})) {
    const std::string header = path.substr(0, path.size() - 2) + "h";
    if (!fs::exists(header)) continue;
    const auto lines = parse_source(path, read_text(path)).lines;
    const auto first =
        std::ranges::find_if(lines, [](const Line& l) { return !l.include.empty(); });
    ASSERT_NE(first, lines.end()) << path;
    EXPECT_EQ(first->include, header) << path;
  }
}

// A type that two headers define is two types under one name: the linker keeps one of the two
// destructors and calls it for both.
TEST(Headers, GiveEachTypeANameOfItsOwn) {
  static const std::regex kNamespace(R"(^namespace (ballast[\w:]*) \{$)");
  static const std::regex kType(R"(^(?:struct|class) (\w+)(?: final)?(?: : .*)? \{)");
  std::map<std::string, std::string> places;
  for (const std::string& path : files_below(fs::current_path(), {".h"})) {
    if (path.starts_with("tests/") || path.starts_with("bench/")) continue;
    std::string space;
    for (const Line& line : parse_source(path, read_text(path)).lines) {
      std::smatch found;
      if (std::regex_search(line.code, found, kNamespace)) space = found[1];
      if (!std::regex_search(line.code, found, kType)) continue;
      const std::string name = space + "::" + found[1].str();
      const auto [first, added] = places.emplace(name, path);
      EXPECT_TRUE(added) << name << " is defined in " << first->second << " and in " << path
                         << "; rename one";
    }
  }
  EXPECT_GT(places.size(), 100U);
}

// Links of a Markdown text that lead to files: without code, addresses, and places on the page.
std::vector<std::string> file_links(const std::string& markdown) {
  static const std::regex kFence("```[^]*?```");
  static const std::regex kCode("`[^`\n]*`");
  static const std::regex kLink(R"(\]\(([^()\s]+)\))");
  static const std::regex kAddress("[a-z]+:.*");
  const std::string prose =
      std::regex_replace(std::regex_replace(markdown, kFence, ""), kCode, "`");

  std::vector<std::string> links;
  for (std::sregex_iterator match(prose.begin(), prose.end(), kLink), end; match != end; ++match) {
    std::string target = (*match)[1];
    target = target.substr(0, target.find('#'));
    if (!target.empty() && !std::regex_match(target, kAddress)) links.push_back(target);
  }
  return links;
}

TEST(Links, OfTheDocumentationLeadToFiles) {
  const auto pages = files_below(fs::current_path(), {".md"});
  ASSERT_FALSE(pages.empty());
  for (const std::string& page : pages) {
    for (const std::string& link : file_links(read_text(page))) {
      EXPECT_TRUE(fs::exists(fs::path(page).parent_path() / link)) << page << " links to " << link;
    }
  }
}

TEST(Links, AreFoundInProseAndNotInCode) {
  const std::string page =
      "See [one](docs/one.md#part), [two](https://example.org/two.md) and [here](#below).\n"
      "`[three](three.md)` ![four](four.png)\n"
      "```\n[five](five.md)\n```\n[six](../six.md)\n";
  EXPECT_EQ(file_links(page), (std::vector<std::string>{"docs/one.md", "four.png", "../six.md"}));
}

}  // namespace
}  // namespace ballast::tidy
