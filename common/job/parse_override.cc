#include "common/job/parse_override.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/job/fields.h"
#include "common/job/names.h"
#include "common/job/parse_place.h"
#include "common/job/text.h"

namespace ballast {
namespace {

// No spec nests deeper; each name makes one more level of the tree.
constexpr std::size_t kSegmentsMax = 32;

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> segments;
  while (true) {
    const std::size_t dot = path.find('.');
    segments.emplace_back(path.substr(0, dot));
    if (dot == std::string_view::npos) return segments;
    path.remove_prefix(dot + 1);
  }
}

YamlNode& add_field(YamlNode& mapping, const std::string& name, Mark mark) {
  mapping.keys.push_back({name, mark});
  YamlNode& value = mapping.items.emplace_back();
  value.mark = mark;
  return value;
}

// The list item of that position, or null with a problem.
YamlNode* item_of(YamlNode& list, const std::string& segment, const std::string& path, Mark mark,
                  Problems& problems) {
  std::size_t position = 0;
  const auto [end, error] =
      std::from_chars(segment.data(), segment.data() + segment.size(), position);
  const bool is_number = error == std::errc() && end == segment.data() + segment.size();
  if (is_number && position < list.items.size()) return &list.items[position];
  const std::string possible = list.items.empty()
                                   ? std::string("the list is empty")
                                   : fmt::format("a position from 0 to {}", list.items.size() - 1);
  problems.add(mark, path, fmt::format("expected {}, got {}", possible, in_quotes(segment)));
  return nullptr;
}

// One step down. "optimizer: adam" becomes "optimizer: {adam: }" on the way to optimizer.adam.
YamlNode* descend(YamlNode& node, const std::string& segment, const std::string& path, Mark mark,
                  Problems& problems) {
  if (node.kind == YamlNode::Kind::list) return item_of(node, segment, path, mark, problems);
  if (node.kind == YamlNode::Kind::scalar && node.text != segment) {
    problems.add(mark, path,
                 fmt::format("expected a mapping to find {} in, got {}; set the whole of it, as "
                             "--set '{}={{{}: ...}}'",
                             in_quotes(segment), described(node), path, segment));
    return nullptr;
  }
  if (node.kind != YamlNode::Kind::mapping) {
    node = YamlNode{};
    node.kind = YamlNode::Kind::mapping;
    node.mark = mark;
  }
  if (YamlNode* found = node.find(segment)) return found;
  return &add_field(node, segment, mark);
}

bool is_field_of(std::string_view kind, std::string_view name) {
  const std::vector<std::string_view> names = fields_below(fmt::format("optimizer.{}", kind));
  return std::find(names.begin(), names.end(), name) != names.end();
}

// "optimizer.learning_rate" means that of whichever optimizer the spec has: its name is put
// between.
void name_the_optimizer(const YamlNode& root, std::vector<std::string>& segments) {
  if (segments.size() < 2 || segments[0] != "optimizer") return;
  const auto kinds = words_of<OptimizerKind>();
  const bool some_field = std::any_of(
      kinds.begin(), kinds.end(), [&](std::string_view k) { return is_field_of(k, segments[1]); });
  if (!some_field) return;
  std::string kind(name_of(OptimizerSpec().kind));
  const YamlNode* optimizer = root.find("optimizer");
  if (optimizer != nullptr && optimizer->kind == YamlNode::Kind::scalar) kind = optimizer->text;
  if (optimizer != nullptr && !optimizer->keys.empty()) kind = optimizer->keys[0].text;
  segments.insert(segments.begin() + 1, kind);
}

// "--set data.validation=" takes back what the file says.
void remove(YamlNode& root, const std::vector<std::string>& segments, const std::string& path,
            Mark mark, Problems& problems) {
  YamlNode* parent = &root;
  std::string walked;
  for (std::size_t i = 0; i + 1 < segments.size() && parent != nullptr; ++i) {
    parent = descend(*parent, segments[i], walked, mark, problems);
    walked += (walked.empty() ? "" : ".") + segments[i];
  }
  if (parent == nullptr) return;
  const YamlNode* item = parent->kind == YamlNode::Kind::list
                             ? item_of(*parent, segments.back(), walked, mark, problems)
                             : parent->find(segments.back());
  if (item != nullptr) {
    const auto position = item - parent->items.data();
    parent->items.erase(parent->items.begin() + position);
    if (!parent->keys.empty()) parent->keys.erase(parent->keys.begin() + position);
  } else if (parent->kind != YamlNode::Kind::list) {
    problems.add(mark, path, "there is nothing to remove; write the value behind the =");
  }
}

// How much of an option messages begin with; never cut inside a character.
// REQUIRES: the text is UTF-8.
std::size_t shown_bytes(std::string_view text) {
  constexpr std::size_t kShownMax = 200;
  std::size_t shown = 0;
  while (shown < text.size()) {
    const std::size_t next = shown + utf8_length(text.substr(shown));
    if (next > kShownMax) break;
    shown = next;
  }
  return shown;
}

// A value that is set has a place of its own: the option.
void mark_all(YamlNode& node, Mark mark) {
  node.mark = mark;
  for (YamlKey& key : node.keys) key.mark = mark;
  for (YamlNode& item : node.items) mark_all(item, mark);
}

}  // namespace

void apply_override(std::string_view assignment, YamlNode& root, Problems& problems) {
  const std::size_t equals = assignment.find('=');
  // What is not text is not shown either: messages go to terminals and logs.
  if (!is_utf8(assignment)) {
    problems.add({problems.add_origin("--set"), 1, 1}, "",
                 "expected field=value in UTF-8, such as training.batch=128");
    return;
  }
  const std::string shown(assignment.substr(0, shown_bytes(assignment)));
  const Mark mark{problems.add_origin(fmt::format("--set {}", shown)), 1, 1};
  const std::string_view path = assignment.substr(0, equals);
  std::vector<std::string> segments = split(path);
  const bool named = std::all_of(segments.begin(), segments.end(),
                                 [](const std::string& s) { return !s.empty(); });
  if (equals == std::string_view::npos || !named || segments.size() > kSegmentsMax) {
    problems.add(mark, "", "expected field=value, such as training.batch=128");
    return;
  }

  name_the_optimizer(root, segments);
  std::optional<YamlNode> value = read_yaml(assignment.substr(equals + 1), mark.origin, problems);
  if (!value) return;
  if (value->kind == YamlNode::Kind::null) {
    remove(root, segments, std::string(path), mark, problems);
    return;
  }
  mark_all(*value, mark);

  YamlNode* node = &root;
  std::string walked;
  for (const std::string& segment : segments) {
    node = descend(*node, segment, walked, mark, problems);
    if (node == nullptr) return;
    walked += (walked.empty() ? "" : ".") + segment;
  }
  *node = std::move(*value);
}

}  // namespace ballast
