// The table of fields against the two that must agree with it: docs/spec.md and the parser.

#include "common/job/fields.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "common/job/parse_yaml.h"
#include "tests/unit/job/specs.h"

namespace ballast {
namespace {

struct Row {
  std::string type;
  std::string fallback;
};

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

// The rows "| `path` | type | default | meaning |" of the page.
std::map<std::string, Row> documented_fields(const std::string& page) {
  std::map<std::string, Row> rows;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| `")) continue;
    std::vector<std::string> cells;
    std::istringstream row(line.substr(1));
    for (std::string cell; std::getline(row, cell, '|');) cells.push_back(trimmed(cell));
    EXPECT_EQ(cells.size(), 4U) << line;
    if (cells.size() != 4) continue;
    EXPECT_FALSE(cells[3].empty()) << line << " says nothing";
    const std::string path = cells[0].substr(1, cells[0].size() - 2);
    EXPECT_TRUE(rows.insert({path, {cells[1], cells[2]}}).second) << path << " is there twice";
  }
  return rows;
}

std::vector<std::string> yaml_examples(const std::string& page) {
  std::vector<std::string> examples;
  const std::string open = "\n```yaml\n";
  for (std::size_t at = page.find(open); at != std::string::npos; at = page.find(open, at)) {
    at += open.size();
    const std::size_t close = page.find("\n```\n", at);
    examples.push_back(page.substr(at, close + 1 - at));
  }
  return examples;
}

TEST(Fields, AreDocumentedEachAndNoOther) {
  const auto documented = documented_fields(file_text("docs/spec.md"));
  std::set<std::string> known;
  for (const Field& field : all_fields()) {
    SCOPED_TRACE(field.path);
    EXPECT_TRUE(known.emplace(field.path).second) << "twice in the table";
    const auto row = documented.find(std::string(field.path));
    ASSERT_NE(row, documented.end()) << "not in docs/spec.md";
    EXPECT_EQ(row->second.type, field.type);
    EXPECT_EQ(row->second.fallback, field.fallback);
  }
  for (const auto& [path, row] : documented) {
    EXPECT_TRUE(known.contains(path)) << path << " is documented, but no such field exists";
  }
}

// An example is a whole spec, or sections that stand in for those of the first example.
TEST(Fields, ExamplesOfTheDocumentationParse) {
  const auto examples = yaml_examples(file_text("docs/spec.md"));
  ASSERT_GE(examples.size(), 10U);
  Problems problems("docs/spec.md");
  const auto base = read_yaml(examples[0], 0, problems);
  ASSERT_TRUE(base.has_value());
  for (const std::string& example : examples) {
    SCOPED_TRACE(example);
    const auto sections = read_yaml(example, 0, problems);
    ASSERT_TRUE(sections.has_value()) << problems.error().message;
    YamlNode whole = *base;
    for (std::size_t i = 0; i < sections->keys.size(); ++i) {
      YamlNode* section = whole.find(sections->keys[i].text);
      if (section != nullptr) {
        *section = sections->items[i];
      } else {
        whole.keys.push_back(sections->keys[i]);
        whole.items.push_back(sections->items[i]);
      }
    }
    const auto spec = parse_spec(write_yaml(whole), "example.yaml");
    EXPECT_TRUE(spec.has_value()) << spec.error().message;
  }
}

// ---- the parser ---------------------------------------------------------------------------------

constexpr std::string_view kBase =
    "data: {train: a.csv, label: y, validation: 0.1}\nmodel: logistic\n";

// A spec in which the field can stand, as overrides of kBase, and the path to set there.
struct Setting {
  std::vector<std::string> overrides;
  std::string path;
};

// "features[].clip.by" stands in the one transform of a list, "optimizer.*.schedule" in adam's.
Setting setting_of(std::string_view field) {
  Setting setting{{}, std::string(field)};
  const auto name_behind = [&](std::string_view prefix) {
    const std::string_view rest = field.substr(prefix.size());
    return std::string(rest.substr(0, rest.find('.')));
  };
  const auto at = [&](std::string_view prefix, const std::string& place) {
    setting.path = place + std::string(field.substr(prefix.size()));
  };
  if (field.starts_with("features[].")) {
    static const std::map<std::string, std::string> kBodies = {
        {"drop_duplicates", ""},
        {"scale", "{columns: x, factor: 2}"},
        {"bucketize", "{columns: x, bins: 4}"},
        {"tokenize", "{columns: x, characters: 2}"},
    };
    const std::string name = name_behind("features[].");
    const auto body = kBodies.find(name);
    setting.overrides = {"features=[{" + name + ": " +
                         (body != kBodies.end() ? body->second : "{columns: x}") + "}]"};
    at("features[].", "features.0.");
    if (field == "features[].bucketize.output") {
      setting.overrides.push_back("features.0.bucketize.as=keys");
    }
  } else if (field.starts_with("model.layers[].")) {
    const std::string name = name_behind("model.layers[].");
    const bool wide = name == "dense" || name.starts_with("embedding");
    setting.overrides = {"model={layers: [{" + name + ": " + (wide ? "{width: 4}" : "") +
                         "}, dense: 1], loss: huber}"};
    at("model.layers[].", "model.layers.0.");
  } else if (field.starts_with("model.loss.focal")) {
    setting.overrides = {"model={softmax: , loss: {focal: }}"};
  } else if (field.starts_with("model.loss.binary_focal")) {
    setting.overrides = {"model={logistic: , loss: {binary_focal: }}"};
  } else if (field.starts_with("model.loss")) {
    setting.overrides = {"model={linear: , loss: {huber: }}"};
  } else if (field == "model.layers") {
    setting.overrides = {"model={layers: [dense: 1], loss: huber}"};
  } else if (field.starts_with("model.")) {
    setting.overrides = {"model={" + name_behind("model.") + ": {bias: true}}"};
  } else if (field.starts_with("optimizer.*.schedule.")) {
    const std::string name = name_behind("optimizer.*.schedule.");
    setting.overrides = {"optimizer={adam: {schedule: {" + name + ": " +
                         (name == "step" ? "{every: 5}" : "") + "}}}"};
    at("optimizer.*.", "optimizer.adam.");
  } else if (field.starts_with("optimizer.")) {
    setting.overrides = {"optimizer={" + name_behind("optimizer.") + ": }"};
  } else if (field.starts_with("data.libsvm")) {
    setting.overrides = {"data={train: a.svm, libsvm: {dense: false}}"};
  } else if (field.ends_with(".images") || field.ends_with(".labels")) {
    const std::string files = "{images: [i], labels: [l]}";
    setting.overrides = {"data={train: " + files + ", validation: " + files + ", test: " + files +
                         "}"};
  } else if (field.starts_with("data.label.")) {
    setting.overrides = {"data.label={column: y, classes: [a, b]}"};
  } else if (field.starts_with("training.early_stop.")) {
    setting.overrides = {"training.early_stop={metric: accuracy}"};
  } else if (field.starts_with("cross_validation.")) {
    static const std::map<std::string, std::string> kSplits = {
        {"fraction", "{split: shuffled}"},       {"group", "{split: grouped, group: x}"},
        {"time", "{split: expanding, time: x}"}, {"gap", "{split: expanding, time: x}"},
        {"window", "{split: sliding, time: x}"}, {"column", "{split: given, column: x}"},
        {"shuffle", "{split: k_fold}"},
    };
    const auto split = kSplits.find(name_behind("cross_validation."));
    setting.overrides = {"cross_validation=" + (split != kSplits.end() ? split->second : "{}")};
  } else if (field.starts_with("search")) {
    const bool halves = field == "search.reduction" || field == "search.steps_min";
    const bool draws = field == "search.configurations" || field.ends_with("uniform") ||
                       field.ends_with("integer");
    setting.overrides = {std::string("search={method: ") +
                         (halves  ? "halving"
                          : draws ? "random"
                                  : "grid") +
                         ", parameters: {model: {choice: [linear, logistic]}}}"};
    if (draws) setting.overrides.push_back("search.parameters.model={uniform: [0, 1]}");
    if (field.starts_with("search.parameters[].")) {
      const std::string name = name_behind("search.parameters[].");
      setting.overrides.push_back("search.parameters.model={" + name + ": [1, 2]}");
      at("search.parameters[].", "search.parameters.model.");
    }
  } else if (field.starts_with("training.consistency.")) {
    setting.overrides = {"training.consistency={" + name_behind("training.consistency.") + ": }"};
  }
  return setting;
}

Result<Spec> parsed(Setting setting, const std::string& value) {
  if (!value.empty()) setting.overrides.push_back(setting.path + "=" + value);
  return parse_spec(kBase, "f.yaml", setting.overrides);
}

// A value that no field takes is refused under every name: nothing in the table is passed over.
TEST(Fields, AreAllRead) {
  for (const Field& field : all_fields()) {
    SCOPED_TRACE(field.path);
    const Setting setting = setting_of(field.path);
    const auto without = parsed(setting, "");
    EXPECT_TRUE(without.has_value()) << without.error().message;
    // A choice takes lists of anything, but nothing else.
    const bool takes_lists = field.path.ends_with(".choice");
    const auto with = parsed(setting, takes_lists ? "{nobody: takes}" : "[[{nobody: [takes]}]]");
    ASSERT_FALSE(with.has_value());
    EXPECT_NE(with.error().message.find(setting.path), std::string::npos) << with.error().message;
  }
}

// A default between backquotes is a value: writing it changes nothing.
TEST(Fields, HaveTheDefaultsTheySay) {
  std::size_t checked = 0;
  for (const Field& field : all_fields()) {
    if (!field.fallback.starts_with('`') || !field.fallback.ends_with('`')) continue;
    SCOPED_TRACE(field.path);
    std::string value(field.fallback.substr(1, field.fallback.size() - 2));
    if (value == ",") value = "','";
    const Setting setting = setting_of(field.path);
    auto without = parsed(setting, "");
    ASSERT_TRUE(without.has_value()) << without.error().message;
    if (field.path.ends_with(".columns")) {
      // The setting names the columns already; compare with a transform that names none.
      Setting bare = setting;
      bare.overrides.push_back(setting.path + "=");
      without = parsed(bare, "");
      ASSERT_TRUE(without.has_value()) << without.error().message;
    }
    auto with = parsed(setting, value);
    ASSERT_TRUE(with.has_value()) << with.error().message;
    without->source.clear();
    with->source.clear();
    EXPECT_EQ(without_lines(*with), without_lines(*without));
    checked += 1;
  }
  EXPECT_GT(checked, 60U);
}

TEST(Fields, AreFoundByPathAndByName) {
  EXPECT_EQ(fields_below("checkpoint"),
            (std::vector<std::string_view>{"every_steps", "every_seconds", "keep", "store"}));
  EXPECT_EQ(fields_below("model.linear"), std::vector<std::string_view>{"bias"});
  EXPECT_TRUE(fields_below("model.lin").empty());
  EXPECT_EQ(fields_named("momentum"), (std::vector<std::string_view>{
                                          "optimizer.sgd.momentum", "optimizer.rmsprop.momentum"}));
  EXPECT_TRUE(fields_named("moment").empty());
}

}  // namespace
}  // namespace ballast
