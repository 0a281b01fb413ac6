#include "common/job/parse_yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "common/base/check.h"
#include "common/job/text.h"

namespace ballast {
namespace {

// A spec is written by a person. Anchors can multiply a short text into a huge tree, and deep
// nesting into a deep stack; both are refused far above what a spec needs.
constexpr std::size_t kTextBytesMax = 4U << 20;
constexpr std::size_t kNodesMax = 200'000;
constexpr std::size_t kDepthMax = 64;

// Thrown by the builder, through yaml-cpp, to read_yaml.
struct Refusal {
  Mark mark;
  std::string message;
};

Mark to_mark(const YAML::Mark& mark, std::uint32_t origin) {
  if (mark.is_null()) return {origin, 1, 1};
  return {origin, static_cast<std::uint32_t>(mark.line) + 1,
          static_cast<std::uint32_t>(mark.column) + 1};
}

// Builds the tree from yaml-cpp's events. The events of one document nest properly, so a stack of
// open collections is all the state there is.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::uint32_t origin) : origin_(origin) {}

  [[nodiscard]] YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(node(YamlNode::Kind::null, mark), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw Refusal{to_mark(mark, origin_), "this alias refers to the value that contains it"};
    }
    count(found->second.nodes, mark);
    add(found->second.node, YAML::NullAnchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode scalar = node(YamlNode::Kind::scalar, mark);
    scalar.text = value;
    scalar.quoted = check_tag(tag, mark) == Quoting::quoted;
    if (value.find('\0') != std::string::npos) {
      throw Refusal{scalar.mark, "a text contains the character \\0; remove it"};
    }
    if (!scalar.quoted && (value == "null" || value == "~" || value == "Null" || value == "NULL")) {
      scalar = node(YamlNode::Kind::null, mark);
    }
    add(std::move(scalar), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    check_tag(tag, mark);
    open(node(YamlNode::Kind::list, mark), anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    check_tag(tag, mark);
    open(node(YamlNode::Kind::mapping, mark), anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  enum class Quoting { plain, quoted };
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor;
    std::size_t nodes_before;
  };
  struct Anchored {
    YamlNode node;
    std::size_t nodes;
  };

  YamlNode node(YamlNode::Kind kind, const YAML::Mark& mark) {
    count(1, mark);
    YamlNode node;
    node.kind = kind;
    node.mark = to_mark(mark, origin_);
    return node;
  }

  void count(std::size_t nodes, const YAML::Mark& mark) {
    nodes_ += nodes;
    if (nodes_ <= kNodesMax) return;
    throw Refusal{to_mark(mark, origin_),
                  fmt::format("expected at most {} values, aliases counted as what they stand for",
                              kNodesMax)};
  }

  // yaml-cpp gives "!" for quoted scalars and "?" for plain ones.
  Quoting check_tag(const std::string& tag, const YAML::Mark& mark) const {
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return Quoting::quoted;
    if (tag.empty() || tag == "?") return Quoting::plain;
    throw Refusal{to_mark(mark, origin_),
                  fmt::format("the tag {} has no meaning in a spec; remove it", in_quotes(tag))};
  }

  void open(YamlNode node, YAML::anchor_t anchor) {
    if (open_.size() >= kDepthMax) {
      throw Refusal{node.mark, fmt::format("expected at most {} nested levels", kDepthMax)};
    }
    open_.push_back({std::move(node), anchor, nodes_ - 1});
  }

  void close() {
    BALLAST_CHECK(!open_.empty());
    Open closed = std::move(open_.back());
    open_.pop_back();
    add(std::move(closed.node), closed.anchor, nodes_ - closed.nodes_before);
  }

  void add(YamlNode node, YAML::anchor_t anchor, std::size_t nodes = 1) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {node, nodes};
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    YamlNode& parent = open_.back().node;
    if (parent.kind == YamlNode::Kind::mapping && parent.keys.size() == parent.items.size()) {
      add_key(parent, node);
    } else {
      // An absent value has no place of its own; its field has.
      if (node.kind == YamlNode::Kind::null && parent.kind == YamlNode::Kind::mapping) {
        node.mark = parent.keys.back().mark;
      }
      parent.items.push_back(std::move(node));
    }
  }

  static void add_key(YamlNode& parent, const YamlNode& key) {
    if (key.kind != YamlNode::Kind::scalar) {
      throw Refusal{key.mark, "expected a field's name before the colon"};
    }
    const auto earlier = std::find_if(parent.keys.begin(), parent.keys.end(),
                                      [&](const YamlKey& k) { return k.text == key.text; });
    if (earlier != parent.keys.end()) {
      throw Refusal{key.mark, fmt::format("{} is given twice, first in line {}; remove one",
                                          in_quotes(key.text), earlier->mark.line)};
    }
    parent.keys.push_back({key.text, key.mark});
  }

  const std::uint32_t origin_;
  std::size_t nodes_ = 0;
  YamlNode root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Anchored> anchors_;
};

// yaml-cpp takes other encodings and stops in silence at some control characters; a spec is UTF-8
// text and nothing else.
bool check_text(std::string_view text, std::uint32_t origin, Problems& problems) {
  if (text.size() > kTextBytesMax) {
    problems.add(
        {origin, 1, 1}, "",
        fmt::format("expected a spec of at most {} bytes, got {}", kTextBytesMax, text.size()));
    return false;
  }
  Mark mark{origin, 1, 1};
  while (!text.empty()) {
    const std::size_t size = utf8_length(text);
    const auto byte = static_cast<unsigned char>(text.front());
    if (size == 0) {
      problems.add(mark, "",
                   fmt::format("byte 0x{:02x} is not UTF-8; save the spec as UTF-8", byte));
      return false;
    }
    if (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') {
      problems.add(mark, "", fmt::format("control character 0x{:02x}; remove it", byte));
      return false;
    }
    mark.column += 1;
    if (byte == '\n') mark = {origin, mark.line + 1, 1};
    text.remove_prefix(size);
  }
  return true;
}

// The column of a tab in the indentation of a line, from 1 as the line is; 0: there is none. The
// parser only says that it did not expect what follows.
std::uint32_t tab_before_line(std::string_view text, std::uint32_t line) {
  for (; line > 1; --line) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return 0;
    text.remove_prefix(end + 1);
  }
  const std::size_t at = text.find_first_not_of(' ');
  return at != std::string_view::npos && text[at] == '\t' ? static_cast<std::uint32_t>(at) + 1 : 0;
}

std::string indent(std::size_t depth) { return std::string(2 * depth, ' '); }

// Whether a scalar can stand unquoted anywhere: a word, a number, a path.
bool is_plain_word(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '/' || c == '+' || c == '-';
  };
  if (text.empty() || !std::all_of(text.begin(), text.end(), plain)) return false;
  // "-", "---" and "..." mean something to YAML.
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return c != '-' && c != '.' && c != '+' && c != '/'; }) &&
         (text.front() != '-' ||
          (text.size() > 1 && (text[1] == '.' || (text[1] >= '0' && text[1] <= '9'))));
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string scalar_text(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::null) return "null";
  if (!node.quoted && is_plain_word(node.text)) return node.text;
  return in_quotes(node.text);
}

