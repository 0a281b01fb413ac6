// The names of the fields that a search sets: a path through the table of fields, with positions
// for the entries of lists, as `--set` takes it.

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "common/job/fields.h"
#include "common/job/parse_sections.h"
#include "common/job/text.h"

namespace ballast {
namespace {

// All configurations see the same examples and run on the same cluster; what they may differ in is
// what is learned from them.
constexpr std::array<std::string_view, 4> kSections = {"features", "model", "optimizer",
                                                       "training"};

bool contains(const std::vector<std::string_view>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_list(const std::string& schema) {
  const auto fields = all_fields();
  return std::any_of(fields.begin(), fields.end(),
                     [&](const Field& field) { return field.path.starts_with(schema + "[]"); });
}

bool is_position(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// What may stand below a path; below "optimizer" also the fields of whichever it is.
std::vector<std::string_view> names_below(const std::string& schema) {
  std::vector<std::string_view> names = fields_below(schema);
  if (schema != "optimizer") return names;
  for (const std::string_view kind : words_of<OptimizerKind>()) {
    for (const std::string_view name : fields_below(fmt::format("optimizer.{}", kind))) {
      if (!contains(names, name)) names.push_back(name);
    }
  }
  return names;
}

// One step down; nothing when there is no such field.
std::optional<std::string> descend(const std::string& schema, const std::string& segment) {
  if (is_list(schema)) {
    return is_position(segment) ? std::optional(schema + "[]") : std::nullopt;
  }
  if (!contains(names_below(schema), segment)) return std::nullopt;
  const bool of_a_kind = schema == "optimizer" && !contains(fields_below(schema), segment);
  // Schedules are written down once for all optimizers, with "*" for the kind.
  if (schema.starts_with("optimizer") && segment == "schedule") return "optimizer.*.schedule";
  return of_a_kind ? fmt::format("optimizer.*.{}", segment) : fmt::format("{}.{}", schema, segment);
}

std::string unknown(const std::string& schema, const std::string& walked,
                    const std::string& segment) {
  if (is_list(schema)) {
    return fmt::format("expected the position of an entry of {}, from 0, got {}", walked,
                       in_quotes(segment));
  }
  const std::vector<std::string_view> names = names_below(schema);
  const std::string_view near = nearest(segment, names);
  if (names.empty()) return fmt::format("unknown field; {} has no fields of its own", walked);
  return fmt::format("unknown field; {}possible below {}: {}",
                     near.empty() ? "" : fmt::format("did you mean {}.{}? ", walked, near), walked,
                     listed({names.begin(), names.end()}, "and"));
}

}  // namespace

std::string complaint_about_parameter(std::string_view field) {
  std::string schema;
  std::string walked;
  while (true) {
    const std::size_t dot = field.find('.');
    const std::string segment(field.substr(0, dot));
    if (schema.empty()) {
      if (std::find(kSections.begin(), kSections.end(), segment) == kSections.end()) {
        const std::string_view near = nearest(segment, kSections);
        return fmt::format(
            "expected a field of features, model, optimizer or training, such as "
            "optimizer.learning_rate; {}all else is the same for all configurations",
            near.empty() ? "" : fmt::format("did you mean {}? ", near));
      }
      schema = walked = segment;
    } else {
      const std::optional<std::string> next = descend(schema, segment);
      if (!next) return unknown(schema, walked, segment);
      schema = *next;
      walked += "." + segment;
    }
    if (dot == std::string_view::npos) break;
    field.remove_prefix(dot + 1);
  }
  if (schema == "training.threshold") {
    return "scores are compared without a threshold that was chosen for them; set "
           "training.threshold "
           "for all configurations";
  }
  if (schema == "training") return "expected a field of training, such as training.batch";
  return "";
}

}  // namespace ballast
