#include "common/job/parse_place.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "common/base/check.h"
#include "common/job/fields.h"
#include "common/job/text.h"

namespace ballast {
namespace {

// What other tools call a field of ours.
constexpr std::pair<std::string_view, std::string_view> kSynonyms[] = {
    {"lr", "learning_rate"},
    {"alpha", "learning_rate"},
    {"target", "label"},
    {"sep", "delimiter"},
    {"separator", "delimiter"},
    {"na_values", "missing"},
    {"schema", "columns"},
    {"wd", "weight_decay"},
    {"units", "width"},
    {"size", "width"},
    {"p", "rate"},
    {"transforms", "features"},
    {"preprocessing", "features"},
    {"architecture", "model"},
    {"valid", "validation"},
    {"val", "validation"},
    {"dev", "validation"},
    {"max_norm", "clip_norm"},
    {"random_seed", "seed"},
    {"microbatches", "leaves"},
    {"decay_rate", "factor"},
};

std::optional<double> plain_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

// A number, or a fraction of two: "0.25", "1e-3", "1/255".
std::optional<double> to_number(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return plain_number(text);
  const auto over = plain_number(text.substr(0, slash));
  const auto under = plain_number(text.substr(slash + 1));
  if (!over || !under || *under == 0.0 || !std::isfinite(*over / *under)) return std::nullopt;
  return *over / *under;
}

std::optional<std::uint64_t> to_whole(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  // "1e6" is a whole number too, as long as a double holds it exactly.
  const auto number = plain_number(text);
  if (!number || *number < 0.0 || *number > 0x1p53 || *number != std::floor(*number)) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(*number);
}

std::optional<double> to_seconds(std::string_view text) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"ms", 0.001}, {"s", 1.0}, {"min", 60.0}, {"m", 60.0}, {"h", 3600.0}};
  for (const auto& [unit, factor] : kUnits) {
    if (!text.ends_with(unit)) continue;
    std::string_view count = text.substr(0, text.size() - unit.size());
    while (count.ends_with(' ')) count.remove_suffix(1);
    const auto value = plain_number(count);
    // 1000 ms are exactly one second; 0.001 is no double.
    if (value) return unit == "ms" ? *value / 1000.0 : *value * factor;
  }
  return plain_number(text);
}

std::string whole_words(WholeRange range) {
  if (range.high == std::numeric_limits<std::uint64_t>::max()) {
    return fmt::format("a whole number of {} or more", range.low);
  }
  return fmt::format("a whole number from {} to {}", range.low, range.high);
}

std::string joined(const std::vector<std::string_view>& words, std::string_view last) {
  return listed({words.begin(), words.end()}, last);
}

bool is_known(const YamlKey& key, const std::vector<std::string_view>& known) {
  return std::find(known.begin(), known.end(), key.text) != known.end();
}

std::string below(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

}  // namespace

bool NumberRange::contains(double value) const {
  const bool above = ends == Ends::low_open || ends == Ends::open ? value > low : value >= low;
  const bool under = ends == Ends::high_open || ends == Ends::open ? value < high : value <= high;
  return above && under;
}

std::string described(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return "nothing";
    case YamlNode::Kind::scalar:
      return in_quotes(node.text);
    case YamlNode::Kind::list:
      return node.items.empty() ? "an empty list" : fmt::format("a list of {}", node.items.size());
    case YamlNode::Kind::mapping:
      return node.keys.empty() ? "an empty mapping"
                               : fmt::format("a mapping with {}", in_quotes(node.keys[0].text));
  }
  return "";
}

Place::Place(const YamlNode& node, std::string schema, std::string path, Problems& problems)
    : node_(&node), schema_(std::move(schema)), path_(std::move(path)), problems_(&problems) {}

void Place::complain(const std::string& message) const {
  problems_->add(node_->mark, path_, message);
}

void Place::complain_expected(std::string_view expected) const {
  complain(fmt::format("expected {}, got {}", expected, described(*node_)));
}

bool Place::is_number() const {
  return is(YamlNode::Kind::scalar) && !node_->quoted && to_number(node_->text).has_value();
}

std::optional<std::string> Place::text() const {
  if (is(YamlNode::Kind::scalar)) return node_->text;
  complain_expected("a text");
  return std::nullopt;
}