bool is_scalar(const YamlNode& node) {
  return node.kind == YamlNode::Kind::null || node.kind == YamlNode::Kind::scalar;
}

std::string key_text(const std::string& key) {
  YamlNode node;
  node.kind = YamlNode::Kind::scalar;
  node.text = key;
  // A key spelled "null" or "~" must not become one.
  node.quoted = key == "null" || key == "Null" || key == "NULL";
  return scalar_text(node);
}

void write_node(const YamlNode& node, std::size_t depth, std::string& out);

// What stands behind "key:" or "-": on the same line when it fits there, else below.
void write_value(const YamlNode& node, std::size_t depth, std::string& out) {
  if (is_scalar(node)) {
    out += fmt::format(" {}\n", scalar_text(node));
  } else if (node.items.empty()) {
    out += node.kind == YamlNode::Kind::list ? " []\n" : " {}\n";
  } else if (node.kind == YamlNode::Kind::list &&
             std::all_of(node.items.begin(), node.items.end(), is_scalar)) {
    out += " [";
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      out += (i == 0 ? "" : ", ") + scalar_text(node.items[i]);
    }
    out += "]\n";
  } else {
    out += '\n';
    write_node(node, depth + 1, out);
  }
}

void write_node(const YamlNode& node, std::size_t depth, std::string& out) {
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const YamlNode& item = node.items[i];
    out += indent(depth);
    if (node.kind == YamlNode::Kind::mapping) {
      out += key_text(node.keys[i].text) + ":";
      write_value(item, depth, out);
    } else if (item.kind == YamlNode::Kind::mapping && !item.items.empty()) {
      // "- first: 1", the dash in the place of the first field's indentation.
      std::string fields;
      write_node(item, depth + 1, fields);
      out += "- " + fields.substr(2 * (depth + 1));
    } else {
      out += '-';
      write_value(item, depth, out);
    }
  }
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].text == key) return &items[i];
  }
  return nullptr;
}

YamlNode* YamlNode::find(std::string_view key) {
  return const_cast<YamlNode*>(std::as_const(*this).find(key));
}

std::optional<YamlNode> read_yaml(std::string_view text, std::uint32_t origin,
                                  Problems& problems) try {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (!check_text(text, origin, problems)) return std::nullopt;

  std::istringstream stream{std::string(text)};
  YAML::Parser parser(stream);
  TreeBuilder document(origin);
  if (!parser.HandleNextDocument(document)) {
    YamlNode nothing;
    nothing.mark = {origin, 1, 1};
    return nothing;
  }
  TreeBuilder second(origin);
  if (parser.HandleNextDocument(second)) {
    problems.add(second.take().mark, "", "expected one YAML document, got a second one");
    return std::nullopt;
  }
  return document.take();
} catch (const Refusal& refusal) {
  problems.add(refusal.mark, "", refusal.message);
  return std::nullopt;
} catch (const YAML::Exception& exception) {
  const Mark mark = to_mark(exception.mark, origin);
  if (const std::uint32_t column = tab_before_line(text, mark.line); column != 0) {
    problems.add({origin, mark.line, column}, "",
                 "the line begins with a tab; YAML is indented by spaces");
  } else {
    problems.add(mark, "", fmt::format("expected YAML, but: {}", exception.msg));
  }
  return std::nullopt;
}

std::string write_yaml(const YamlNode& node) {
  std::string out;
  if (is_scalar(node) || node.items.empty()) {
    write_value(node, 0, out);
    return out.substr(1);
  }
  write_node(node, 0, out);
  return out;
}

}  // namespace ballast
