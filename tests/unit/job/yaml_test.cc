#include <gtest/gtest.h>

#include <string>

#include "common/job/parse_yaml.h"

namespace ballast {
namespace {

// The tree on one line: q'...' quoted scalars, '...' plain ones, ~ null.
std::string shape(const YamlNode& node) {
  std::string out;
  switch (node.kind) {
    case YamlNode::Kind::null:
      return "~";
    case YamlNode::Kind::scalar:
      return (node.quoted ? "q'" : "'") + node.text + "'";
    case YamlNode::Kind::list:
      for (const YamlNode& item : node.items) out += (out.empty() ? "" : " ") + shape(item);
      return "[" + out + "]";
    case YamlNode::Kind::mapping:
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        out += (i == 0 ? "" : " ") + node.keys[i].text + ":" + shape(node.items[i]);
      }
      return "{" + out + "}";
  }
  return out;
}

std::string read_shape(std::string_view text) {
  Problems problems("f");
  const auto node = read_yaml(text, 0, problems);
  return node ? shape(*node) : problems.error().message;
}

TEST(Yaml, ReadsWhatSpecsAreWrittenIn) {
  struct Case {
    const char* name;
    std::string_view text;
    const char* shape;
  };
  const Case cases[] = {
      {"nothing", "", "~"},
      {"a comment alone", "# nothing here\n", "~"},
      {"block and flow", "a: 1\nb: [x, {c: d}]\n", "{a:'1' b:['x' {c:'d'}]}"},
      {"quotes are remembered", "a: '1'\nb: \"2\"\nc: 3\n", "{a:q'1' b:q'2' c:'3'}"},
      {"nothing behind a colon", "a:\nb: ~\nc: null\n", "{a:~ b:~ c:~}"},
      {"order is kept", "z: 1\na: 2\nm: 3\n", "{z:'1' a:'2' m:'3'}"},
      {"aliases are what they stand for", "a: &x [1, 2]\nb: *x\n", "{a:['1' '2'] b:['1' '2']}"},
      {"byte order mark",
       "\xEF\xBB\xBF"
       "a: 1\n",
       "{a:'1'}"},
      {"a text tag is a quote", "a: !!str 5\n", "{a:q'5'}"},
      {"lines of Windows", "a: 1\r\nb: 2\r\n", "{a:'1' b:'2'}"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(read_shape(c.text), c.shape);
  }
}

TEST(Yaml, RefusesTheRestWithItsPlace) {
  struct Case {
    const char* name;
    std::string text;
    const char* message;
  };
  std::string deep = "a: ";
  for (int i = 0; i < 80; ++i) deep += '[';
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string last = std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 9; ++k) bomb += "*a" + last + ", ";
    bomb += "*a" + last + "]\n";
  }
  const Case cases[] = {
      {"a list left open", "a: [1,\n", "f:2:1: expected YAML, but: "},
      {"a key given twice", "a: 1\nb: 2\na: 3\n",
       "f:3:1: \"a\" is given twice, first in line 1; remove one"},
      {"two documents", "a: 1\n---\nb: 2\n", "f:3:1: expected one YAML document, got a second one"},
      {"a foreign tag", "a: !python 5\n", "f:1:4: the tag \"!python\" has no meaning"},
      {"a list as a key", "? [1, 2]\n: 3\n", "f:1:3: expected a field's name before the colon"},
      {"Latin-1", "a: caf\xE9\n", "f:1:7: byte 0xe9 is not UTF-8; save the spec as UTF-8"},
      {"a control character", "a: 1\nb: \x04\n", "f:2:4: control character 0x04; remove it"},
      {"a zero by escape", "a: \"x\\0y\"\n", "f:1:4: a text contains the character \\0"},
      {"too deep", deep, "expected at most 64 nested levels"},
      {"aliases that multiply", bomb, "expected at most 200000 values"},
      {"an alias inside its own value", "a: &x [*x]\n",
       "f:1:8: this alias refers to the value that"},
      {"an alias of nothing", "a: *x\n", "expected YAML, but: "},
      {"tabs as indentation", "a:\n\tb: 1\n",
       "f:2:1: the line begins with a tab; YAML is indented by spaces"},
      {"a tab behind spaces", "a:\n  b:\n  \t c: 1\n",
       "f:3:3: the line begins with a tab; YAML is indented by spaces"},
      {"a tab elsewhere", "a:\tb\nc: [\n", "f:3:1: expected YAML, but: "},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string message = read_shape(c.text);
    EXPECT_NE(message.find(c.message), std::string::npos) << message;
  }
}

TEST(Yaml, WritesWhatReadsTheSame) {
  const std::string_view texts[] = {
      "a: 1\n",
      "just a text\n",
      "[]\n",
      "a: []\nb: {}\nc: ~\nd: ''\n",
      "a:\n  - b: 1\n    c: [x, y]\n  - [1, [2, {d: e}]]\n  - f\n  - {}\n",
      "a: \"0.1\"\nb: 0.1\nc: 'null'\nd: \"true\"\n",
      "a: \"quote \\\" backslash \\\\ line\\nend tab\\t\"\n",
      "\"a: b\": [\"- x\", \"#\", \"*\", \"&\", \"?\", \"<=50K\", -1, +2, .5, 1/255, ../x, -, "
      "...]\n",
      "'null': 1\n'~': 2\n'': 3\n",
      "\xE4\xB8\xAD: \xF0\x9F\x98\x80\n",
      "a: |\n  two\n  lines\nb: >\n  one\n  line\n",
      "a: 10 s\nb: -x\nc: ---x\nd: 2020-01-01\n",
  };
  for (const std::string_view text : texts) {
    SCOPED_TRACE(text);
    Problems problems("f");
    const auto node = read_yaml(text, 0, problems);
    ASSERT_TRUE(node.has_value()) << problems.error().message;
    const std::string written = write_yaml(*node);
    const auto again = read_yaml(written, 0, problems);
    ASSERT_TRUE(again.has_value()) << problems.error().message << "\n" << written;
    EXPECT_EQ(write_yaml(*again), written);
    // Quoting a text that could be nothing else changes no meaning; dropping quotes might.
    std::string before = shape(*node);
    std::string after = shape(*again);
    for (std::string* s : {&before, &after}) {
      for (std::size_t at = s->find("q'"); at != std::string::npos; at = s->find("q'")) {
        s->erase(at, 1);
      }
    }
    EXPECT_EQ(after, before);
  }
}

TEST(Yaml, KeepsNumbersAndTextsThatLookLikeThemApart) {
  Problems problems("f");
  const auto node = read_yaml("[0.1, \"0.1\", -3, '-3', 1e-3, 1/255, true, 'true']", 0, problems);
  ASSERT_TRUE(node.has_value());
  EXPECT_EQ(read_shape(write_yaml(*node)), shape(*node));
}

}  // namespace
}  // namespace ballast
