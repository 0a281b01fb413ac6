#include "worker/data/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "worker/data/cells.h"

namespace ballast {

namespace {

constexpr float kNoLabel = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t kClassesShownMax = 8;

std::optional<double> number_of(std::string_view text) {
  double value = 0.0;
  if (parse_number(text, value) != NumberText::number) return std::nullopt;
  return value;
}

bool class_order(const std::string& a, const std::string& b) {
  const auto x = number_of(a);
  const auto y = number_of(b);
  if (x && y && *x != *y) return *x < *y;
  return a < b;
}

std::string list_of(const std::vector<std::string>& classes) {
  std::string list;
  for (std::size_t i = 0; i < classes.size() && i < kClassesShownMax; ++i) {
    list += fmt::format("{}{}", i == 0 ? "" : ", ", shown(classes[i]));
  }
  if (classes.size() > kClassesShownMax) {
    list += fmt::format(" and {} more", classes.size() - kClassesShownMax);
  }
  return list;
}

// A LibSVM label of 1 is called +1 where there is a -1, as the format writes it.
void write_signs(std::vector<std::string>& classes) {
  if (std::find(classes.begin(), classes.end(), "-1") == classes.end()) return;
  const auto one = std::find(classes.begin(), classes.end(), "1");
  if (one != classes.end()) *one = "+1";
}

// Finds the index of a label among the classes.
class ClassIndex {
 public:
  explicit ClassIndex(const std::vector<std::string>& classes) : count_(classes.size()) {
    bool any_number = false;
    for (std::size_t i = 0; i < classes.size(); ++i) {
      by_text_[classes[i]] = i;
      if (const auto number = number_of(classes[i])) {
        by_number_[*number] = i;
        any_number = true;
      }
    }
    by_position_ = !any_number;
  }

  [[nodiscard]] std::optional<std::size_t> find(std::string_view text) const {
    const auto found = by_text_.find(text);
    if (found != by_text_.end()) return found->second;
    const auto number = by_position_ ? number_of(text) : std::nullopt;
    return number ? find(*number) : std::nullopt;
  }
  [[nodiscard]] std::optional<std::size_t> find(double number) const {
    const auto found = by_number_.find(number);
    if (found != by_number_.end()) return found->second;
    const bool whole =
        number >= 0 && number < static_cast<double>(count_) && std::floor(number) == number;
    if (by_position_ && whole) return static_cast<std::size_t>(number);
    return std::nullopt;
  }

 private:
  std::map<std::string, std::size_t, std::less<>> by_text_;
  std::map<double, std::size_t> by_number_;
  std::size_t count_;
  bool by_position_ = false;
};

bool all_numbers(const std::set<std::string>& texts) {
  return std::all_of(texts.begin(), texts.end(),
                     [](const std::string& text) { return number_of(text).has_value(); });
}

std::set<std::string> texts_in(const Table& table) {
  const std::size_t c = *table.label;
  std::set<std::string> texts;
  std::string scratch;
  for (const Block& block : table.blocks) {
    for (std::size_t row = 0; row < block.rows; ++row) {
      const std::string_view text = text_of(table, block, c, row, scratch);
      if (!text.empty() && texts.find(std::string(text)) == texts.end()) texts.emplace(text);
    }
  }
  return texts;
}

std::string no_class(std::string_view text, const std::vector<std::string>& classes) {
  return fmt::format(
      "expected a label among {}, saw {}; add it to data.label.classes, strip what it "
      "ends with by data.label.strip, or correct the row",
      list_of(classes), shown(text));
}

// Reads the label of one row at a time.
class LabelReader {
 public:
  LabelReader(const Spec& spec, const std::vector<std::string>& classes, LabelRule rule)
      : spec_(spec), classes_(classes), index_(classes), rule_(rule) {}

  // The reason why the row has no label that counts, or nothing; `label` stays NaN where the rule
  // allows that.
  std::string read(const Table& table, const Block& block, std::size_t row, float& label) const {
    const Column& column = block.columns[*table.label];
    if (table.columns[*table.label].storage == Storage::texts) {
      return read_text(column.texts[row], label);
    }
    return read_number(column.numbers[row], label);
  }

 private:
  [[nodiscard]] std::string missing() const {
    return rule_ == LabelRule::optional ? ""
                                        : "expected a label, saw none; add it or take the row out";
  }

  std::string read_text(std::string_view text, float& label) const {
    if (text.empty()) return missing();
    return take(index_.find(text), text, label);
  }

  std::string read_number(double number, float& label) const {
    if (std::isnan(number)) return missing();
    if (spec_.model.task == Task::regression) {
      if (!std::isfinite(static_cast<float>(number))) {
        return fmt::format("expected a target that 32 bits can hold, saw {}; scale the targets",
                           shown(number_text(number)));
      }
      label = static_cast<float>(number);
      return {};
    }
    return take(index_.find(number), number_text(number), label);
  }

  // Where labels may be absent nobody counts with them: a placeholder, such as LibSVM's 0, is none.
  std::string take(std::optional<std::size_t> found, std::string_view text, float& label) const {
    if (!found) return rule_ == LabelRule::optional ? "" : no_class(text, classes_);
    label = static_cast<float>(*found);
    return {};
  }

  const Spec& spec_;
  const std::vector<std::string>& classes_;
  const ClassIndex index_;
  const LabelRule rule_;
};

}  // namespace

std::optional<std::size_t> find_class(const std::vector<std::string>& classes,
                                      std::string_view text) {
  const ClassIndex index(classes);
  if (const auto found = index.find(text)) return found;
  const auto number = number_of(text);
  return number ? index.find(*number) : std::nullopt;
}

Result<std::vector<std::string>> find_classes(const Spec& spec, const Table& table) {
  if (spec.model.task == Task::regression) return std::vector<std::string>{};
  std::vector<std::string> classes = spec.data.classes;
  if (classes.empty()) {
    const std::set<std::string> texts = texts_in(table);
    classes.assign(texts.begin(), texts.end());
    if (all_numbers(texts)) std::sort(classes.begin(), classes.end(), class_order);
    if (spec.data.format == DataFormat::libsvm) write_signs(classes);
  }
  if (spec.model.task == Task::binary ? classes.size() != 2 : classes.size() < 2) {
    return Error{
        ErrorCode::invalid,
        fmt::format("data.label: expected {} classes in column \"{}\", saw {}{}{}; check the label "
                    "column and the model's loss",
                    spec.model.task == Task::binary ? "2" : "at least 2",
                    table.columns[*table.label].name, classes.size(), classes.empty() ? "" : ": ",
                    list_of(classes))};
  }
  return classes;
}

Result<std::vector<std::vector<float>>> read_labels(const Spec& spec,
                                                    const std::vector<std::string>& classes,
                                                    LabelRule rule, Table& table) {
  const LabelReader reader(spec, classes, rule);
  std::vector<std::vector<float>> labels;
  for (const Block& block : table.blocks) {
    labels.emplace_back(block.rows, kNoLabel);
    for (std::size_t row = 0; row < block.rows; ++row) {
      const std::string reason = reader.read(table, block, row, labels.back()[row]);
      if (reason.empty()) continue;
      std::string sample = fmt::format("{}: {}", place_of(table, block, row), reason);
      if (spec.data.on_bad_row == BadRow::stop) return Error{ErrorCode::invalid, std::move(sample)};
      table.rows_skipped += 1;
      if (table.skipped_samples.size() < kSamplesMax) {
        table.skipped_samples.push_back(std::move(sample));
      }
    }
  }
  return labels;
}

}  // namespace ballast
