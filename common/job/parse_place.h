#pragma once

// A Place is a value in the spec's tree together with its name: what a parser function holds while
// it reads one section. Reading leaves the target alone when the field is absent, and leaves a
// problem behind when it is not what was expected.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "common/job/names.h"
#include "common/job/parse_problems.h"
#include "common/job/parse_yaml.h"

namespace ballast {

// Which numbers a field takes, and how messages say so.
struct NumberRange {
  enum class Ends { closed, low_open, high_open, open };

  double low;
  double high;
  Ends ends;
  const char* words;

  [[nodiscard]] bool contains(double value) const;
};

// The model computes in float32: what would overflow there is refused here.
inline constexpr double kNumberMax = 1e30;
inline constexpr NumberRange kAnyNumber{-kNumberMax, kNumberMax, NumberRange::Ends::closed,
                                        "a number"};
inline constexpr NumberRange kPositive{0.0, kNumberMax, NumberRange::Ends::low_open,
                                       "a number above 0"};
inline constexpr NumberRange kNotNegative{0.0, kNumberMax, NumberRange::Ends::closed,
                                          "a number of 0 or more"};
inline constexpr NumberRange kBelowOne{0.0, 1.0, NumberRange::Ends::high_open,
                                       "a number from 0 up to but not 1"};
inline constexpr NumberRange kFromZeroToOne{0.0, 1.0, NumberRange::Ends::closed,
                                            "a number from 0 to 1"};
inline constexpr NumberRange kFraction{0.0, 1.0, NumberRange::Ends::open,
                                       "a number between 0 and 1"};

struct WholeRange {
  std::uint64_t low = 0;
  std::uint64_t high = std::numeric_limits<std::uint64_t>::max();
};

struct Variant;

class Place {
 public:
  // `schema` is the path in fields.h, `path` the one shown: "features[].clip", "features.2.clip".
  Place(const YamlNode& node, std::string schema, std::string path, Problems& problems);

  [[nodiscard]] const YamlNode& node() const { return *node_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool is(YamlNode::Kind kind) const { return node_->kind == kind; }
  // Whether it stands there as a number, not as a text that looks like one.
  [[nodiscard]] bool is_number() const;

  // Refuses this value, at its own place.
  void complain(const std::string& message) const;
  // Refuses this value for what it is: "expected a list, got 5".
  void complain_expected(std::string_view expected) const;

  // -- As a value of its own; nothing, and a problem, when it is something else.
  [[nodiscard]] std::optional<std::string> text() const;
  [[nodiscard]] std::optional<double> number(const NumberRange& range) const;
  [[nodiscard]] std::optional<std::uint64_t> whole(WholeRange range) const;
  [[nodiscard]] std::optional<bool> flag() const;
  [[nodiscard]] std::optional<double> seconds(const NumberRange& range) const;
  // One text or a list of them.
  [[nodiscard]] std::optional<std::vector<std::string>> texts() const;
  template <class E>
  [[nodiscard]] std::optional<E> choice() const;

  // One of several named things, each with fields of its own: its name alone, or a mapping of the
  // one name to its fields ("adam", "{adam: {learning_rate: 0.01}}"). `noun` is what the names are
  // in a message. What stands in the place of the fields without being a mapping is read as the
  // field that `short_field` names: "{dense: 64}" means "{dense: {width: 64}}".
  [[nodiscard]] std::optional<Variant> variant(
      std::string_view noun, const std::vector<std::string_view>& names,
      const std::vector<std::string_view>& short_fields) const;
  // This value as a mapping: itself, or the mapping of that one field to it.
  [[nodiscard]] YamlNode long_form(std::string_view short_field) const;

  // -- As a mapping.
  // Complains about each field that the schema does not have below this path. False, with a
  // problem, when this is no mapping at all (nothing, as in "training:", counts as one).
  bool check_fields() const;
  [[nodiscard]] bool has(std::string_view name) const { return node_->find(name) != nullptr; }
  // REQUIRES: has(name), and the schema has it.
  [[nodiscard]] Place at(std::string_view name) const;
  // REQUIRES: a list or a mapping.
  [[nodiscard]] Place item(std::size_t i) const;
  // The same value read by another part of the schema: one that several places share.
  [[nodiscard]] Place as(std::string schema) const;
  // Another value in this place: one that holds when nothing is written.
  [[nodiscard]] Place with(const YamlNode& node) const {
    return Place(node, schema_, path_, *problems_);
  }
  // Complains when the field is absent, with a hint of what to write.
  bool require(std::string_view name, const std::string& hint) const;
  // Complains at the field, when it is there.
  void refuse(std::string_view name, const std::string& why) const;

  void read(std::string_view name, std::string& out) const;
  void read(std::string_view name, bool& out) const;
  void read(std::string_view name, const NumberRange& range, double& out) const;
  void read_seconds(std::string_view name, const NumberRange& range, double& out) const;
  void read(std::string_view name, std::vector<std::string>& out) const;
  template <class T>
  requires std::is_unsigned_v<T>
  void read(std::string_view name, WholeRange range, T& out) const;
  template <class E>
  requires std::is_enum_v<E>
  void read(std::string_view name, E& out) const;

 private:
  [[nodiscard]] std::optional<std::size_t> choice_among(
      const std::vector<std::string_view>& names) const;
  void complain_unknown(const YamlKey& key) const;

  const YamlNode* node_;
  std::string schema_;
  std::string path_;
  Problems* problems_;
};

// The choice by its position in the names, and its fields. Holds them, because short forms stand
// nowhere in the tree.
struct Variant {
  std::size_t choice = 0;
  YamlNode fields;
  std::string schema;
  std::string path;
  Problems* problems = nullptr;

  // Valid as long as this.
  [[nodiscard]] Place place() const { return Place(fields, schema, path, *problems); }
};

// "a list of 3", "\"many\"", "nothing": what was seen.
[[nodiscard]] std::string described(const YamlNode& node);

template <class E>
[[nodiscard]] std::vector<std::string_view> words_of() {
  std::vector<std::string_view> words;
  for (const EnumName<E>& entry : names_of<E>()) words.push_back(entry.name);
  return words;
}

template <class E>
std::optional<E> Place::choice() const {
  const std::optional<std::size_t> found = choice_among(words_of<E>());
  if (!found) return std::nullopt;
  return names_of<E>()[*found].value;
}

template <class T>
requires std::is_unsigned_v<T>
void Place::read(std::string_view name, WholeRange range, T& out) const {
  range.high = std::min<std::uint64_t>(range.high, std::numeric_limits<T>::max());
  if (!has(name)) return;
  if (const auto value = at(name).whole(range)) out = static_cast<T>(*value);
}

template <class E>
requires std::is_enum_v<E>
void Place::read(std::string_view name, E& out) const {
  if (!has(name)) return;
  if (const auto value = at(name).choice<E>()) out = *value;
}

}  // namespace ballast