std::optional<double> Place::number(const NumberRange& range) const {
  if (is_number()) {
    const double value = *to_number(node_->text);
    if (range.contains(value)) return value;
    if (value > range.high && range.high == kNumberMax) {  // The words know no upper end.
      complain_expected(fmt::format("{} and at most {}", range.words, kNumberMax));
      return std::nullopt;
    }
  } else if (is(YamlNode::Kind::scalar) && node_->quoted && to_number(node_->text)) {
    complain(fmt::format("expected {}, got the text {}; remove the quotes", range.words,
                         in_quotes(node_->text)));
    return std::nullopt;
  }
  complain_expected(range.words);
  return std::nullopt;
}

std::optional<std::uint64_t> Place::whole(WholeRange range) const {
  if (is(YamlNode::Kind::scalar) && !node_->quoted) {
    const auto value = to_whole(node_->text);
    if (value && range.low <= *value && *value <= range.high) return value;
  }
  complain_expected(whole_words(range));
  return std::nullopt;
}

std::optional<bool> Place::flag() const {
  if (is(YamlNode::Kind::scalar) && !node_->quoted) {
    if (node_->text == "true" || node_->text == "True" || node_->text == "TRUE") return true;
    if (node_->text == "false" || node_->text == "False" || node_->text == "FALSE") return false;
  }
  complain_expected("true or false");
  return std::nullopt;
}

std::optional<double> Place::seconds(const NumberRange& range) const {
  if (is(YamlNode::Kind::scalar)) {
    const auto value = to_seconds(node_->text);
    if (value && range.contains(*value)) return value;
  }
  complain_expected(fmt::format("a duration such as 500ms, 10s or 2m, {} in seconds", range.words));
  return std::nullopt;
}

std::optional<std::vector<std::string>> Place::texts() const {
  if (is(YamlNode::Kind::scalar)) return std::vector{node_->text};
  if (!is(YamlNode::Kind::list)) {
    complain_expected("a text or a list of texts");
    return std::nullopt;
  }
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < node_->items.size(); ++i) {
    const auto text = item(i).text();
    if (!text) return std::nullopt;
    texts.push_back(*text);
  }
  return texts;
}

std::optional<std::size_t> Place::choice_among(const std::vector<std::string_view>& names) const {
  if (!is(YamlNode::Kind::scalar)) {
    complain_expected(joined(names, "or"));
    return std::nullopt;
  }
  const auto found = std::find(names.begin(), names.end(), node_->text);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  const std::string_view near = nearest(node_->text, names);
  complain(fmt::format("expected {}, got {}{}", joined(names, "or"), in_quotes(node_->text),
                       near.empty() ? "" : fmt::format("; did you mean {}?", near)));
  return std::nullopt;
}

bool Place::check_fields() const {
  if (is(YamlNode::Kind::null)) return true;
  const std::vector<std::string_view> known = fields_below(schema_);
  if (!is(YamlNode::Kind::mapping)) {
    complain_expected(known.empty() ? std::string("nothing here")
                                    : fmt::format("a mapping with {}", joined(known, "or")));
    return false;
  }
  for (const YamlKey& key : node_->keys) {
    if (!is_known(key, known)) complain_unknown(key);
  }
  return true;
}

// The nearest name of this section, else the places where the name belongs, and all that is
// possible here.
void Place::complain_unknown(const YamlKey& key) const {
  const std::vector<std::string_view> known = fields_below(schema_);
  std::string_view meant;
  for (const auto& [theirs, ours] : kSynonyms) {
    const bool here = std::find(known.begin(), known.end(), ours) != known.end();
    if (key.text == theirs && here) meant = ours;
  }
  const std::vector<std::string_view> elsewhere = fields_named(key.text);
  if (meant.empty() && elsewhere.empty()) meant = nearest(key.text, known);

  std::string message = "unknown field";
  if (!meant.empty()) {
    message += fmt::format("; did you mean {}?", meant);
  } else if (!elsewhere.empty()) {
    message += fmt::format(", known only as {};", joined(elsewhere, "and"));
  } else {
    message += ';';
  }
  message += known.empty() ? std::string(" no field is possible here")
                           : fmt::format(" possible here: {}", joined(known, "and"));
  problems_->add(key.mark, below(path_, key.text.size() > 60 ? "..." : key.text), message);
}

