#pragma once

// YAML as a plain tree that remembers where each piece was written. parse_yaml.cc is the only file
// that knows yaml-cpp. A spec needs little of YAML: mappings, lists, scalars, comments, anchors;
// duplicate keys, tags and several documents are refused.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/job/parse_problems.h"

namespace ballast {

struct YamlKey {
  std::string text;
  Mark mark;
};

struct YamlNode {
  enum class Kind { null, scalar, list, mapping };

  Kind kind = Kind::null;
  std::string text;           // scalar
  bool quoted = false;        // scalar: "5" is a text, 5 a number.
  std::vector<YamlKey> keys;  // mapping: one per item, in the order written.
  std::vector<YamlNode> items;
  Mark mark;

  // The value under a key of a mapping; null when absent.
  [[nodiscard]] const YamlNode* find(std::string_view key) const;
  [[nodiscard]] YamlNode* find(std::string_view key);
};

// Reads one document. Adds to `problems` and returns nothing when it is not YAML that a spec may
// be written in: not UTF-8, a syntax error, a key given twice, nested without end.
[[nodiscard]] std::optional<YamlNode> read_yaml(std::string_view text, std::uint32_t origin,
                                                Problems& problems);

// Writes a tree so that reading it gives the same tree, but for marks.
[[nodiscard]] std::string write_yaml(const YamlNode& node);

}  // namespace ballast
