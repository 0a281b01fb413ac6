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

}  // namespace

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
  const ClassIndex index(classes);
  const std::size_t c = *table.label;
  const bool texts = table.columns[c].storage == Storage::texts;
  const bool regression = spec.model.task == Task::regression;
  std::string scratch;
  std::vector<std::vector<float>> labels;
  for (const Block& block : table.blocks) {
    labels.emplace_back(block.rows, kNoLabel);
    for (std::size_t row = 0; row < block.rows; ++row) {
      const double number = texts ? 0.0 : block.columns[c].numbers[row];
      const bool missing = texts ? block.columns[c].texts[row].empty() : std::isnan(number);
      if (missing && rule == LabelRule::optional) continue;
      std::optional<std::size_t> found;
      if (!missing && !regression) {
        found = texts ? index.find(block.columns[c].texts[row]) : index.find(number);
      }
      if (regression && !missing && std::isfinite(static_cast<float>(number))) {
        labels.back()[row] = static_cast<float>(number);
        continue;
      }
      if (found) {
        labels.back()[row] = static_cast<float>(*found);
        continue;
      }
      if (rule == LabelRule::optional && spec.data.format == DataFormat::libsvm && number == 0.0) {
        continue;
      }
      const std::string_view text = text_of(table, block, c, row, scratch);
      std::string reason = missing      ? "expected a label, saw none; add it or take the row out"
                           : regression ? fmt::format(
                                              "expected a target that 32 bits can hold, saw "
                                              "{}; scale the targets",
                                              shown(text))
                                        : no_class(text, classes);
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