Place Place::at(std::string_view name) const {
  const YamlNode* found = node_->find(name);
  BALLAST_CHECK(found != nullptr);
  const std::vector<std::string_view> known = fields_below(schema_);
  BALLAST_CHECK(std::find(known.begin(), known.end(), name) != known.end());
  return Place(*found, below(schema_, name), below(path_, name), *problems_);
}

Place Place::item(std::size_t i) const {
  BALLAST_CHECK(i < node_->items.size());
  const std::string name = is(YamlNode::Kind::list) ? std::to_string(i) : node_->keys[i].text;
  return Place(node_->items[i], schema_ + "[]", below(path_, name), *problems_);
}

Place Place::as(std::string schema) const {
  return Place(*node_, std::move(schema), path_, *problems_);
}

bool Place::require(std::string_view name, const std::string& hint) const {
  if (has(name)) return true;
  // A misspelt field is told already; that the right one is missing says the same again.
  const std::vector<std::string_view> known = fields_below(schema_);
  const bool misspelt = std::any_of(node_->keys.begin(), node_->keys.end(),
                                    [&](const YamlKey& key) { return !is_known(key, known); });
  if (misspelt) return false;
  problems_->add(node_->mark, below(path_, name), fmt::format("missing required field; {}", hint));
  return false;
}

void Place::refuse(std::string_view name, const std::string& why) const {
  if (has(name)) at(name).complain(why);
}

void Place::read(std::string_view name, std::string& out) const {
  if (!has(name)) return;
  if (const auto value = at(name).text()) out = *value;
}

void Place::read(std::string_view name, bool& out) const {
  if (!has(name)) return;
  if (const auto value = at(name).flag()) out = *value;
}

void Place::read(std::string_view name, const NumberRange& range, double& out) const {
  if (!has(name)) return;
  if (const auto value = at(name).number(range)) out = *value;
}

void Place::read_seconds(std::string_view name, const NumberRange& range, double& out) const {
  if (!has(name)) return;
  if (const auto value = at(name).seconds(range)) out = *value;
}

void Place::read(std::string_view name, std::vector<std::string>& out) const {
  if (!has(name)) return;
  if (const auto value = at(name).texts()) out = *value;
}

YamlNode Place::long_form(std::string_view short_field) const {
  if (is(YamlNode::Kind::mapping) || is(YamlNode::Kind::null) || short_field.empty()) {
    return *node_;
  }
  YamlNode mapping;
  mapping.kind = YamlNode::Kind::mapping;
  mapping.mark = node_->mark;
  mapping.keys.push_back({std::string(short_field), node_->mark});
  mapping.items.push_back(*node_);
  return mapping;
}

std::optional<Variant> Place::variant(std::string_view noun,
                                      const std::vector<std::string_view>& names,
                                      const std::vector<std::string_view>& short_fields) const {
  const std::string expected = fmt::format("{}, one of {}", noun, joined(names, "and"));
  std::string name;
  if (is(YamlNode::Kind::scalar)) {
    name = node_->text;
  } else if (is(YamlNode::Kind::mapping) && !node_->keys.empty()) {
    check_fields();
    const std::vector<std::string_view> known = fields_below(schema_);
    if (!is_known(node_->keys[0], known)) return std::nullopt;
    if (node_->keys.size() > 1) {
      complain(
          fmt::format("expected {} alone, got {} and {} together; indent what belongs to the "
                      "first, or make two of it",
                      noun, in_quotes(node_->keys[0].text), in_quotes(node_->keys[1].text)));
      return std::nullopt;
    }
    name = node_->keys[0].text;
  } else {
    complain_expected(expected);
    return std::nullopt;
  }

  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    const std::string_view near = nearest(name, names);
    complain(fmt::format("expected {}, got {}{}", expected, in_quotes(name),
                         near.empty() ? "" : fmt::format("; did you mean {}?", near)));
    return std::nullopt;
  }
  Variant variant;
  variant.choice = static_cast<std::size_t>(found - names.begin());
  variant.schema = below(schema_, name);
  variant.path = below(path_, name);
  variant.problems = problems_;
  variant.fields.mark = node_->mark;
  if (is(YamlNode::Kind::mapping)) {
    variant.fields = at(name).long_form(short_fields.empty() ? "" : short_fields[variant.choice]);
  }
  return variant;
}

}  // namespace ballast
